//! The main job: a VMI is deleted, and its recovery timed.

use serde_json::json;

use crate::support::Rehearsal;
use crate::{YES, with};

const DELETE: [&str; 5] = ["outage", "web-1", YES, "-o", "json"];

#[test]
fn a_deleted_vmi_comes_back_by_itself_and_is_timed() {
    let rehearsal = Rehearsal::new();
    let before = rehearsal
        .practice
        .get("VirtualMachineInstance", "default", "web-1")
        .unwrap();
    let ended = rehearsal.run(&DELETE).expect(0);
    let after = rehearsal
        .practice
        .get("VirtualMachineInstance", "default", "web-1")
        .unwrap();
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(after["status"]["phase"], "Running");
    let target = ended.target();
    assert_eq!(
        (&target["state"], &target["recoveredBy"]),
        (&json!("recovered"), &json!("platform"))
    );
    let events: Vec<&str> = target["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"].as_str().unwrap().split(' ').next().unwrap())
        .collect();
    assert_eq!(events, ["delete", "gone", "scheduled", "running", "ready", "agent"]);
    assert!(target["heldSeconds"].as_f64().unwrap() > 0.0);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}
