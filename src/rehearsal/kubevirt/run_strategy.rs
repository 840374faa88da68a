//! What a VM's run strategy makes of its VMI's coming and going.

use std::sync::Arc;

use serde_json::Value;

use super::{launcher, vmi};
use crate::{
    api::{
        delete,
        resources::{KUBEVIRTS, VMIS, VMS},
    },
    cluster::Cluster,
    json as fields,
};

/// The run strategy in force: `spec.runStrategy`, or what the older `spec.running` means.
pub(crate) fn of(vm: &Value) -> &str {
    match (
        fields::text(vm, "/spec/runStrategy"),
        vm.pointer("/spec/running").and_then(Value::as_bool),
    ) {
        ("", Some(true)) => "Always",
        ("", _) => "Halted",
        (strategy, _) => strategy,
    }
}

/// Whether the installed KubeVirt is older than 1.2.
fn reruns_deleted(cluster: &Cluster) -> bool {
    let installed = cluster.list(&KUBEVIRTS, "");
    let version = installed
        .first()
        .map(|kubevirt| fields::text(kubevirt, "/status/observedKubeVirtVersion"))
        .unwrap_or_default();
    ["v0.", "v1.0.", "v1.1."].iter().any(|old| version.starts_with(old))
}

/// A request to start or stop that a VM's status keeps until it is fulfilled.
fn requested(vm: &Value, action: &str) -> bool {
    fields::list(vm, "/status/stateChangeRequests")
        .iter()
        .any(|request| fields::text(request, "/action") == action)
}

/// Brings a VM's VMI to what its run strategy says, and its status to what is there.
pub(crate) fn reconcile(cluster: &Arc<Cluster>, namespace: &str, name: &str) {
    let Some(vm) = cluster.get(&VMS, namespace, name) else {
        return;
    };
    let vmi = cluster.get(&VMIS, namespace, name);
    if fields::present(&vm, "/metadata/deletionTimestamp") {
        if vmi.is_some() {
            remove(cluster, vmi.as_deref());
        } else {
            cluster.edit(&VMS, namespace, name, |vm| {
                drop(fields::unset(vm, "/metadata/finalizers"));
            });
        }
        return;
    }
    let never_started = vm.pointer("/status/created").is_none();
    let ended = vmi.as_ref().is_some_and(|vmi| vmi::is_final(vmi));
    let being_deleted = vmi
        .as_ref()
        .is_some_and(|vmi| fields::present(vmi, "/metadata/deletionTimestamp"));
    let failed = ended
        && !being_deleted
        && vmi
            .as_ref()
            .is_some_and(|vmi| fields::text(vmi, "/status/phase") == "Failed");
    let (start, stop) = (requested(&vm, "Start"), requested(&vm, "Stop"));
    let (mut wants_start, mut wants_end) = match of(&vm) {
        "Always" => (true, ended),
        // Until KubeVirt 1.1 a VMI that is not there is made again.
        "RerunOnFailure" if reruns_deleted(cluster) => (true, failed || (ended && start)),
        // Only a crash asks for a new start; a guest that shut down, or was deleted, stays away.
        "RerunOnFailure" => (start || never_started, failed || (ended && start)),
        // A finished VMI that is still there is left alone; a deleted one is made again.
        "Once" => (true, false),
        "Manual" => (start, ended && start),
        // What KubeVirt makes in its place waits for a migration from another cluster; none is played here.
        "WaitAsReceiver" => (false, ended),
        _ => (false, true),
    };
    wants_end |= stop;
    wants_start &= !stop || start;
    if failed && of(&vm) == "RerunOnFailure" && !start && !reruns_deleted(cluster) {
        request(cluster, namespace, name, &["Start"]);
    }
    if wants_end {
        remove(cluster, vmi.as_deref());
    }
    if stop && (vmi.is_none() || being_deleted) {
        forget(cluster, namespace, name, "Stop");
    }
    if vmi.is_none() && wants_start {
        forget(cluster, namespace, name, "Start");
        // It can only fail because somebody else made it meanwhile, which is as good.
        let _ = cluster.create(&VMIS, namespace, vmi::from_vm(&vm));
    }
    report(cluster, namespace, name);
}

/// Notes requests on a VM, as the start, stop and restart subresources do.
pub(crate) fn request(cluster: &Cluster, namespace: &str, name: &str, actions: &[&str]) {
    cluster.edit(&VMS, namespace, name, |vm| {
        let requests: Vec<Value> = actions
            .iter()
            .map(|action| serde_json::json!({"action": action}))
            .collect();
        fields::set(vm, "/status/stateChangeRequests", requests);
    });
}

fn forget(cluster: &Cluster, namespace: &str, name: &str, action: &str) {
    cluster.edit(&VMS, namespace, name, |vm| {
        let mut requests = fields::list(vm, "/status/stateChangeRequests").to_vec();
        requests.retain(|request| fields::text(request, "/action") != action);
        if requests.is_empty() {
            fields::unset(vm, "/status/stateChangeRequests");
        } else {
            fields::set(vm, "/status/stateChangeRequests", requests);
        }
    });
}

fn remove(cluster: &Cluster, vmi: Option<&Value>) {
    if let Some(vmi) = vmi.filter(|vmi| !fields::present(vmi, "/metadata/deletionTimestamp")) {
        delete::terminate(cluster, &VMIS, vmi, 0);
    }
}

/// The VM's own status.
fn report(cluster: &Cluster, namespace: &str, name: &str) {
    let vmi = cluster.get(&VMIS, namespace, name);
    let printable = printable(cluster, vmi.as_deref());
    cluster.edit(&VMS, namespace, name, |vm| {
        let ready = vmi.as_ref().is_some_and(|vmi| vmi::is(vmi, "Ready"));
        let strategy = of(vm).to_owned();
        fields::set(vm, "/status/created", vmi.is_some());
        fields::set(vm, "/status/ready", ready);
        fields::set(vm, "/status/runStrategy", strategy);
        fields::set(vm, "/status/printableStatus", printable);
        let (status, reason) = if ready {
            ("True", "")
        } else {
            (
                "False",
                if vmi.is_some() {
                    "GuestNotRunning"
                } else {
                    "VMINotExists"
                },
            )
        };
        vmi::condition(vm, "Ready", status, reason, "");
        vmi::condition(
            vm,
            "Paused",
            if vmi.as_ref().is_some_and(|vmi| vmi::is(vmi, "Paused")) {
                "True"
            } else {
                ""
            },
            "",
            "",
        );
    });
}

fn printable(cluster: &Cluster, vmi: Option<&Value>) -> &'static str {
    let Some(vmi) = vmi else { return "Stopped" };
    let migrating = fields::present(vmi, "/status/migrationState/migrationUid")
        && !fields::present(vmi, "/status/migrationState/endTimestamp");
    match fields::text(vmi, "/status/phase") {
        _ if fields::present(vmi, "/metadata/deletionTimestamp") => "Stopping",
        "Running" if vmi::is(vmi, "Paused") => "Paused",
        "Running" if migrating => "Migrating",
        "Running" => "Running",
        "Succeeded" | "Failed" => "Stopped",
        _ if launcher::of(cluster, vmi).is_empty() && fields::text(vmi, "/status/phase") == "Scheduling" => {
            "ErrorUnschedulable"
        }
        _ => "Starting",
    }
}
