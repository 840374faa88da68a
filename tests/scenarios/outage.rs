//! Outages: guests that end, freeze, and come back.

use serde_json::{Value, json};

use super::backend::Backend;

/// Skips the question that asks for a VM's name, too.
fn yes(backend: &Backend) -> String {
    format!("--yes={}", backend.context())
}

#[track_caller]
fn recovered(target: &Value, by: &str) {
    assert_eq!(
        (&target["state"], &target["recoveredBy"]),
        (&json!("recovered"), &json!(by)),
        "{target}"
    );
}

/// Whether nothing of ours is left on the VM.
fn is_unmarked(backend: &Backend) -> bool {
    !backend.vm("web-3")["metadata"]["annotations"]
        .to_string()
        .contains("vmchaos.dev/undo")
}

fn is_paused(backend: &Backend) -> bool {
    backend.vmi("web-3").unwrap()["status"]["conditions"]
        .to_string()
        .contains("Paused")
}

#[test]
fn a_deleted_guest_is_brought_back_by_its_vm() {
    let backend = Backend::new();
    for mode in ["delete", "pod", "kill"] {
        let before = backend.uid("web-3").unwrap();
        let target = backend
            .run(&["outage", "web-3", "--mode", mode, &yes(&backend), "-o", "json"])
            .expect(0)
            .target();
        recovered(&target, "platform");
        assert_ne!(backend.uid("web-3").unwrap(), before, "{mode}");
    }
}

#[test]
fn a_paused_guest_is_frozen_for_the_duration_and_goes_on() {
    let backend = Backend::new();
    let before = backend.uid("web-3");
    let args = [
        "outage",
        "web-3",
        "--mode",
        "pause",
        "--duration",
        "2s",
        &yes(&backend),
        "-o",
        "json",
    ];
    let run = injected(&backend, &args);
    assert!(
        backend.vmi("web-3").unwrap()["status"]["conditions"]
            .to_string()
            .contains("PausedByUser")
    );
    assert!(!is_unmarked(&backend), "the way back stands on the VM");
    let target = run.end().expect(0).target();
    recovered(&target, "vmchaos");
    assert!(target["heldSeconds"].as_f64().unwrap() >= 2.0, "{target}");
    assert_eq!(backend.uid("web-3"), before);
    assert!(!is_paused(&backend));
    assert!(is_unmarked(&backend));
}

#[test]
fn a_stopped_vm_has_its_run_strategy_back() {
    let backend = Backend::new();
    let before = backend.uid("web-3");
    let args = [
        "outage",
        "web-3",
        "--mode",
        "stop",
        "--duration",
        "2s",
        &yes(&backend),
        "-o",
        "json",
    ];
    let run = injected(&backend, &args);
    assert_eq!(backend.vm("web-3")["spec"]["runStrategy"], "Halted");
    // KubeVirt keeps the object until the pod is gone, which may be when the VM is to run again.
    backend.until("the VMI is gone", |backend| backend.uid("web-3") != before);
    let target = run.end().expect(0).target();
    recovered(&target, "vmchaos");
    assert_eq!(backend.vm("web-3")["spec"]["runStrategy"], "Always");
    assert!(backend.uid("web-3").is_some() && backend.uid("web-3") != before);
    assert!(is_unmarked(&backend));
}

#[test]
fn a_reset_guest_boots_again_in_the_same_vmi() {
    let backend = Backend::new();
    let before = backend.uid("web-3");
    let target = backend
        .run(&["outage", "web-3", "--mode", "reset", "-y", "-o", "json"])
        .expect(0)
        .target();
    recovered(&target, "platform");
    assert_eq!(backend.uid("web-3"), before);
}

#[test]
fn after_kill_9_halt_undoes_what_was_paused() {
    let backend = Backend::new();
    let args = [
        "outage",
        "web-3",
        "--mode",
        "pause",
        "--duration",
        "10m",
        &yes(&backend),
        "-o",
        "json",
    ];
    injected(&backend, &args).signal("KILL");
    let list = backend.run(&["status", "-o", "json"]).expect(0).json();
    let items = list["items"].as_array().unwrap();
    let item = items
        .iter()
        .find(|item| item["fault"] == "outage")
        .unwrap_or_else(|| panic!("{list}"));
    backend.run(&["halt", item["id"].as_str().unwrap()]).expect(0);
    assert!(!is_paused(&backend));
    assert!(is_unmarked(&backend));
}

#[test]
fn a_dry_run_of_either_kind_changes_nothing() {
    let backend = Backend::new();
    let before = (backend.uid("web-3"), backend.vm("web-3")["spec"].clone());
    for mode in ["delete", "pod", "kill", "pause", "stop", "reset"] {
        for how in ["--dry-run", "--dry-run=server"] {
            backend.run(&["outage", "web-3", "--mode", mode, how]).expect(0);
        }
    }
    assert_eq!((backend.uid("web-3"), backend.vm("web-3")["spec"].clone()), before);
    assert!(is_unmarked(&backend));
}

#[track_caller]
fn injected(backend: &Backend, args: &[&str]) -> crate::support::Running {
    let mut run = backend.spawn(args);
    run.wait_for("injected");
    run
}
