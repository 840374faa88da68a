//! `migrate` from the command line to the practice cluster's KubeVirt and back: one cluster a test, so that nothing is
//! shared.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{AgentKind, Options};

use crate::support::Rehearsal;

mod answers;
mod bad_input;
mod cancelled;
mod dry_run;
mod halted;
mod hanging;
mod keys;
mod once;
mod refused;
mod rounds;
mod runs;
mod terminal;

/// A cluster whose migrations take a moment.
fn quick() -> Options {
    Options {
        pod_start: Duration::from_millis(20),
        running_lag: Duration::ZERO,
        migration_step: Duration::from_millis(20),
        agent: AgentKind::Double,
        ..Options::default()
    }
}

fn cluster() -> Rehearsal {
    Rehearsal::with(quick())
}

/// The migration objects there are, oldest first.
fn vmims(rehearsal: &Rehearsal) -> Vec<Value> {
    let mut all = rehearsal.practice.list("VirtualMachineInstanceMigration", "");
    all.sort_by_key(|object| {
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        version.parse::<u64>().unwrap()
    });
    all
}

/// The node a VM is on.
fn node(rehearsal: &Rehearsal, name: &str) -> String {
    let vmi = rehearsal
        .practice
        .get("VirtualMachineInstance", "default", name)
        .unwrap();
    vmi["status"]["nodeName"].as_str().unwrap().to_owned()
}

/// Requests that make or cancel a migration, without dry runs.
fn made(rehearsal: &Rehearsal) -> Vec<String> {
    let mut writes = rehearsal.writes();
    writes.retain(|request| request.contains("virtualmachineinstancemigrations") && !request.starts_with("PATCH "));
    writes
}

/// One field of every migration of a document.
fn each(document: &Value, field: &str) -> Vec<String> {
    let migrations = document["migrations"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    migrations.iter().map(|one| text(&one[field])).collect()
}

/// Puts somebody else's migration of `default/web-1`, which the VMI does not show yet.
fn somebody_elses(rehearsal: &Rehearsal) {
    rehearsal
        .practice
        .put(json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
            "metadata": {"name": "theirs", "namespace": "default"}, "spec": {"vmiName": "web-1"}, "status": {"phase": "Pending"},
        }))
        .unwrap();
}
