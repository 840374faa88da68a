//! The practice cluster is held to recordings of KubeVirt on a real Kubernetes, which `tests/run kubevirt record` writes: the
//! same is done to the same guest, and every field of its objects has the same values in the same order, every request the same
//! answer, and the same Events are told.

mod deliberate;
mod facts;
mod placeholders;
mod play;
mod recording;

use serde_json::{Value, json};
use vmchaos_rehearsal::host::Signal;

use self::{
    facts::Facts,
    play::{GUEST, MIGRATIONS, PODS, Play, VMIS, VMS, subresource},
    recording::Step,
};

/// Waits for the end of what a scenario has begun, and holds it to the recording.
async fn is_as_recorded(scenario: &str, recorded: &[Step], play: Play) {
    let real = facts::of(recorded);
    let differs = |played: &Facts| {
        let mut all = facts::differences(&real, played);
        all.retain(|(fact, _)| !deliberate::is_meant(scenario, fact));
        all
    };
    let steps = play.end(|steps| differs(&facts::of(steps)).is_empty()).await;
    let all: Vec<String> = differs(&facts::of(&steps)).into_iter().map(|(_, told)| told).collect();
    assert!(
        all.is_empty(),
        "{scenario}: {} facts differ from the recording:\n  {}",
        all.len(),
        all.join("\n  ")
    );
}

/// Holds that an object is as large as a real one, give or take a third.
fn is_as_large(what: &str, real: usize, here: usize) {
    assert!(
        real.abs_diff(here) * 3 <= real,
        "{what} has {here} bytes, a real one {real}"
    );
}

/// Until the guest's VMI is another one than before, and Ready.
async fn runs_anew(play: &Play, before: &Value) {
    play.until("VirtualMachineInstance", |vmi| {
        vmi["metadata"]["uid"] != before["metadata"]["uid"] && is(vmi, "Ready")
    })
    .await;
}

fn is(object: &Value, condition: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|one| one["type"] == condition && one["status"] == "True")
}

#[tokio::test]
async fn objects_are_as_large_as_real_ones() {
    let recorded = recording::read("migrate");
    let real = facts::sizes(&recorded);
    let play = Play::of(&recorded).await;
    let name = format!("{GUEST}-m1");
    play.migration(&name, GUEST).await;
    play.ended(&name).await;
    let steps = play.end(|_| true).await;
    let here = facts::sizes(&steps);
    assert_eq!(real.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>());
    for (object, real) in &real {
        is_as_large(object, *real, here[object]);
    }
    // Those that are there from the start as well.
    let launcher = play.practice.launcher("default", "web-1").unwrap();
    let launcher = format!("{PODS}/{}", launcher["metadata"]["name"].as_str().unwrap());
    for (kind, path) in [
        ("VirtualMachine 1", format!("{VMS}/web-1")),
        ("VirtualMachineInstance 1", format!("{VMIS}/web-1")),
        ("Pod 1", launcher),
    ] {
        is_as_large(&path, real[kind], play.size(&path).await);
    }
}

#[tokio::test]
async fn start() {
    let recorded = recording::read("start");
    let play = Play::of(&recorded).await;
    play.of_vm("start").await;
    play.until("VirtualMachine", |vm| vm["status"]["ready"] == true).await;
    play.of_vm("start").await;
    is_as_recorded("start", &recorded, play).await;
}

#[tokio::test]
async fn stop() {
    let recorded = recording::read("stop");
    let play = Play::of(&recorded).await;
    play.of_vm("stop").await;
    play.until("VirtualMachine", |vm| vm["status"]["created"] != true).await;
    for verb in ["stop", "restart", "migrate"] {
        play.of_vm(verb).await;
    }
    play.of_vmi("pause").await;
    is_as_recorded("stop", &recorded, play).await;
}

#[tokio::test]
async fn pause() {
    let recorded = recording::read("pause");
    let play = Play::of(&recorded).await;
    play.of_vmi("unpause").await;
    play.of_vmi("pause").await;
    play.until("VirtualMachine", |vm| vm["status"]["ready"] != true).await;
    play.of_vmi("pause").await;
    play.of_vm("start").await;
    play.of_vmi("unpause").await;
    is_as_recorded("pause", &recorded, play).await;
}

#[tokio::test]
async fn reset() {
    let recorded = recording::read("reset");
    let play = Play::of(&recorded).await;
    play.of_vmi("softreboot").await;
    play.of_vmi("reset").await;
    is_as_recorded("reset", &recorded, play).await;
}

#[tokio::test]
async fn crash() {
    let recorded = recording::read("crash");
    let play = Play::of(&recorded).await;
    let before = play.vmi();
    play.practice.kill_container("default", &play.launcher(), Signal::Kill);
    runs_anew(&play, &before).await;
    is_as_recorded("crash", &recorded, play).await;
}

#[tokio::test]
async fn delete() {
    let recorded = recording::read("delete");
    let play = Play::of(&recorded).await;
    play.ask("DELETE", &format!("{VMIS}/{GUEST}"), None).await;
    is_as_recorded("delete", &recorded, play).await;
}

#[tokio::test]
async fn pod() {
    let recorded = recording::read("pod");
    let play = Play::of(&recorded).await;
    play.ask("DELETE", &format!("{PODS}/{}", play.launcher()), None).await;
    is_as_recorded("pod", &recorded, play).await;
}

#[tokio::test]
async fn migrate() {
    let recorded = recording::read("migrate");
    let play = Play::of(&recorded).await;
    let (first, second) = (format!("{GUEST}-m1"), format!("{GUEST}-m2"));
    play.migration(&first, GUEST).await;
    play.migration(&second, GUEST).await;
    play.ended(&first).await;
    play.ask(
        "PATCH",
        &format!("{MIGRATIONS}/{first}"),
        Some(&json!({"spec": {"vmiName": "other"}})),
    )
    .await;
    is_as_recorded("migrate", &recorded, play).await;
}

#[tokio::test]
async fn evacuate() {
    let recorded = recording::read("evacuate");
    let play = Play::of(&recorded).await;
    let pod = play.launcher();
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}});
    for _ in 0..2 {
        play.ask("POST", &format!("{PODS}/{pod}/eviction"), Some(&eviction))
            .await;
    }
    is_as_recorded("evacuate", &recorded, play).await;
}

#[tokio::test]
async fn abort() {
    let recorded = recording::read("abort");
    let play = Play::of(&recorded).await;
    // As in the recording, the target has not started yet.
    play.practice.pod_never_starts("node-2");
    let name = format!("{GUEST}-m1");
    play.migration(&name, GUEST).await;
    play.practice
        .until("VirtualMachineInstanceMigration", "default", &name, |migration| {
            migration["status"]["phase"] == "Scheduling"
        })
        .await
        .unwrap();
    play.ask("DELETE", &format!("{MIGRATIONS}/{name}"), None).await;
    is_as_recorded("abort", &recorded, play).await;
}

#[tokio::test]
async fn refusals() {
    let recorded = recording::read("refusals");
    let play = Play::of(&recorded).await;
    let first = format!("{GUEST}-m1");
    play.migration(&first, GUEST).await;
    for verb in ["migrate", "start"] {
        play.of_vm(verb).await;
    }
    play.of_vmi("unpause").await;
    let (vmi, failed) = (format!("{VMIS}/{GUEST}"), json!({"status": {"phase": "Failed"}}));
    play.ask(
        "PATCH",
        &vmi,
        Some(&json!({"spec": {"terminationGracePeriodSeconds": 0}})),
    )
    .await;
    play.ask(
        "PATCH",
        &vmi,
        Some(&json!({"metadata": {"labels": {"kubevirt.io/nodeName": "elsewhere"}}})),
    )
    .await;
    play.ask("PATCH", &vmi, Some(&failed)).await;
    play.ask("PATCH", &format!("{vmi}/status"), Some(&failed)).await;
    play.ask(
        "PATCH",
        &format!("{VMS}/{GUEST}"),
        Some(&json!({"spec": {"running": true}})),
    )
    .await;
    for vmi in ["nobody", ""] {
        play.migration(&format!("{GUEST}-m2"), vmi).await;
    }
    for verb in ["start", "stop", "restart", "migrate"] {
        play.ask("PUT", &subresource("virtualmachines", "nobody", verb), Some(&json!({})))
            .await;
    }
    for verb in ["pause", "unpause", "reset"] {
        play.ask(
            "PUT",
            &subresource("virtualmachineinstances", "nobody", verb),
            Some(&json!({})),
        )
        .await;
    }
    play.ask("DELETE", &format!("{VMIS}/nobody"), None).await;
    play.ask("DELETE", &format!("{MIGRATIONS}/nobody"), None).await;
    is_as_recorded("refusals", &recorded, play).await;
}
