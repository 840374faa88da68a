//! The main job: in place, held, gone, and told.

use serde_json::{Value, json};

use super::backend::Backend;
use super::{LONG, SHORT, injected, with};

#[test]
fn the_fault_is_there_while_it_holds_and_the_document_says_what_was() {
    let backend = Backend::new();
    let run = injected(&backend, &SHORT);
    let ours = backend.qdiscs("web-1");
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(
        ours.iter()
            .all(|line| line.contains("tbf") && line.contains("rate 4Mbit")),
        "{ours:?}"
    );
    let ended = run.end().expect(0);
    backend.assert_clean();
    let document = ended.json();
    let head = ["apiVersion", "kind", "outcome", "exitCode", "dryRun"].map(|field| document[field].clone());
    let expected = json!(["vmchaos.dev/v1alpha1", "Run", "completed", 0, "none"]);
    assert_eq!(json!(head), expected);
    assert_eq!(
        document["summary"],
        json!({"targets": 1, "ok": 1, "failed": 0, "leaked": 0, "skipped": 0})
    );
    assert_eq!(document["fault"]["bandwidth"], "4mbit");
    let vmi = backend.vmi("web-1").unwrap();
    let target = &document["targets"][0];
    assert_eq!(
        (&target["uid"], &target["node"]),
        (&vmi["metadata"]["uid"], &vmi["status"]["nodeName"])
    );
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&json!("restored"), &json!("deadline"))
    );
    assert_eq!(target["error"], Value::Null);
    assert!(target["heldSeconds"].as_f64().unwrap() >= 3.0, "{target}");
    let verified = target["verified"].as_array().unwrap();
    let devices: Vec<_> = verified.iter().map(|one| one["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["tap0", "eth0"]);
    let binding = &target["interfaces"][0];
    assert_eq!(
        (&binding["device"], &binding["binding"]),
        (&json!("tap0"), &json!("masquerade"))
    );
    assert_eq!(backend.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}

#[test]
fn a_dry_run_of_either_kind_writes_nothing() {
    let backend = Backend::new();
    for how in ["--dry-run", "--dry-run=server"] {
        let document = backend.run(&with(&LONG, &[how])).expect(0).json();
        assert_eq!(document["plan"][0]["node"], backend.node("web-1").as_str(), "{how}");
        backend.assert_clean();
    }
    assert_eq!(backend.events("web-1"), Vec::<String>::new());
}

#[test]
fn a_detached_fault_stays_until_its_deadline_and_status_knows_its_end() {
    let backend = Backend::new();
    let detached = [
        "netem",
        "web-1",
        "--bandwidth",
        "4Mbit",
        "--duration",
        "12s",
        "--detach",
        "-y",
        "-o",
        "json",
    ];
    let document = backend.run(&detached).expect(0).json();
    assert_eq!(document["targets"][0]["state"], "detached");
    assert_eq!(backend.qdiscs("web-1").len(), 2);
    backend.until("the fault is gone", |backend| backend.qdiscs("web-1").is_empty());
    backend.until("the pod has ended", |backend| backend.debug_pods()[0].1 == "Succeeded");
    let list = backend.run(&["status", "-o", "json"]).expect(0).json();
    let item = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == document["id"])
        .unwrap()
        .clone();
    assert_eq!(
        (&item["state"], &item["detail"]),
        (&json!("finished"), &json!("1 restored (deadline)"))
    );
    backend.run(&["cleanup", document["id"].as_str().unwrap()]).expect(0);
    backend.assert_clean();
}

#[test]
fn a_vm_that_migrates_takes_the_fault_along() {
    let backend = Backend::new();
    let from = backend.node("web-3");
    let mut run = injected(
        &backend,
        &[
            "netem",
            "web-3",
            "--bandwidth",
            "4Mbit",
            "--duration",
            "10m",
            "-y",
            "-o",
            "json",
        ],
    );
    backend.run(&["migrate", "web-3", "-y", "-o", "json"]).expect(0);
    let to = backend.node("web-3");
    assert_ne!(from, to);
    run.wait_for(&format!("injected on {to}"));
    assert_eq!(backend.qdiscs("web-3").len(), 2);
    run.signal("INT");
    let target = run.end().expect(130).target();
    let moved = &target["moves"][0];
    assert_eq!((&moved["from"], &moved["to"]), (&json!(from), &json!(to)), "{target}");
    assert_eq!(target["state"], "restored");
    assert_eq!(backend.qdiscs("web-3"), Vec::<String>::new());
    backend.assert_clean();
}
