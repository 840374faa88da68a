//! How a fault ends early, and what is left: nothing.

use serde_json::json;

use super::backend::Backend;
use super::{LONG, injected};

#[test]
fn each_signal_rolls_back_and_is_told() {
    let backend = Backend::new();
    for signal in ["INT", "TERM", "HUP"] {
        let mut run = injected(&backend, &LONG);
        run.signal(signal);
        let document = run.end().expect(130).json();
        assert_eq!(document["outcome"], "interrupted", "{signal}");
        let target = &document["targets"][0];
        assert_eq!(
            (&target["state"], &target["endedBy"]),
            (&json!("restored"), &json!("signal")),
            "{signal}"
        );
        backend.assert_clean();
    }
    let events = backend.events("web-1");
    assert_eq!(events, ["VMChaosInjected", "VMChaosRestored"].repeat(3));
}

#[test]
fn after_kill_9_the_node_ends_the_fault_and_cleanup_takes_the_finished_pod() {
    let backend = Backend::new();
    injected(&backend, &LONG).signal("KILL");
    backend.until("the fault is gone", |backend| backend.qdiscs("web-1").is_empty());
    backend.until("the pod has ended", |backend| backend.debug_pods()[0].1 == "Succeeded");
    let list = backend.run(&["status", "-o", "json"]).expect(0).json();
    let item = &list["items"][0];
    assert_eq!(
        (&item["state"], &item["detail"]),
        (&json!("finished"), &json!("1 restored (lost operator)"))
    );
    let cleaned = backend.run(&["cleanup", item["id"].as_str().unwrap()]).expect(0);
    assert!(cleaned.out.contains("1 restored (lost operator)"), "{}", cleaned.out);
    backend.assert_clean();
}

#[test]
fn a_pod_that_somebody_deletes_takes_the_fault_along() {
    let backend = Backend::new();
    let run = injected(&backend, &LONG);
    backend.delete(&backend.debug_pods()[0].0);
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&json!("restored"), &json!("cleanup"))
    );
    backend.assert_clean();
    assert_eq!(backend.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}

#[test]
fn a_live_run_is_halted_from_elsewhere_and_says_so_on_both_sides() {
    let backend = Backend::new();
    let run = injected(&backend, &LONG);
    let list = backend.run(&["status", "-o", "json"]).expect(0).json();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let halted = backend.run(&["halt", &id, "-o", "json"]).expect(0).json();
    assert_eq!(halted["items"][0]["detail"], "1 restored (told to end)");
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["endedBy"]),
        (&json!("restored"), &json!("cleanup"))
    );
    backend.assert_clean();
    // Idempotent.
    let again = backend.run(&["halt", &id]).expect(0);
    assert!(again.err.contains("nothing to halt"), "{}", again.err);
}

#[test]
fn what_somebody_removed_did_not_hold() {
    let backend = Backend::new();
    let mut run = injected(&backend, &LONG);
    backend.tc("web-1", "qdisc del dev tap0 root");
    run.signal("INT");
    let target = run.end().target();
    assert_eq!(target["error"]["reason"], "not-held", "{target}");
    backend.assert_clean();
}
