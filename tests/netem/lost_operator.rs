//! The command is gone, or cannot be heard: the node ends the fault by itself.

use std::time::Duration;

use vmchaos_rehearsal::{AgentKind, Options};

use super::{LONG, with};
use crate::support::{Ended, Rehearsal};

/// A run whose fault is in place.
fn injected(rehearsal: &Rehearsal) -> crate::support::Running {
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected");
    run
}

/// The command noticed, the fault is gone, and so is the pod.
#[track_caller]
fn lost(rehearsal: &Rehearsal, ended: Ended) {
    let ended = ended.expect(1);
    let target = ended.target();
    assert_eq!(target["endedBy"], "lost-operator", "{target}");
    assert_eq!(target["error"]["reason"], "stream-lost", "{target}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosFailed"]);
}

#[test]
fn after_kill_9_the_node_ends_the_fault_and_the_finished_pod_stays() {
    let rehearsal = Rehearsal::new();
    let mut run = injected(&rehearsal);
    run.signal("KILL");
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    rehearsal.until_pods_ended();
    let verdict = rehearsal.verdict().unwrap();
    assert_eq!(
        verdict,
        ("restored".to_owned(), "lost-operator".to_owned()),
        "the closed stream, not silence or the deadline"
    );
}

#[test]
fn kill_9_before_anything_is_injected_leaves_nothing_running() {
    let rehearsal = Rehearsal::new();
    let run = rehearsal.spawn(&LONG);
    rehearsal.until("the pod is there", |rehearsal| !rehearsal.debug_pods().is_empty());
    drop(run);
    // Nobody attaches any more: the agent waits for a first word, and would for 30 s.
    let pod = rehearsal.debug_pod();
    assert!(
        pod["spec"]["activeDeadlineSeconds"].as_u64().unwrap() < 10 * 60 + 180,
        "{}",
        pod["spec"]
    );
    rehearsal.until_pods_ended();
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.events("web-1"), Vec::<String>::new());
}

#[test]
fn a_stream_that_the_server_closes_ends_the_fault() {
    let rehearsal = Rehearsal::new();
    let run = injected(&rehearsal);
    rehearsal.practice.drop_attach("node-1");
    lost(&rehearsal, run.end());
}

#[test]
fn a_stream_closed_for_the_command_alone_ends_the_fault() {
    let rehearsal = Rehearsal::new();
    let run = injected(&rehearsal);
    rehearsal.practice.drop_attach_for_clients("node-1");
    lost(&rehearsal, run.end());
}

#[test]
fn an_agent_that_has_long_to_look_for_its_vms_is_waited_for() {
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        looking: Duration::from_secs(12),
        ..Options::default()
    });
    let mut run = injected(&rehearsal);
    run.signal("INT");
    assert_eq!(run.end().expect(130).target()["state"], "restored");
}

#[test]
fn silence_ends_the_fault() {
    let rehearsal = Rehearsal::new();
    let run = injected(&rehearsal);
    rehearsal.practice.freeze_attach("node-1", true);
    lost(&rehearsal, run.end());
}
