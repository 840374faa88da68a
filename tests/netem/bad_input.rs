//! What the user got wrong, or the cluster is not up to: a clear refusal, and nothing left behind.

use std::time::Duration;

use serde_json::json;
use vmchaos_rehearsal::host::{Feature, Presence};

use super::{LONG, with};
use crate::support::{Ended, Rehearsal};

/// Nothing was written.
#[track_caller]
fn untouched(rehearsal: &Rehearsal) {
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

/// Tried, and nothing is left of it.
#[track_caller]
fn cleared(rehearsal: &Rehearsal, ended: Ended) -> Ended {
    assert_eq!(rehearsal.debug_pods(), []);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    let document = ended.json();
    assert_eq!(document["outcome"], "failed", "{document}");
    assert_eq!(
        document["targets"][0]["injectedAt"],
        serde_json::Value::Null,
        "{document}"
    );
    ended
}

#[test]
fn a_vmi_that_cannot_take_it_is_refused_with_the_reason() {
    let rehearsal = Rehearsal::new();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("web-9", "default", &["\"web-9\" not found", "kubectl vmchaos list"]),
        ("web-1", "nowhere", &["namespaces \"nowhere\" not found"]),
        ("stopped-1", "lab", &["stopped-1", "virtctl start stopped-1"]),
        (
            "starting-1",
            "lab",
            &[
                "lab/starting-1 is not running (phase Scheduling)",
                "kubectl wait vmi/starting-1",
            ],
        ),
        (
            "paused-1",
            "lab",
            &["lab/paused-1 is paused", "virtctl unpause vmi paused-1 -n lab"],
        ),
        ("web-1", "shop", &["\"web-1\" not found"]),
    ];
    for (vmi, namespace, says) in cases {
        let args = ["netem", vmi, "-n", namespace, "--latency", "1ms", "-y", "-o", "json"];
        let ended = rehearsal.run(&args).expect(4).says(says);
        assert_eq!(ended.json()["outcome"], "refused");
    }
    untouched(&rehearsal);
}

#[test]
fn a_vmi_that_migrates_is_refused() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.edit("VirtualMachineInstance", "default", "web-1", |vmi| {
        vmi["status"]["migrationState"] =
            json!({"migrationUid": "m", "sourceNode": "node-1", "targetNode": "node-2", "startTimestamp": "2026-01-01T00:00:00Z"});
    });
    rehearsal
        .run(&LONG)
        .expect(4)
        .says(&["default/web-1 is migrating from node-1 to node-2", "kubectl get vmim"]);
    untouched(&rehearsal);
}

#[test]
fn a_search_that_finds_nothing_says_where_it_looked() {
    let rehearsal = Rehearsal::new();
    let nothing = ["netem", "--target", "none-.*", "--latency", "1ms", "-y"];
    rehearsal
        .run(&nothing)
        .expect(4)
        .says(&["no VMI matches in namespace default"]);
    rehearsal
        .run(&with(&nothing, &["-A"]))
        .expect(4)
        .says(&["no VMI matches in any namespace"]);
    untouched(&rehearsal);
}

#[test]
fn where_kubevirt_is_not_installed_it_says_so() {
    let rehearsal = Rehearsal::with(vmchaos_rehearsal::Options {
        kubevirt: false,
        ..vmchaos_rehearsal::Options::default()
    });
    let ended = rehearsal.run(&LONG).expect(4);
    assert!(ended.err.contains("KubeVirt"), "{}", ended.err);
    untouched(&rehearsal);
}

#[test]
fn a_node_that_is_not_ready_is_known_before_a_pod_is_made() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.node_not_ready("node-1");
    rehearsal
        .run(&LONG)
        .expect(4)
        .says(&["default/web-1 is on node node-1, which is not Ready"]);
    untouched(&rehearsal);
}

#[test]
fn an_image_that_cannot_be_pulled_fails_the_run() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.image_pull_fails("registry.example/none:1");
    let args = with(&LONG, &["--image", "registry.example/none:1", "-o", "json"]);
    let ended = rehearsal
        .run(&args)
        .expect(1)
        .says(&["ImagePullBackOff", "registry.example/none:1", "--image"]);
    cleared(&rehearsal, ended);
}

#[test]
fn a_pod_that_never_starts_is_given_up() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.pod_never_starts("node-1");
    let args = with(&LONG, &["--pod-running-timeout", "2s", "-o", "json"]);
    let ended = rehearsal
        .run(&args)
        .expect(1)
        .says(&["did not start within 2 s", "--pod-running-timeout"]);
    cleared(&rehearsal, ended);
}

#[test]
fn a_kernel_without_netem_is_refused_by_the_node() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .set_feature("node-1", Feature::Netem, Presence::Absent)
        .unwrap();
    let ended = rehearsal
        .run(&with(&LONG, &["-o", "json"]))
        .expect(1)
        .says(&["no sch_netem", "kernel-modules-extra"]);
    cleared(&rehearsal, ended);
}

#[test]
fn a_module_on_disk_is_loaded() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .set_feature("node-1", Feature::Netem, Presence::Module)
        .unwrap();
    rehearsal.run(&super::SHORT).expect(0);
}

#[test]
fn a_server_that_is_not_there_is_a_failure_in_kubectls_words() {
    let rehearsal = Rehearsal::new();
    let args = with(&LONG, &["--server", "https://127.0.0.1:1", "-o", "json"]);
    let ended = rehearsal.run(&args).expect(1).says(&["127.0.0.1:1 was refused"]);
    assert_eq!(ended.json()["error"]["reason"], "unreachable");
}

#[test]
fn a_slow_server_is_waited_for() {
    let rehearsal = Rehearsal::with(vmchaos_rehearsal::Options {
        latency: Duration::from_millis(100),
        ..vmchaos_rehearsal::Options::default()
    });
    rehearsal.run(&super::SHORT).expect(0);
}
