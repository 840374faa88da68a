//! `halt` of an outage whose command is gone: by run and by VM, dry, and where not all of it is permitted or needed.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::Options;

use super::lost_operator::{lost, lost_of, status};
use super::{VM, VMI, YES, is_unmarked, quick, run_field, strategy, uid};
use crate::support::Rehearsal;

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
