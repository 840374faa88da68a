//! A node that says itself that it could not undo a fault: another debug pod looks at once, and nothing is called leaked before.

use std::time::Duration;

use serde_json::Value;
use vmchaos_rehearsal::host::{Feature, Presence};
use vmchaos_rehearsal::{AgentKind, Options};

use super::{LONG, with};
use crate::support::{Rehearsal, Running};

/// A fault that its node cannot undo.
fn stuck() -> (Rehearsal, Running) {
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        // Long enough for a test to act between a pod's making and its first word.
        pod_start: Duration::from_secs(1),
        ..Options::default()
    });
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected on node-1");
    removal(&rehearsal, Presence::Absent);
    (rehearsal, run)
}

fn removal(rehearsal: &Rehearsal, presence: Presence) {
    let practice = &rehearsal.practice;
    practice.set_feature("node-1", Feature::Removal, presence).unwrap();
}

fn sweeps(rehearsal: &Rehearsal) -> Vec<String> {
    let pods = rehearsal.pod_names().into_iter().map(|(_, name)| name);
    pods.filter(|name| name.contains("-sweep-")).collect()
}

#[test]
fn what_another_pod_can_remove_is_not_leaked_and_the_words_say_who_removed_it() {
    let (rehearsal, mut run) = stuck();
    run.signal("INT");
    rehearsal.until("another pod is to look", |rehearsal| !sweeps(rehearsal).is_empty());
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "the node could not");
    removal(&rehearsal, Presence::Loaded);
    let ended = run.end().expect(130);
    let ended = ended.says(&[
        "node-1 could not undo the fault",
        "this command removed it by another debug pod (eth0 netem 7",
    ]);
    assert!(!ended.err.contains("by itself"), "{}", ended.err);
    let target = ended.target();
    assert_eq!(target["error"]["reason"], "not-undone", "{target}");
    assert_ne!(target["restoredAt"], Value::Null, "{target}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn what_no_pod_can_remove_stays_marked_until_halt_can() {
    let (rehearsal, mut run) = stuck();
    run.signal("INT");
    let ended = run.end().expect(3);
    let document = ended.json();
    let id = document["id"].as_str().unwrap();
    assert_eq!(document["targets"][0]["state"], "leaked");
    let command = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    assert!(ended.err.contains(&command), "{}", ended.err);
    // The pod that has the fault stays, and only that one.
    let pods = rehearsal.debug_pods();
    assert_eq!(pods.len(), 1, "{pods:?}");
    let status = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&status["items"][0]["id"], &status["items"][0]["state"]),
        (&id.into(), &"leaked".into()),
        "{status}"
    );
    let again = rehearsal.run(&with(&LONG, &[])).expect(4);
    assert!(
        again.err.contains(&format!("kubectl vmchaos halt {id}")),
        "{}",
        again.err
    );
    rehearsal.run(&["halt", id]).expect(3);
    assert_eq!(
        rehearsal.debug_pods().len(),
        1,
        "nor does halt take it as long as something is left"
    );

    removal(&rehearsal, Presence::Loaded);
    let halted = rehearsal.run(&["halt", id, "-o", "json"]).expect(0).json();
    assert_eq!(halted["items"][0]["state"], "finished", "{halted}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    rehearsal.until("no pod stays", |rehearsal| rehearsal.debug_pods().is_empty());
}

#[test]
fn a_run_whose_pods_are_gone_is_halted_where_its_events_say_it_was() {
    let (rehearsal, mut run) = stuck();
    run.signal("INT");
    let document = run.end().expect(3).json();
    let id = document["id"].as_str().unwrap();
    rehearsal.practice.remove("Pod", "kubevirt", &format!("vmchaos-{id}-0"));
    let halted = rehearsal.run(&["halt", id]).expect(3);
    assert!(halted.err.contains("no debug pod of it is there"), "{}", halted.err);
    let once_more = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    assert!(halted.err.contains(&once_more), "{}", halted.err);

    let command = "kubectl vmchaos halt vmi/web-1/default --context vmchaos-rehearsal";
    // A later run says what removes what is there.
    let refused = rehearsal.run(&with(&LONG, &[])).expect(1);
    assert!(refused.err.contains(command), "{}", refused.err);

    removal(&rehearsal, Presence::Loaded);
    let dry = rehearsal.run(&["halt", id, "--dry-run"]).expect(0);
    assert!(dry.err.contains("looks into default/web-1 on node-1"), "{}", dry.err);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
    let halted = rehearsal.run(&["halt", id, "-o", "json"]).expect(0).json();
    assert_eq!(
        (&halted["items"][0]["id"], &halted["items"][0]["state"]),
        (&id.into(), &"finished".into())
    );
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    rehearsal.until("no pod stays", |rehearsal| rehearsal.debug_pods().is_empty());
}

#[test]
fn what_no_event_could_be_read_of_is_not_said_to_be_gone() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&["halt", "zzzzzz"]).expect(0);
    rehearsal.practice.forbid("list", "events.k8s.io", "events", "", "shop");
    let halted = rehearsal.run(&["halt", "zzzzzz"]).expect(3);
    let halted = halted.says(&[
        "could not look for Events of runs",
        "shop",
        "can-i list events.events.k8s.io -A",
    ]);
    drop(halted);
}

#[test]
fn forged_events_end_nobody_elses_run() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected on node-1");
    let uid = rehearsal
        .practice
        .get("VirtualMachineInstance", "default", "web-1")
        .unwrap()["metadata"]["uid"]
        .clone();
    let forged = serde_json::json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": "forged", "namespace": "default", "labels": {
            "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "zzzzzz"}},
        "reason": "VMChaosInjected", "action": "Inject", "type": "Warning", "eventTime": "2026-11-28T12:00:10.000000Z",
        "reportingComponent": "c", "reportingInstance": "i", "message": "n",
        "involvedObject": {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "namespace": "default", "name": "web-1", "uid": uid}});
    rehearsal.practice.put(forged).unwrap();
    let halted = rehearsal.run(&["halt", "zzzzzz"]).expect(3);
    assert!(halted.err.contains("has this VM now"), "{}", halted.err);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "it is another run's");
    run.signal("INT");
    assert_eq!(run.end().expect(130).target()["error"], Value::Null);
}

#[test]
fn a_leak_at_the_deadline_of_a_serial_run_stops_it() {
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        ..Options::default()
    });
    let fault = [
        "netem",
        "web-1",
        "web-2",
        "--latency",
        "20ms",
        "--duration",
        "2s",
        "-y",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&fault);
    run.wait_for("injected");
    for node in ["node-1", "node-2", "node-3"] {
        rehearsal
            .practice
            .set_feature(node, Feature::Removal, Presence::Absent)
            .unwrap();
    }
    let document = run.end().expect(3).json();
    let states: Vec<&Value> = document["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["state"])
        .collect();
    assert_eq!(states, ["leaked", "skipped"]);
}
