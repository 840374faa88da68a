//! Somebody ends the debug pod: the fault ends with it, and the run says so.

use std::time::Duration;

use vmchaos_rehearsal::host::Signal;
use vmchaos_rehearsal::{AgentKind, Options};

use super::{LONG, with};
use crate::support::{Ended, Rehearsal, Running};

fn injected(rehearsal: &Rehearsal) -> (Running, String, String) {
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected");
    let (namespace, name) = rehearsal.pod_names().remove(0);
    (run, namespace, name)
}

/// The fault ended early, nothing is left of it, and the run says by what.
#[track_caller]
fn ended_early(rehearsal: &Rehearsal, ended: Ended, by: &str) {
    let ended = ended.expect(1);
    let target = ended.target();
    assert_eq!(target["endedBy"], by, "{target}");
    assert_ne!(target["restoredAt"], serde_json::Value::Null, "{target}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn deleting_or_evicting_the_pod_ends_the_fault() {
    let rehearsal = Rehearsal::new();
    let (run, namespace, name) = injected(&rehearsal);
    rehearsal.practice.evict(&namespace, &name);
    ended_early(&rehearsal, run.end(), "cleanup");
}

#[test]
fn killing_the_container_ends_the_fault_though_the_agent_had_no_last_word() {
    // Its keepers write their verdict before the kubelet reads it: with processes, now the one is first and now the other.
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        // The wire may be silent for longer than the test waits: what ends the fault is the keeper next to it.
        silence: Some(Duration::from_hours(1)),
        ..Options::default()
    });
    let (run, namespace, name) = injected(&rehearsal);
    rehearsal.practice.kill_container(&namespace, &name, Signal::Kill);
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    let ended = run.end();
    assert_eq!(ended.target()["error"]["reason"], "stream-lost");
    ended_early(&rehearsal, ended, "lost-operator");
}

#[test]
fn force_deleting_the_pod_ends_the_fault() {
    let rehearsal = Rehearsal::new();
    let (run, namespace, name) = injected(&rehearsal);
    rehearsal.practice.remove("Pod", &namespace, &name);
    ended_early(&rehearsal, run.end(), "cleanup");
}

#[test]
fn a_force_deleted_pod_has_no_verdict_so_another_agent_looks() {
    let rehearsal = Rehearsal::new();
    let (run, namespace, name) = injected(&rehearsal);
    // Its last words are not heard either.
    rehearsal.practice.freeze_attach("node-1", true);
    rehearsal.practice.remove("Pod", &namespace, &name);
    let ended = run.end();
    ended_early(&rehearsal, ended, "cleanup");
    let sweeps: Vec<_> = rehearsal
        .practice
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path.ends_with("/pods"))
        .filter(|request| request.json()["metadata"]["name"].as_str().unwrap().contains("-sweep-"))
        .collect();
    assert_eq!(sweeps.len(), 1);
    assert_eq!(sweeps[0].json()["spec"]["nodeName"], "node-1");
}

#[test]
fn a_pod_past_its_deadline_by_kubernetes_is_ended_like_any_other() {
    let rehearsal = Rehearsal::with(Options {
        pod_start: Duration::from_secs(1),
        ..Options::default()
    });
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    rehearsal.until("the pod is there", |rehearsal| !rehearsal.debug_pods().is_empty());
    let (namespace, name) = rehearsal.pod_names().remove(0);
    rehearsal.practice.edit("Pod", &namespace, &name, |pod| {
        let limit = &mut pod["spec"]["activeDeadlineSeconds"];
        // Past the fault's own end by what starting, arming and draining may take, and never before it.
        let seconds = limit.as_u64().unwrap();
        assert!((600 + 60..=600 + 180).contains(&seconds), "{seconds}");
        *limit = 8.into();
    });
    run.wait_for("injected");
    rehearsal.until("the deadline strikes", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    ended_early(&rehearsal, run.end(), "cleanup");
}
