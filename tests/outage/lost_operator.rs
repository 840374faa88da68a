//! `kill -9` of the command: what it changed stands on the VM with the way back, and any machine can go it.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Options, Rule};

use super::{VM, VMI, YES, is_unmarked, quick, run_field, strategy, uid, with};
use crate::support::Rehearsal;

/// A run in the middle of its outage, whose command is gone; its id.
fn lost(rehearsal: &Rehearsal, how: &[&str]) -> String {
    lost_of(rehearsal, "web-1", how)
}

fn lost_of(rehearsal: &Rehearsal, vm: &str, how: &[&str]) -> String {
    let mut args = vec!["outage", vm, YES, "--duration", "10m", "--reason", "game day", "--mode"];
    args.extend(how);
    let mut run = rehearsal.spawn(&args);
    run.wait_for("injected");
    run.signal("KILL");
    run.end();
    let mut items = status(rehearsal);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)["id"].as_str().unwrap().to_owned()
}

fn status(rehearsal: &Rehearsal) -> Vec<Value> {
    let list = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    list["items"].as_array().unwrap().clone()
}

/// What people and this tool set on `default/web-1`; its status is its controllers' to change, at any time.
fn as_set(rehearsal: &Rehearsal) -> Value {
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    let metadata = &vm["metadata"];
    json!([
        metadata["annotations"],
        metadata["labels"],
        metadata["deletionTimestamp"],
        vm["spec"]
    ])
}

#[test]
fn a_pause_is_seen_by_everybody_and_ended_from_anywhere() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["pause"]);
    let item = status(&rehearsal).remove(0);
    assert_eq!(
        (&item["fault"], &item["effect"], &item["state"], &item["reason"]),
        (&json!("outage"), &json!("pause"), &json!("running"), &json!("game day"))
    );
    assert_eq!(
        (&item["targets"], &item["durationSeconds"]),
        (&json!(["default/web-1"]), &json!(600.0))
    );
    let dry = rehearsal.run(&["halt", &id, "--dry-run"]).expect(0);
    assert!(dry.err.contains("nothing was changed"), "{}", dry.err);
    assert!(!is_unmarked(&rehearsal, VM, "default", "web-1"));
    rehearsal.run(&["halt", &id]).expect(0);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
    let vmi = rehearsal.practice.get(super::VMI, "default", "web-1").unwrap();
    assert!(!vmi["status"]["conditions"].to_string().contains("Paused"));
    assert_eq!(status(&rehearsal), Vec::<Value>::new());
    // Idempotent.
    rehearsal.run(&["halt", &id]).expect(0);
}

#[test]
fn a_server_dry_run_of_halt_asks_about_the_way_back_and_changes_nothing() {
    for how in [&["pause"][..], &["delete", "--disable-auto-restart"]] {
        let rehearsal = quick();
        let id = lost(&rehearsal, how);
        let before = as_set(&rehearsal);
        rehearsal.practice.clear_requests();
        rehearsal.run(&["halt", &id, "--dry-run=server"]).expect(0);
        let asked = rehearsal.practice.requests();
        assert!(asked.iter().any(|request| request.method == "PATCH"), "{how:?}");
        assert_eq!(before, as_set(&rehearsal), "{how:?}");
        rehearsal
            .practice
            .forbid("patch", "kubevirt.io", "virtualmachines", "", "default");
        let refused = rehearsal.run(&["halt", &id, "--dry-run=server"]).expect(4);
        assert!(refused.err.contains("forbidden"), "{}", refused.err);
    }
}

#[test]
fn halting_a_vm_by_its_name_also_undoes_what_an_outage_left_on_it() {
    let delete = &["delete", "--disable-auto-restart"][..];
    for how in [&["pause"][..], &["stop"], delete] {
        let rehearsal = quick();
        lost(&rehearsal, how);
        let before = as_set(&rehearsal);
        for dry in ["--dry-run=client", "--dry-run=server"] {
            rehearsal.practice.clear_requests();
            let dry_run = rehearsal.run(&["halt", "vmi/web-1", dry, "-o", "json"]).expect(0);
            assert_eq!(dry_run.json()["items"][0]["fault"], "outage", "{how:?} {dry}");
            assert_eq!(before, as_set(&rehearsal), "{how:?} {dry}");
            let asked = rehearsal.practice.requests();
            let patches = asked.iter().any(|request| request.method == "PATCH");
            assert_eq!(patches, dry == "--dry-run=server", "{how:?} {dry}");
        }
        // Another VM's is another's.
        rehearsal.run(&["halt", "vmi/web-2", "-y"]).expect(0);
        assert!(!is_unmarked(&rehearsal, VM, "default", "web-1"), "{how:?}");
        rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{how:?}");
        assert_eq!(run_field(&rehearsal), json!(["Always", null]), "{how:?}");
    }
}

#[test]
fn an_outages_run_is_completed_where_halt_asks_for_one() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["pause"]);
    let offered = rehearsal.run(&["__complete", "halt", ""]).expect(0);
    assert!(
        offered.out.starts_with(&format!("{id}\tpause, web-1")),
        "{}",
        offered.out
    );
}

#[test]
fn a_stopped_vm_runs_again_with_the_strategy_it_had() {
    for name in ["Always", "Once", "Manual", "RerunOnFailure"] {
        let rehearsal = quick();
        strategy(&rehearsal, "default", "web-1", name);
        lost(&rehearsal, &["stop"]);
        rehearsal.run(&["halt", "--all", "-y"]).expect(0);
        assert_eq!(run_field(&rehearsal), json!([name, null]));
        rehearsal.until("it runs again", |rehearsal| {
            !uid(rehearsal, "default", "web-1").is_empty()
        });
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{name}");
    }
}

#[test]
fn a_disabled_restart_is_enabled_again() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["delete", "--disable-auto-restart"]);
    assert_eq!(run_field(&rehearsal), json!(["Manual", null]));
    rehearsal.run(&["halt", &id]).expect(0);
    assert_eq!(run_field(&rehearsal), json!(["Always", null]));
    rehearsal.until("it runs again", |rehearsal| {
        !uid(rehearsal, "default", "web-1").is_empty()
    });
}

#[test]
fn what_somebody_else_set_since_is_left_alone_and_said() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["delete", "--disable-auto-restart"]);
    strategy(&rehearsal, "default", "web-1", "RerunOnFailure");
    let halted = rehearsal.run(&["halt", &id]).expect(3);
    assert!(
        halted
            .err
            .contains(r#"-p '{"spec":{"runStrategy":"Always"}}' --context vmchaos-rehearsal"#),
        "{}",
        halted.err
    );
    assert_eq!(run_field(&rehearsal), json!(["RerunOnFailure", null]));
}

#[test]
fn a_way_back_that_cannot_be_read_is_told_and_left_alone() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["pause"]);
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(r#"{"version": 2}"#);
    });
    // Without its status, which KubeVirt writes.
    let now = |rehearsal: &Rehearsal| {
        let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
        json!([vm["spec"], vm["metadata"]["annotations"], vm["metadata"]["labels"]])
    };
    let before = now(&rehearsal);
    let item = status(&rehearsal).remove(0);
    assert_eq!(
        (&item["id"], &item["state"], &item["targets"]),
        (&json!(id), &json!("unknown"), &json!(["default/web-1"]))
    );
    let look = "kubectl get vm web-1 -n default -o yaml --context vmchaos-rehearsal";
    for named in [&id[..], "--all", "vmi/web-1"] {
        rehearsal.run(&["halt", named, "-y"]).expect(3).says(&[
            "default/web-1: its way back",
            "was not written by this version",
            look,
        ]);
    }
    // Not paused any more, it still carries the way back of another run, which is not written over.
    rehearsal.practice.edit(VMI, "default", "web-1", |vmi| {
        let conditions = vmi["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != "Paused");
    });
    rehearsal.run(&["outage", "web-1", YES]).expect(4).says(&[
        "whose way back (annotation vmchaos.dev/undo) this version cannot read",
        look,
    ]);
    assert_eq!(before, now(&rehearsal));
}

#[test]
fn the_way_back_is_written_before_anything_is_changed() {
    let rehearsal = quick();
    // The command never learns that its change was made.
    let disabled = &["delete", "--disable-auto-restart"][..];
    for (how, verb, path) in [
        (&["pause"][..], "update", "/web-2/pause$"),
        (&["stop"], "update", "/web-2/stop$"),
        (disabled, "delete", "/virtualmachineinstances/web-2$"),
    ] {
        let mode = how[0];
        rehearsal.practice.clear_requests();
        rehearsal.practice.fail(Rule::new(verb, path, Answer::Hang).unwrap());
        let mut run = rehearsal.spawn(&with(&["outage", "web-2", YES, "--duration", "10m", "--mode"], how));
        run.wait_for(&format!("{mode} asked for"));
        rehearsal.until("the change is asked for", |rehearsal| {
            rehearsal
                .practice
                .requests()
                .iter()
                .any(|request| request.verb == verb && request.path.ends_with(path.trim_end_matches('$')))
        });
        assert!(!is_unmarked(&rehearsal, VM, "default", "web-2"), "{mode}");
        // The run strategy is never another one without the way back beside it.
        let asked = rehearsal.practice.requests();
        let patches: Vec<_> = asked.iter().filter(|request| request.method == "PATCH").collect();
        assert_eq!(patches.len(), 1, "{mode}");
        let patch = patches[0].json().to_string();
        assert!(patch.contains("vmchaos.dev~1undo"), "{patch}");
        assert_eq!(patch.contains("Manual"), how == disabled, "{patch}");
        run.signal("KILL");
        run.end();
        rehearsal.run(&["halt", "--all", "-y"]).expect(0);
        assert!(is_unmarked(&rehearsal, VM, "default", "web-2"), "{mode}");
        let vm = rehearsal.practice.get(VM, "default", "web-2").unwrap();
        assert_eq!(vm["spec"]["runStrategy"], "Always", "{mode}");
    }
}

#[test]
fn a_vmi_without_a_vm_is_halted_by_its_name() {
    let rehearsal = quick();
    let id = lost_of(&rehearsal, "vmi/lone-1/lab", &["pause"]);
    assert_eq!(status(&rehearsal)[0]["targets"], json!(["lab/lone-1"]));
    // Another VMI's is another's, and so is the one of that name elsewhere.
    rehearsal.run(&["halt", "vmi/probe-1/lab", "-y"]).expect(0);
    assert!(!is_unmarked(&rehearsal, VMI, "lab", "lone-1"));
    let paused = |rehearsal: &Rehearsal| {
        let vmi = rehearsal.practice.get(VMI, "lab", "lone-1").unwrap();
        vmi["status"]["conditions"].to_string().contains("Paused")
    };
    let dry = rehearsal.run(&["halt", "vmi/lone-1/lab", "--dry-run=server", "-o", "json"]);
    let item = dry.expect(0).json()["items"][0].clone();
    assert_eq!((&item["id"], &item["fault"]), (&json!(id), &json!("outage")));
    assert!(paused(&rehearsal));
    rehearsal.run(&["halt", "vmi/lone-1/lab", "-y"]).expect(0);
    assert!(is_unmarked(&rehearsal, VMI, "lab", "lone-1"));
    assert!(!paused(&rehearsal));
    // Idempotent.
    rehearsal.run(&["halt", "vmi/lone-1/lab", "-y"]).expect(0);
}

#[test]
fn a_watch_of_status_shows_it_come_and_go() {
    let rehearsal = quick();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let watch = rehearsal
        .command(&["status", "--watch"])
        .stdout(std::fs::File::create(&path).unwrap())
        .stderr(std::process::Stdio::null())
        .spawn();
    let watch = Watch(watch.unwrap());
    rehearsal.until("the watches are open", |rehearsal| {
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .filter(|request| request.query.contains("watch="))
            .count()
            >= 3
    });
    let id = lost(&rehearsal, &["pause"]);
    let shown = |word: &str| {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .any(|line| line.starts_with(&id) && line.contains(&format!(" {word} ")))
    };
    rehearsal.until("it is shown", |_| shown("running"));
    rehearsal.run(&["halt", &id]).expect(0);
    rehearsal.until("its end is shown", |_| shown("gone"));
    drop(watch);
}

/// Ended when a test fails, too.
struct Watch(std::process::Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_needs_no_debug_pod_is_undone_where_none_may_be_made() {
    let rehearsal = quick();
    lost(&rehearsal, &["pause"]);
    for namespace in ["kubevirt", "default"] {
        rehearsal.practice.admission_deny(namespace, "baseline");
    }
    // Its network could not be looked into: that is not said to be in order.
    let halted = rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(3);
    halted.says(&[
        "default/web-1: nobody could look into it",
        "violates PodSecurity",
        "kubectl vmchaos halt vmi/web-1/default",
    ]);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
    let vmi = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
    assert!(!vmi["status"]["conditions"].to_string().contains("Paused"));
}

/// A Manual VM whose guest was told to shut down by a command that is gone since; the guest takes its time.
fn shutting_down(guest: Duration) -> (Rehearsal, String) {
    let rehearsal = Rehearsal::with(Options {
        guest,
        pod_start: Duration::from_millis(20),
        running_lag: Duration::from_millis(20),
        ..Options::default()
    });
    strategy(&rehearsal, "default", "web-1", "Manual");
    let before = uid(&rehearsal, "default", "web-1");
    let mut run = rehearsal.spawn(&["outage", "web-1", YES, "--duration", "10m", "--mode", "stop"]);
    rehearsal.until("its guest shuts down", |rehearsal| {
        let vmi = rehearsal.practice.get(VMI, "default", "web-1");
        vmi.is_some_and(|vmi| !vmi["metadata"]["deletionTimestamp"].is_null())
    });
    run.signal("KILL");
    run.end();
    (rehearsal, before)
}

fn starts(rehearsal: &Rehearsal) -> usize {
    let all = rehearsal.practice.requests();
    all.iter().filter(|request| request.path.ends_with("/start")).count()
}

/// KubeVirt refuses to start what still runs, which must not be taken for a VM that needs no start.
#[test]
fn a_guest_that_still_shuts_down_is_waited_for_and_then_started() {
    let (rehearsal, before) = shutting_down(Duration::from_secs(3));
    let id = status(&rehearsal).remove(0)["id"].as_str().unwrap().to_owned();
    // Nothing of an outage is inside of a VM: that this one cannot be looked into now leaves nothing open.
    rehearsal.run(&["halt", &id, "-y"]).expect(0);
    rehearsal.until("another guest runs", |rehearsal| {
        let now = uid(rehearsal, "default", "web-1");
        !now.is_empty() && now != before
    });
    assert_eq!(starts(&rehearsal), 1, "once, and not before it could be");
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn a_guest_that_somebody_started_meanwhile_is_not_started_again() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Manual");
    let id = lost(&rehearsal, &["stop"]);
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["status"]["stateChangeRequests"] = json!([{"action": "Start"}]);
    });
    rehearsal.until("somebody's guest runs", |rehearsal| {
        let vmi = rehearsal.practice.get(VMI, "default", "web-1");
        vmi.is_some_and(|vmi| vmi["status"]["phase"] == "Running")
    });
    let theirs = uid(&rehearsal, "default", "web-1");
    rehearsal.run(&["halt", &id, "-y"]).expect(0);
    assert_eq!(starts(&rehearsal), 0);
    assert_eq!(uid(&rehearsal, "default", "web-1"), theirs);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}
