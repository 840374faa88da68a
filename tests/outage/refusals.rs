//! What is refused before any change: VMIs that cannot take it, guards, questions without an answer.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Options, Rule};

use super::{VM, VMI, YES, outage, quick, strategy, uid};
use crate::support::{Rehearsal, Running};

/// The command is refused with these words, and nothing was written.
#[track_caller]
fn refused(rehearsal: &Rehearsal, args: &[&str], says: &str) {
    let ended = rehearsal.run(args).expect(4);
    assert!(ended.err.contains(says), "{}", ended.err);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_standalone_vmi_cannot_be_stopped() {
    refused(
        &quick(),
        &["outage", "vmi/lone-1/lab", "--mode", "stop", YES],
        "has no VM that could be stopped",
    );
}

#[test]
fn a_standalone_vmi_has_no_restart_to_disable() {
    refused(
        &quick(),
        &["outage", "vmi/lone-1/lab", "--disable-auto-restart", YES],
        "has no VM whose restart could be disabled; leave out --disable-auto-restart",
    );
}

#[test]
fn a_vm_that_does_not_run_cannot_be_stopped() {
    refused(
        &quick(),
        &["outage", "vm/stopped-1/lab", "--mode", "stop", YES],
        "is not running (VM is Stopped)",
    );
}

#[test]
fn a_halted_vm_is_about_to_end_anyway() {
    let rehearsal = Rehearsal::with(Options {
        guest: Duration::from_secs(600),
        ..Options::default()
    });
    strategy(&rehearsal, "default", "web-1", "Halted");
    rehearsal.until("its guest is ending", |rehearsal| {
        let vmi = rehearsal.practice.get(VMI, "default", "web-1");
        vmi.is_some_and(|vmi| vmi["metadata"].get("deletionTimestamp").is_some())
    });
    for mode in ["stop", "pause", "kill"] {
        refused(
            &rehearsal,
            &["outage", "web-1", "--mode", mode, YES],
            "is being deleted",
        );
    }
}

#[test]
fn a_liveness_probe_forbids_a_pause() {
    let rehearsal = quick();
    refused(
        &rehearsal,
        &["outage", "mail-1", "--mode", "pause", YES],
        "has a liveness probe: KubeVirt does not pause such VMIs; every other --mode will do",
    );
    rehearsal
        .run(&["outage", "mail-1", "--mode", "reset", "--dry-run"])
        .expect(0);
}

#[test]
fn a_paused_vmi_is_left_alone() {
    let rehearsal = quick();
    for mode in ["pause", "delete", "reset"] {
        refused(
            &rehearsal,
            &["outage", "vmi/paused-1/lab", "--mode", mode, YES],
            "is paused",
        );
    }
}

#[test]
fn a_vmi_that_is_being_deleted_is_left_alone() {
    let rehearsal = Rehearsal::with(Options {
        guest: Duration::from_secs(600),
        ..Options::default()
    });
    rehearsal.practice.delete_vmi("default", "web-1");
    refused(&rehearsal, &["outage", "web-1", YES], "is being deleted");
}

#[test]
fn a_vmi_that_migrates_is_left_alone() {
    let rehearsal = quick();
    rehearsal.practice.edit(VMI, "default", "web-1", |vmi| {
        vmi["status"]["migrationState"] = json!({"migrationUid": "u", "targetNode": "node-2", "sourceNode": "node-1"});
    });
    refused(
        &rehearsal,
        &["outage", "web-1", YES],
        "is migrating from node-1 to node-2",
    );
}

#[test]
fn a_receiver_of_a_migration_would_never_come_back() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "WaitAsReceiver");
    for mode in ["delete", "kill", "pod", "stop"] {
        refused(
            &rehearsal,
            &["outage", "web-1", "--mode", mode, YES],
            "belongs to a VM with run strategy WaitAsReceiver: what came after it would wait for a migration and never run",
        );
    }
}

#[test]
fn a_second_outage_of_one_vm_is_refused_with_the_first_ones_end() {
    let rehearsal = quick();
    let mut first = rehearsal.spawn(&["outage", "web-1", YES, "--duration", "10m", "--mode", "stop"]);
    first.wait_for("injected");
    let mut run = rehearsal.spawn(&[
        "outage",
        "web-2",
        YES,
        "--duration",
        "10m",
        "--mode",
        "delete",
        "--disable-auto-restart",
    ]);
    run.wait_for("injected");
    // Its VM runs again, by hand, and still carries the way back.
    rehearsal.practice.edit(VMI, "default", "web-3", |vmi| {
        vmi["metadata"]["annotations"]["vmchaos.dev/undo"] =
            json!(r#"{"run":"abc123","mode":"pause","at":"x","duration":"1s","vmi":"web-3"}"#);
    });
    let ended = rehearsal.run(&["outage", "web-3", YES]).expect(4);
    ended.says(&[
        "has an outage of run abc123 in place",
        "kubectl vmchaos halt abc123 --context vmchaos-rehearsal",
    ]);
    first.signal("INT");
    run.signal("INT");
    first.end().expect(130);
    run.end().expect(130);
}

/// A run whose plan is made and whose first request has still to come: the answer to the last review comes late.
fn planned(rehearsal: &Rehearsal, args: &[&str]) -> Running {
    let late = Rule::new(
        "create",
        "selfsubjectaccessreviews",
        Answer::Delay(Duration::from_secs(3)),
    );
    rehearsal.practice.fail(late.unwrap().times(1));
    let run = rehearsal.spawn(args);
    rehearsal.until("it is asked what we may do", |rehearsal| {
        rehearsal
            .practice
            .requests()
            .iter()
            .any(|request| request.path.contains("selfsubjectaccessreviews"))
    });
    run
}

#[test]
fn a_vm_changed_while_the_question_is_open_is_not_touched() {
    let other = r#"{"run":"abc123","mode":"pause","at":"x","duration":"1s","vmi":"web-1"}"#;
    for (mark, strategy, says) in [
        (Some(other), "Always", "web-1 has an outage of run abc123 in place"),
        (
            Some("{}"),
            "Always",
            "web-1 carries a way back that this version cannot read",
        ),
        (
            None,
            "Once",
            "the run strategy of web-1 was changed meanwhile; nothing was done to it",
        ),
    ] {
        let rehearsal = quick();
        let guest = uid(&rehearsal, "default", "web-1");
        let run = planned(&rehearsal, &outage(&["--mode", "stop"]));
        rehearsal.practice.edit(VM, "default", "web-1", |vm| {
            vm["spec"]["runStrategy"] = json!(strategy);
            if let Some(mark) = mark {
                vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(mark);
            }
        });
        let ended = run.end().expect(1);
        let error = ended.target()["error"]["message"].as_str().unwrap().to_owned();
        assert!(error.contains(says), "{error}");
        let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
        assert_eq!(vm["spec"]["runStrategy"], strategy);
        assert_eq!(
            vm["metadata"]["annotations"]
                .get("vmchaos.dev/undo")
                .and_then(Value::as_str),
            mark
        );
        assert_eq!(guest, uid(&rehearsal, "default", "web-1"), "{says}");
    }
}

#[test]
fn a_guest_replaced_while_the_question_is_open_is_not_touched() {
    let rehearsal = quick();
    let run = planned(&rehearsal, &outage(&[]));
    rehearsal
        .runtime
        .block_on(rehearsal.practice.restart_vmi("default", "web-1"))
        .unwrap();
    let after = uid(&rehearsal, "default", "web-1");
    let ended = run.end().expect(1);
    assert_eq!(ended.target()["error"]["reason"], "changed-meanwhile");
    assert_eq!(after, uid(&rehearsal, "default", "web-1"));
}

#[test]
fn where_data_is_lost_a_plain_yes_does_not_do() {
    let rehearsal = quick();
    refused(&rehearsal, &["outage", "web-1", "-y"], "pass --yes=vmchaos-rehearsal");
    refused(&rehearsal, &["outage", "web-1"], "pass --yes=vmchaos-rehearsal");
    refused(
        &rehearsal,
        &["outage", "web-1", "--yes=other"],
        "--yes=other names another context",
    );
    // Nothing is lost where the guest stays the same, or has its disk elsewhere.
    rehearsal
        .run(&["outage", "web-1", "-y", "--mode", "pause", "--duration", "1s"])
        .expect(0);
    rehearsal.run(&["outage", "vmi/pinned-1/lab", "-y"]).expect(0);
}

#[test]
fn a_cluster_without_kubevirt_is_told_so() {
    let rehearsal = Rehearsal::with(Options {
        kubevirt: false,
        ..Options::default()
    });
    refused(
        &rehearsal,
        &["outage", "web-1", YES],
        "KubeVirt is not installed in this cluster",
    );
}

#[test]
fn matched_ones_that_cannot_take_it_are_left_out_with_the_reason() {
    let rehearsal = quick();
    let ended = rehearsal
        .run(&[
            "outage",
            "-n",
            "lab",
            "--target",
            ".*",
            "--all",
            "--mode",
            "stop",
            "--dry-run",
        ])
        .expect(0);
    ended.says(&[
        "left out: lab/lone-1 has no VM that could be stopped",
        "left out: lab/paused-1 is paused",
    ]);
}
