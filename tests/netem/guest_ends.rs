//! A guest on its way out, which may take long to shut down: its fault ends at once, and is not waited for to go with the guest.

use std::time::Duration;

use vmchaos_rehearsal::Options;

use super::{LONG, with};
use crate::support::{Rehearsal, Running};

/// A practice cluster whose guests take longer to shut down than any test.
fn slow_to_shut_down() -> (Rehearsal, Running, String) {
    let rehearsal = Rehearsal::with(Options {
        guest: Duration::from_secs(600),
        ..Options::default()
    });
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected on node-1");
    let launcher = rehearsal.practice.launcher("default", "web-1").unwrap();
    let launcher = launcher["metadata"]["name"].as_str().unwrap().to_owned();
    (rehearsal, run, launcher)
}

/// The launcher still runs and is told to end; the fault is gone all the same.
#[track_caller]
fn gone_before(rehearsal: &Rehearsal, launcher: &str) {
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    let launcher = rehearsal.practice.get("Pod", "default", launcher).unwrap();
    assert_eq!(launcher["status"]["phase"], "Running", "{launcher}");
}

#[test]
fn the_fault_of_a_vmi_that_is_deleted_ends_before_its_guest() {
    let (rehearsal, run, launcher) = slow_to_shut_down();
    rehearsal.practice.delete_vmi("default", "web-1");
    gone_before(&rehearsal, &launcher);
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&"gone".into(), &"gone".into()),
        "{target}"
    );
    assert_ne!(target["restoredAt"], serde_json::Value::Null, "{target}");
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn the_fault_of_a_launcher_that_is_deleted_ends_before_its_guest() {
    let (rehearsal, mut run, launcher) = slow_to_shut_down();
    rehearsal.practice.evict("default", &launcher);
    run.wait_for("rolling back on node-1");
    gone_before(&rehearsal, &launcher);
    drop(run);
}

#[test]
fn a_launcher_that_ends_at_once_ends_the_run_as_gone() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected on node-1");
    let launcher = rehearsal.practice.launcher("default", "web-1").unwrap();
    let launcher = launcher["metadata"]["name"].as_str().unwrap().to_owned();
    rehearsal.practice.evict("default", &launcher);
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&"gone".into(), &"gone".into()),
        "{target}"
    );
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn without_the_permission_to_watch_launchers_the_run_is_as_before() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("watch", "", "pods", "", "default");
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected on node-1");
    rehearsal
        .runtime
        .block_on(rehearsal.practice.restart_vmi("default", "web-1"))
        .unwrap();
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&"gone".into(), &"gone".into()),
        "{target}"
    );
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}
