//! `outage` from the command line to the VMI's recovery, against practice clusters: one a test, so that nothing is shared.

mod bad_input;
mod delete;
mod halted;
mod held;
mod keys;
mod kill;
mod lost_operator;
mod owners;
mod permissions;
mod recovery;
mod refusals;
mod reset;
mod same_name;
mod several;
mod signals;
mod strategies;
mod terminal;
mod times;
mod tried;

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::Options;

use crate::support::{Ended, Rehearsal};

/// Skips the question that asks for a VM's name, too.
const YES: &str = "--yes=vmchaos-rehearsal";
const VM: &str = "VirtualMachine";
const VMI: &str = "VirtualMachineInstance";

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

/// An outage of `default/web-1` that is not asked about, and its document.
fn outage<'a>(more: &[&'a str]) -> Vec<&'a str> {
    with(&["outage", "web-1", YES, "-o", "json"], more)
}

/// A cluster whose guests and pods are quick.
fn quick() -> Rehearsal {
    Rehearsal::with(Options {
        guest: Duration::from_millis(100),
        pod_start: Duration::from_millis(20),
        running_lag: Duration::from_millis(20),
        ..Options::default()
    })
}

/// Makes a VM's run strategy another one.
fn strategy(rehearsal: &Rehearsal, namespace: &str, name: &str, strategy: &str) {
    let edited = rehearsal.practice.edit(VM, namespace, name, |vm| {
        vm["spec"].as_object_mut().unwrap().remove("running");
        vm["spec"]["runStrategy"] = json!(strategy);
    });
    assert!(edited);
}

/// The field that says whether `default/web-1` runs, as it stands in its spec.
fn run_field(rehearsal: &Rehearsal) -> Value {
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    json!([vm["spec"].get("runStrategy"), vm["spec"].get("running")])
}

/// Whether nothing of ours is left on an object.
fn is_unmarked(rehearsal: &Rehearsal, kind: &str, namespace: &str, name: &str) -> bool {
    let object = rehearsal.practice.get(kind, namespace, name).unwrap();
    !object["metadata"].to_string().contains("vmchaos.dev")
}

fn uid(rehearsal: &Rehearsal, namespace: &str, name: &str) -> String {
    let vmi = rehearsal.practice.get(VMI, namespace, name);
    let uid = vmi.map(|vmi| vmi["metadata"]["uid"].as_str().unwrap().to_owned());
    uid.unwrap_or_default()
}

/// First words of a target's timeline.
fn words(target: &Value) -> Vec<String> {
    let events = target["timeline"].as_array().unwrap();
    let word = |event: &Value| event["event"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    events.iter().map(word).collect()
}

/// State and who brought it back.
fn came(ended: &Ended) -> (String, String) {
    let target = ended.target();
    let text = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("recoveredBy"))
}

fn expected(state: &str, by: &str) -> (String, String) {
    (state.to_owned(), by.to_owned())
}
