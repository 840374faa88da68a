//! Live migrations: timed phase by phase, and cancelled.

use serde_json::{Value, json};

use super::backend::Backend;

const VMIMS: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations";

#[test]
fn a_vm_moves_and_every_phase_is_timed() {
    let backend = Backend::new();
    let from = backend.node("web-3");
    let document = backend.run(&["migrate", "web-3", "-y", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&document["outcome"], &document["exitCode"]),
        (&json!("completed"), &json!(0))
    );
    let migration = &document["migrations"][0];
    assert_eq!(
        (&migration["result"], &migration["from"]),
        (&json!("succeeded"), &json!(from))
    );
    assert_eq!(migration["to"], backend.node("web-3").as_str());
    assert_ne!(migration["to"], migration["from"]);
    let phases = migration["phases"].as_array().unwrap();
    let times: Vec<_> = phases.iter().map(|phase| phase["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let names: Vec<_> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"Pending"), Some(&"Succeeded")),
        "{names:?}"
    );
    assert!(names.contains(&"Running"), "{names:?}");
    assert_eq!(document["targets"][0]["state"], "migrated");
}

#[test]
fn a_signal_cancels_what_is_in_flight() {
    let backend = Backend::new();
    let from = backend.node("web-3");
    let mut run = backend.spawn(&["migrate", "web-3", "-y", "-o", "json"]);
    run.wait_for("Scheduling");
    run.signal("INT");
    let document = run.end().expect(130).json();
    assert_eq!(document["outcome"], "interrupted");
    assert_eq!(document["migrations"][0]["result"], "cancelled", "{document}");
    let live = |one: &&Value| !["Succeeded", "Failed"].contains(&one["status"]["phase"].as_str().unwrap_or_default());
    assert_eq!(backend.items(VMIMS).iter().filter(live).count(), 0);
    assert_eq!(backend.node("web-3"), from);
    // And it can be moved again.
    backend.run(&["migrate", "web-3", "-y"]).expect(0);
}

#[test]
fn a_dry_run_makes_no_migration() {
    let backend = Backend::new();
    let before = backend.items(VMIMS).len();
    for how in ["--dry-run", "--dry-run=server"] {
        backend.run(&["migrate", "web-3", how]).expect(0);
    }
    assert_eq!(backend.items(VMIMS).len(), before);
}
