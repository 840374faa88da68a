//! Whether anything brings a guest back, by its VM's run strategy, the way it ended, and KubeVirt's version: one test a row.

use serde_json::json;

use super::{VM, YES, came, expected, is_unmarked, quick, strategy, uid};
use crate::support::Rehearsal;

const DELETED: &[&str] = &["--mode", "delete"];
const FAILED: &[&str] = &["--mode", "pod"];
const CRASHED: &[&str] = &["--mode", "kill"];
const SHUT_DOWN: &[&str] = &["--mode", "pod", "--grace-period", "30"];

/// What the plan says, what happens, and that both agree.
fn row(name: &str, version: &str, how: &[&str], by_itself: bool) {
    let rehearsal = quick();
    rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |kubevirt| {
        kubevirt["status"]["observedKubeVirtVersion"] = json!(version);
    });
    strategy(&rehearsal, "default", "web-1", name);
    agrees(&rehearsal, how, by_itself);
    assert_eq!(
        rehearsal.practice.get(VM, "default", "web-1").unwrap()["spec"]["runStrategy"],
        name
    );
}

fn agrees(rehearsal: &Rehearsal, how: &[&str], by_itself: bool) {
    let before = uid(rehearsal, "default", "web-1");
    let mut args = vec!["outage", "web-1", YES, "-o", "json", "--duration", "1s"];
    args.extend(how);
    if by_itself {
        // However long it takes: the platform is to do it.
        args.extend(["--duration", "10m"]);
        args.drain(5..7);
    }
    let ended = rehearsal.run(&args).expect(0);
    let (said, by) = if by_itself {
        ("by itself", "platform")
    } else {
        ("by this command", "vmchaos")
    };
    let plan = ended
        .err
        .lines()
        .find(|line| line.contains("web-1") && line.contains("node-"))
        .unwrap();
    assert!(plan.trim_end().ends_with(said), "{}", ended.err);
    assert_eq!(came(&ended), expected("recovered", by), "{}", ended.err);
    assert_ne!(before, uid(rehearsal, "default", "web-1"));
    assert!(is_unmarked(rehearsal, VM, "default", "web-1"));
}

#[test]
fn always_after_a_deletion() {
    row("Always", "v1.9.0", DELETED, true);
}

#[test]
fn always_after_a_failure() {
    row("Always", "v1.9.0", FAILED, true);
}

#[test]
fn always_after_a_crash() {
    row("Always", "v1.9.0", CRASHED, true);
}

#[test]
fn rerun_on_failure_after_a_crash() {
    row("RerunOnFailure", "v1.9.0", CRASHED, true);
}

#[test]
fn rerun_on_failure_after_a_crash_before_1_2() {
    row("RerunOnFailure", "v1.1.1", CRASHED, true);
}

#[test]
fn once_after_a_crash() {
    row("Once", "v1.9.0", CRASHED, false);
}

#[test]
fn manual_after_a_crash() {
    row("Manual", "v1.9.0", CRASHED, false);
}

#[test]
fn always_after_a_shutdown() {
    row("Always", "v1.9.0", SHUT_DOWN, true);
}

#[test]
fn rerun_on_failure_after_a_deletion() {
    row("RerunOnFailure", "v1.9.0", DELETED, false);
}

#[test]
fn rerun_on_failure_after_a_deletion_before_1_2() {
    row("RerunOnFailure", "v1.1.1", DELETED, true);
}

#[test]
fn rerun_on_failure_after_a_failure() {
    row("RerunOnFailure", "v1.9.0", FAILED, true);
}

#[test]
fn rerun_on_failure_after_a_failure_before_1_2() {
    row("RerunOnFailure", "v1.1.1", FAILED, true);
}

#[test]
fn rerun_on_failure_after_a_shutdown() {
    row("RerunOnFailure", "v1.9.0", SHUT_DOWN, false);
}

#[test]
fn once_after_a_deletion() {
    row("Once", "v1.9.0", DELETED, true);
}

#[test]
fn once_after_a_failure() {
    row("Once", "v1.9.0", FAILED, false);
}

#[test]
fn once_after_a_shutdown() {
    row("Once", "v1.9.0", SHUT_DOWN, false);
}

#[test]
fn manual_after_a_deletion() {
    row("Manual", "v1.9.0", DELETED, false);
}

#[test]
fn manual_after_a_failure() {
    row("Manual", "v1.9.0", FAILED, false);
}

#[test]
fn manual_after_a_shutdown() {
    row("Manual", "v1.9.0", SHUT_DOWN, false);
}

#[test]
fn the_deprecated_field_that_means_always() {
    let rehearsal = quick();
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["spec"].as_object_mut().unwrap().remove("runStrategy");
        vm["spec"]["running"] = json!(true);
    });
    agrees(&rehearsal, DELETED, true);
    assert_eq!(
        rehearsal.practice.get(VM, "default", "web-1").unwrap()["spec"]["running"],
        true
    );
}

#[test]
fn a_version_that_may_not_be_read_is_taken_for_a_later_one() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "RerunOnFailure");
    rehearsal.practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    agrees(&rehearsal, DELETED, false);
}

#[test]
fn rerun_on_failure_after_a_shutdown_before_1_2() {
    row("RerunOnFailure", "v1.1.1", SHUT_DOWN, false);
}

#[test]
fn once_after_a_deletion_before_1_2() {
    row("Once", "v1.1.1", DELETED, true);
}

#[test]
fn manual_after_a_deletion_before_1_2() {
    row("Manual", "v1.1.1", DELETED, false);
}

#[test]
fn a_vm_of_a_pool_follows_its_own_run_strategy() {
    for (name, by_itself) in [("Always", true), ("Manual", false)] {
        let rehearsal = quick();
        rehearsal.practice.edit(VM, "default", "web-1", |vm| {
            vm["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "pool.kubevirt.io/v1beta1", "kind": "VirtualMachinePool", "name": "web", "uid": "pool",
                "controller": true, "blockOwnerDeletion": true,
            }]);
        });
        strategy(&rehearsal, "default", "web-1", name);
        agrees(&rehearsal, DELETED, by_itself);
    }
}
