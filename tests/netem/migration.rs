//! A VM that moves, restarts or goes under the fault.

use serde_json::Value;
use std::time::Duration;
use vmchaos_rehearsal::{Answer, Options, Rule};

use super::{LONG, with};
use crate::support::{Rehearsal, Running};

fn quick() -> Rehearsal {
    Rehearsal::with(Options {
        migration_step: Duration::from_millis(50),
        ..Options::default()
    })
}

fn injected(rehearsal: &Rehearsal, more: &[&str]) -> Running {
    let mut run = rehearsal.spawn(&[&with(&LONG, &["-o", "json"])[..], more].concat());
    run.wait_for("injected on node-1");
    run
}

/// A fault that ends by itself after the VM has moved.
fn injected_for(rehearsal: &Rehearsal, duration: &str) -> Running {
    let fault = ["netem", "web-1", "--latency", "20ms", "--duration", duration];
    let mut run = rehearsal.spawn(&with(&fault, &["-y", "-o", "json"]));
    run.wait_for("injected on node-1");
    run
}

fn migrate(rehearsal: &Rehearsal, node: &str) {
    rehearsal
        .runtime
        .block_on(rehearsal.practice.migrate("default", "web-1", Some(node)))
        .unwrap();
}

#[test]
fn the_fault_follows_a_vm_to_its_new_node() {
    let rehearsal = quick();
    let mut run = injected(&rehearsal, &[]);
    migrate(&rehearsal, "node-2");
    run.wait_for("injected on node-2");
    let ours = rehearsal.ours("default", "web-1");
    assert_eq!(ours.len(), 2, "{ours:?}");
    run.signal("INT");
    let ended = run.end().expect(130);
    let target = ended.target();
    assert_eq!(target["node"], "node-2");
    assert_eq!(target["state"], "restored");
    let moves = target["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 1, "{target}");
    assert_eq!(
        (&moves[0]["from"], &moves[0]["to"]),
        (&"node-1".into(), &"node-2".into())
    );
    assert!(moves[0]["gapSeconds"].as_f64().unwrap() > 0.0, "{target}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), [], "neither node's");
}

#[test]
fn a_watch_of_vmis_that_is_behind_moves_no_vm_back() {
    let rehearsal = quick();
    // Behind until after the fault is on the new node.
    let late = Answer::LateEvents(Duration::from_millis(2_500));
    let rule = Rule::new("watch", "/virtualmachineinstances", late).unwrap();
    rehearsal.practice.fail(rule.always());
    let run = injected_for(&rehearsal, "8s");
    migrate(&rehearsal, "node-2");
    let ended = run.end().expect(0).says(&["injected on node-2"]);
    let moves = ended.target()["moves"].clone();
    assert_eq!(moves.as_array().map(Vec::len), Some(1), "{moves}");
}

#[test]
fn a_followed_fault_ends_when_what_was_asked_is_over() {
    let rehearsal = quick();
    let mut run = injected_for(&rehearsal, "6s");
    migrate(&rehearsal, "node-2");
    run.wait_for("injected on node-2");
    let ended = run.end().expect(0);
    let target = ended.target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&"restored".into(), &"deadline".into()),
        "{target}"
    );
    let gap = target["moves"][0]["gapSeconds"].as_f64().unwrap();
    let held = target["heldSeconds"].as_f64().unwrap();
    assert!(held < 6.0, "the gap of {gap} s is not counted as held: {held} s");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_vm_may_move_twice() {
    let rehearsal = quick();
    let mut run = injected(&rehearsal, &[]);
    migrate(&rehearsal, "node-2");
    run.wait_for("injected on node-2");
    migrate(&rehearsal, "node-3");
    run.wait_for("injected on node-3");
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(ended.target()["moves"].as_array().unwrap().len(), 2);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn with_stop_a_migration_ends_the_fault() {
    let rehearsal = quick();
    let run = injected(&rehearsal, &["--on-migration", "stop"]);
    migrate(&rehearsal, "node-2");
    let ended = run.end().expect(1);
    let target = ended.target();
    assert_eq!(target["endedBy"], "migration", "{target}");
    assert_eq!(
        target["moves"][0]["gapSeconds"],
        Value::Null,
        "it was never put back: {target}"
    );
    assert_eq!(
        rehearsal.ours("default", "web-1"),
        Vec::<String>::new(),
        "not on the new node either"
    );
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_vm_that_cannot_be_followed_is_not_said_to_have_the_fault() {
    let rehearsal = quick();
    let run = injected(&rehearsal, &[]);
    rehearsal.practice.fail(
        Rule::new("create", "/pods$", Answer::status(403, "Forbidden", "exceeded quota"))
            .unwrap()
            .always(),
    );
    migrate(&rehearsal, "node-2");
    let ended = run.end().expect(1);
    let target = ended.target();
    assert_eq!(target["state"], "failed", "{target}");
    assert_eq!(target["error"]["reason"], "pod-refused", "{target}");
    assert_eq!(target["moves"][0]["gapSeconds"], Value::Null, "{target}");
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_failed_migration_changes_nothing() {
    let rehearsal = quick();
    let mut run = injected(&rehearsal, &[]);
    rehearsal.practice.fail_migration("default", "web-1", "no room");
    let moved = rehearsal
        .runtime
        .block_on(rehearsal.practice.migrate("default", "web-1", Some("node-2")));
    assert!(moved.is_err());
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "still where it is");
    run.signal("INT");
    let target = run.end().expect(130).target();
    assert_eq!(
        (&target["state"], &target["node"]),
        (&"restored".into(), &"node-1".into()),
        "{target}"
    );
}

#[test]
fn a_restarted_guest_is_gone_and_gets_no_fault() {
    let rehearsal = quick();
    let run = injected(&rehearsal, &[]);
    rehearsal
        .runtime
        .block_on(rehearsal.practice.restart_vmi("default", "web-1"))
        .unwrap();
    let ended = run.end().expect(1);
    let target = ended.target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&"gone".into(), &"gone".into()),
        "{target}"
    );
    assert_eq!(
        rehearsal.ours("default", "web-1"),
        Vec::<String>::new(),
        "the new guest"
    );
    assert_eq!(rehearsal.debug_pods(), []);
}

/// The node still tells when the VM goes; where it went is read then.
#[test]
fn the_fault_follows_a_vm_whose_vmi_may_not_be_watched() {
    let rehearsal = quick();
    let forbidden = Answer::status(403, "Forbidden", "VMIs are hidden");
    let rule = Rule::new("watch", "/virtualmachineinstances", forbidden).unwrap();
    rehearsal.practice.fail(rule.always());
    let mut run = injected(&rehearsal, &[]);
    migrate(&rehearsal, "node-2");
    run.wait_for("injected on node-2");
    // Kubernetes ends a pod later than the run does: not before the rest of ten minutes and its start are over.
    let pods = rehearsal.practice.list("Pod", "kubevirt");
    let deadlines = pods
        .iter()
        .filter_map(|pod| pod["spec"]["activeDeadlineSeconds"].as_u64());
    assert!(deadlines.min().unwrap() > 600, "{pods:?}");
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}
