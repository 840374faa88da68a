//! Looking after runs: `list`, `status`, `halt` and `check` against the practice cluster, as somebody on call would use them.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![cfg(target_os = "linux")]

mod check;
mod halt;
mod halt_permissions;
mod halt_vm;
mod leftovers;
mod list;
mod status;
use crate::support::{Rehearsal, Running};
use serde_json::Value;

/// A fault that outlasts every test, in place when this returns; with the id of its run.
#[track_caller]
fn injected(rehearsal: &Rehearsal, vm: &str, more: &[&str]) -> (Running, String) {
    let base = ["netem", vm, "--latency", "20ms", "--duration", "10m", "-y"];
    let mut run = rehearsal.spawn(&[&base[..], more].concat());
    run.wait_for("injected");
    let pods = rehearsal.practice.list("Pod", "");
    let target = format!("default/{vm}");
    let live = |pod: &&Value| {
        let ended = ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
        !ended && pod["metadata"]["annotations"]["vmchaos.dev/targets"] == target.as_str()
    };
    let pod = pods.iter().find(live).unwrap();
    let id = pod["metadata"]["labels"]["vmchaos.dev/run"]
        .as_str()
        .unwrap()
        .to_owned();
    (run, id)
}

/// The run as `status` lists it now.
#[track_caller]
fn status_of(rehearsal: &Rehearsal, id: &str) -> Value {
    let list = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    let runs = list["items"].as_array().unwrap();
    runs.iter().find(|run| run["id"] == id).cloned().unwrap_or_default()
}
