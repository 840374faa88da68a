//! The oldest KubeVirt that README claims: every command against a practice cluster that keeps the fields of 1.0's resource types
//! and no others, serves its subresources, and grants what its cluster roles do. The fixtures are extracted from its sources.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{AgentKind, Options, Schema};

use crate::support::Rehearsal;

mod faults;
mod outages;
mod users;

const FIELDS: &str = include_str!("fixtures/kubevirt-1.0/fields.txt");
const ROLES: &str = include_str!("fixtures/kubevirt-1.0/roles.txt");

/// Skips the question that asks for a VM's name, too.
const YES: &str = "--yes=vmchaos-rehearsal";
const VM: &str = "VirtualMachine";
const VMI: &str = "VirtualMachineInstance";

/// A cluster with KubeVirt 1.0.
fn oldest() -> Rehearsal {
    let rehearsal = Rehearsal::with(Options {
        guest: Duration::from_millis(100),
        pod_start: Duration::from_millis(20),
        running_lag: Duration::from_millis(20),
        migration_step: Duration::from_millis(20),
        agent: AgentKind::Double,
        schema: Schema::parse(FIELDS),
        ..Options::default()
    });
    let told = rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |object| {
        object["status"]["observedKubeVirtVersion"] = json!("v1.0.0");
    });
    assert!(told);
    rehearsal
}

fn vmi(rehearsal: &Rehearsal, name: &str) -> Value {
    rehearsal.practice.get(VMI, "default", name).unwrap_or_default()
}

fn uid(rehearsal: &Rehearsal, name: &str) -> String {
    let vmi = vmi(rehearsal, name);
    vmi["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// The cluster is the old one: what it has never heard of is gone from its objects.
#[test]
fn what_1_0_does_not_know_is_not_kept() {
    let rehearsal = oldest();
    let web = vmi(&rehearsal, "web-1");
    let primary = &web["status"]["interfaces"][0];
    assert_eq!(
        (&primary["name"], primary.get("podInterfaceName")),
        (&json!("default"), None)
    );
    let plugged = &vmi(&rehearsal, "queue-1")["spec"]["domain"]["devices"]["interfaces"][0];
    assert_eq!((&plugged["name"], plugged.get("binding")), (&json!("default"), None));
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(
        (&vm["status"]["printableStatus"], vm["status"].get("runStrategy")),
        (&json!("Running"), None)
    );
    let kubevirt = rehearsal.practice.get("KubeVirt", "kubevirt", "kubevirt").unwrap();
    assert_eq!(kubevirt["spec"]["configuration"]["network"].get("binding"), None);
}
