//! `--mode kill`: a crash of the guest's QEMU, by a debug pod on its node.

use serde_json::json;

use super::{VM, YES, came, expected, quick, strategy, uid, words};
use crate::support::Rehearsal;

const KILL: [&str; 7] = ["outage", "web-1", YES, "--mode", "kill", "-o", "json"];

#[test]
fn a_crashed_guest_comes_back_and_no_pod_is_left() {
    let rehearsal = quick();
    let before = uid(&rehearsal, "default", "web-1");
    let launcher = rehearsal.practice.launcher("default", "web-1").unwrap();
    let other = uid(&rehearsal, "default", "web-2");
    let ended = rehearsal.run(&KILL).expect(0);
    assert_ne!(before, uid(&rehearsal, "default", "web-1"));
    assert_eq!(other, uid(&rehearsal, "default", "web-2"));
    assert_eq!(came(&ended), expected("recovered", "platform"));
    let target = ended.target();
    assert_eq!(
        words(&target),
        ["kill", "gone", "scheduled", "running", "ready", "agent"]
    );
    assert_eq!(target["pod"], launcher["metadata"]["name"]);
    let plan = &ended.json()["plan"][0];
    assert_eq!(
        (&plan["node"], &plan["commands"]),
        (&json!("node-1"), &json!(["kill -KILL PID"]))
    );
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(plan["pod"], format!("vmchaos-{id}-0"));
    let made = format!("DELETE /api/v1/namespaces/kubevirt/pods/vmchaos-{id}-0");
    assert!(rehearsal.writes().contains(&made), "{:?}", rehearsal.writes());
    assert_eq!(rehearsal.debug_pods(), []);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}

#[test]
fn the_pod_tells_who_does_what_and_belongs_to_the_run() {
    let rehearsal = quick();
    // It stays to be looked at.
    rehearsal.practice.pod_never_starts("node-1");
    let mut run = rehearsal.spawn(&[&KILL[..], &["--reason", "game day"]].concat());
    rehearsal.until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
    let pod = rehearsal.debug_pod();
    assert_eq!(pod["metadata"]["labels"]["vmchaos.dev/fault"], "outage");
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(annotations["vmchaos.dev/targets"], "default/web-1");
    assert_eq!(annotations["vmchaos.dev/reason"], "game day");
    // 60 s to start, and twice the time that the kill may take.
    assert_eq!(pod["spec"]["activeDeadlineSeconds"], 90);
    let run_id = pod["metadata"]["labels"]["vmchaos.dev/run"].as_str().unwrap();
    assert_eq!(pod["metadata"]["name"], format!("vmchaos-{run_id}-0"));
    run.signal("KILL");
    run.end();
}

#[test]
fn interrupted_before_the_kill_the_guest_is_left_alone() {
    let rehearsal = quick();
    rehearsal.practice.pod_never_starts("node-1");
    let before = uid(&rehearsal, "default", "web-1");
    for signal in ["INT", "TERM", "HUP"] {
        let mut run = rehearsal.spawn(&KILL);
        rehearsal.until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
        run.signal(signal);
        let target = run.end().expect(130).target();
        assert_eq!(target["state"], "skipped");
        assert_eq!(rehearsal.debug_pods(), []);
    }
    assert_eq!(before, uid(&rehearsal, "default", "web-1"));
}

#[test]
fn the_run_strategy_that_was_disabled_is_restored_when_nothing_could_be_killed() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Always");
    rehearsal.practice.pod_never_starts("node-1");
    let more = ["--disable-auto-restart", "--pod-running-timeout", "1s"];
    let ended = rehearsal.run(&[&KILL[..], &more].concat()).expect(1);
    assert_eq!(ended.target()["error"]["reason"], "pod-timeout");
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(vm["spec"]["runStrategy"], "Always");
    assert!(super::is_unmarked(&rehearsal, VM, "default", "web-1"));
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn dry_runs_make_no_pod() {
    for how in ["--dry-run", "--dry-run=server"] {
        let rehearsal = quick();
        let ended = rehearsal.run(&["outage", "web-1", "--mode", "kill", how]).expect(0);
        assert!(ended.err.contains("kill -KILL PID"), "{}", ended.err);
        assert_eq!(rehearsal.writes(), Vec::<String>::new());
    }
}

#[test]
fn permissions_for_the_debug_pod_are_asked_for_first() {
    for (verb, subresource) in [
        ("create", ""),
        ("get", ""),
        ("watch", ""),
        ("delete", ""),
        ("create", "attach"),
        ("get", "attach"),
    ] {
        let rehearsal = quick();
        rehearsal.practice.forbid(verb, "", "pods", subresource, "kubevirt");
        rehearsal.practice.forbid(verb, "", "pods", subresource, "default");
        rehearsal.run(&KILL).expect(4);
        assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{verb} pods/{subresource}");
    }
}

#[test]
fn flags_of_the_debug_pod_need_a_debug_pod() {
    let rehearsal = Rehearsal::new();
    for flag in [
        ["--image", "x"],
        ["--taints", "a:NoSchedule"],
        ["--service-account", "x"],
        ["--pod-namespace", "x"],
        ["--pod-running-timeout", "1m"],
    ] {
        let ended = rehearsal.run(&[&["outage", "web-1", "--mode", "pod"][..], &flag].concat());
        let ended = ended.expect(2);
        assert!(ended.err.contains("only --mode kill makes debug pods"), "{}", ended.err);
    }
    let grace = rehearsal.run(&["outage", "web-1", "--mode", "kill", "--grace-period", "5"]);
    assert!(grace.expect(2).err.contains("use --mode pod"));
}

#[test]
fn the_way_back_is_written_before_the_pod_that_kills_is_made() {
    let rehearsal = quick();
    rehearsal.practice.pod_never_starts("node-1");
    let mut run = rehearsal.spawn(&[&KILL[..], &["--disable-auto-restart"]].concat());
    rehearsal.until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
    assert!(!super::is_unmarked(&rehearsal, VM, "default", "web-1"));
    let writes = rehearsal.writes();
    let first = |part: &str| writes.iter().position(|write| write.contains(part));
    assert!(first("/virtualmachines/web-1") < first("/pods"), "{writes:?}");
    run.signal("INT");
    run.end().expect(130);
    assert!(super::is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn a_disabled_restart_keeps_a_crashed_guest_away_for_the_duration() {
    let rehearsal = quick();
    let more = ["--disable-auto-restart", "--duration", "1s"];
    let ended = rehearsal.run(&[&KILL[..], &more].concat()).expect(0);
    assert_eq!(came(&ended), expected("recovered", "vmchaos"));
    assert!(ended.target()["heldSeconds"].as_f64().unwrap() >= 1.0);
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(vm["spec"]["runStrategy"], "Always");
    assert!(super::is_unmarked(&rehearsal, VM, "default", "web-1"));
}

/// A guest that comes back by that would be killed again.
#[test]
fn halt_ends_the_pod_that_would_kill_before_it_goes_the_way_back() {
    let rehearsal = quick();
    rehearsal.practice.pod_never_starts("node-1");
    let mut run = rehearsal.spawn(&[&KILL[..], &["--disable-auto-restart"]].concat());
    rehearsal.until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
    run.signal("KILL");
    run.end();
    rehearsal.practice.clear_requests();
    rehearsal.run(&["halt", "--all", "--yes=vmchaos-rehearsal"]).expect(0);
    let writes = rehearsal.writes();
    let first = |part: &str| writes.iter().position(|write| write.contains(part));
    let (pod, vm) = (
        first("DELETE /api/v1/namespaces/kubevirt/pods/"),
        first("/virtualmachines/web-1"),
    );
    assert!(pod.is_some() && pod < vm, "{writes:?}");
    assert!(super::is_unmarked(&rehearsal, VM, "default", "web-1"));
}
