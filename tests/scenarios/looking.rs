//! Looking: list, status, check.

use serde_json::json;

use super::backend::Backend;
use super::{LONG, injected, with};
use crate::support::faults;

#[test]
fn list_says_where_a_vm_is_and_what_it_can_take() {
    let backend = Backend::new();
    let document = backend.run(&["list", "-A", "-o", "json"]).expect(0).json();
    assert_eq!(document["kind"], "VMITargetList");
    let items = document["items"].as_array().unwrap();
    let item = items
        .iter()
        .find(|item| item["namespace"] == "default" && item["name"] == "web-1")
        .unwrap();
    assert_eq!(
        (&item["phase"], &item["node"]),
        (&json!("Running"), &json!(backend.node("web-1")))
    );
    for fault in faults::names() {
        assert_eq!(item["faults"][fault], json!({"able": true}), "{fault}");
    }
    let interface = &item["interfaces"][0];
    assert_eq!(
        (&interface["device"], &interface["binding"]),
        (&json!("tap0"), &json!("masquerade")),
        "{item}"
    );
}

#[test]
fn status_shows_a_run_to_everybody_with_its_owner_and_reason() {
    let backend = Backend::new();
    let none = backend.run(&["status"]).expect(0);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No runs found"));
    let mut run = injected(&backend, &with(&LONG, &["--reason", "game day"]));
    backend.until("the fault is told to be in place", |backend| {
        backend.run(&["status", "-o", "json"]).expect(0).json()["items"][0]["state"] == "injected"
    });
    let list = backend.run(&["status", "-o", "json"]).expect(0).json();
    let item = &list["items"][0];
    assert_eq!((&item["fault"], &item["reason"]), (&json!("netem"), &json!("game day")));
    assert_eq!(
        (&item["targets"], &item["nodes"]),
        (&json!(["default/web-1"]), &json!([backend.node("web-1")]))
    );
    let left = item["leftSeconds"].as_f64().unwrap();
    assert!((400.0..=600.0).contains(&left), "{left}");
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(backend.run(&["status"]).expect(0).err, "No runs found");
}

#[test]
fn check_finds_everything_in_order() {
    let backend = Backend::new();
    let checked = backend.run(&["check", "-o", "json"]).expect(0).json();
    let items = checked["items"].as_array().unwrap();
    for (check, subject) in [
        ("kubevirt", "kubevirt"),
        ("admission", "kubevirt"),
        ("permission", "create pods/attach in kubevirt"),
    ] {
        let item = items
            .iter()
            .find(|item| item["check"] == check && item["subject"] == subject);
        assert_eq!(
            item.map(|item| &item["result"]),
            Some(&json!("ok")),
            "{check} {subject}: {checked}"
        );
    }
    for fault in faults::names() {
        backend.run(&["check", fault]).expect(0);
    }
    backend.assert_clean();
}
