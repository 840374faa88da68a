//! What a VM's run strategy makes of its VMI's coming and going.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{launcher, release::reruns_deleted, vmi, vmi_life};
use crate::{
    api::{
        delete,
        resources::{VMIS, VMS},
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
    let another_before = fields::text(&vm, "/status/runStrategy") != of(&vm);
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
        "RerunOnFailure" => (start || another_before, failed || (ended && start)),
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
    if wants_end && remove(cluster, vmi.as_deref()) {
        let uid = vmi
            .as_ref()
            .map(|vmi| fields::text(vmi, "/metadata/uid"))
            .unwrap_or_default();
        let message = format!("Stopped the virtual machine by deleting the virtual machine instance {uid}");
        cluster.event(&vm, "Normal", "SuccessfulDelete", &message, "virtualmachine-controller");
    }
    if stop && (vmi.is_none() || being_deleted) {
        forget(cluster, namespace, name, "Stop");
    }
    if vmi.is_none() && wants_start {
        report(cluster, namespace, name);
        forget(cluster, namespace, name, "Start");
        // It can only fail because somebody else made it meanwhile, which is as good.
        if cluster.create(&VMIS, namespace, vmi::from_vm(&vm)).is_ok() {
            let message = format!("Started the virtual machine by creating the new virtual machine instance {name}");
            cluster.event(&vm, "Normal", "SuccessfulCreate", &message, "virtualmachine-controller");
        }
    }
    report(cluster, namespace, name);
}

/// Notes requests on a VM, as the start, stop and restart subresources do.
pub(crate) fn request(cluster: &Cluster, namespace: &str, name: &str, actions: &[&str]) {
    let vmi = cluster.get(&VMIS, namespace, name);
    cluster.edit(&VMS, namespace, name, |vm| {
        let requests: Vec<Value> = actions
            .iter()
            .map(|action| match &vmi {
                Some(vmi) if *action == "Stop" => json!({"action": action, "uid": vmi["metadata"]["uid"]}),
                _ => json!({"action": action}),
            })
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

/// Deletes a VMI; false when there was nothing to do.
fn remove(cluster: &Cluster, vmi: Option<&Value>) -> bool {
    let there = vmi.filter(|vmi| !fields::present(vmi, "/metadata/deletionTimestamp"));
    if let Some(vmi) = there {
        delete::terminate(cluster, &VMIS, vmi, 0);
    }
    there.is_some()
}

/// The VM's own status.
fn report(cluster: &Cluster, namespace: &str, name: &str) {
    let vmi = cluster.get(&VMIS, namespace, name);
    let printable = printable(cluster, vmi.as_deref());
    let observed = "/metadata/annotations/kubevirt.io~1vm-generation";
    if let (Some(vm), Some(vmi)) = (cluster.get(&VMS, namespace, name), &vmi)
        && !vmi::is_final(vmi)
    {
        let generation = vm["metadata"]["generation"].to_string();
        vmi_life::edit(cluster, vmi, |vmi| fields::set(vmi, observed, generation));
    }
    cluster.edit(&VMS, namespace, name, |vm| {
        let ready = vmi.as_ref().is_some_and(|vmi| vmi::is(vmi, "Ready"));
        let strategy = of(vm).to_owned();
        let generation = vm["metadata"]["generation"].clone();
        for (field, is) in [("created", vmi.is_some()), ("ready", ready)] {
            if is {
                fields::set(vm, &format!("/status/{field}"), true);
            } else {
                fields::unset(vm, &format!("/status/{field}"));
            }
        }
        if vmi.is_some() {
            fields::set(vm, "/status/desiredGeneration", generation.clone());
            fields::set(vm, "/status/observedGeneration", generation);
        }
        if vmi.is_some() || fields::present(vm, "/status/runStrategy") {
            fields::set(vm, "/status/runStrategy", strategy);
        }
        fields::set(vm, "/status/printableStatus", printable);
        conditions(vm, vmi.as_deref());
        snapshots(vm);
    });
}

/// No disk can be snapshotted.
fn snapshots(vm: &mut Value) {
    let disks = fields::list(vm, "/spec/template/spec/volumes").iter();
    let all: Vec<Value> = disks
        .map(|disk| {
            let name = fields::text(disk, "/name");
            let reason = if disk.get("persistentVolumeClaim").is_some() {
                format!("No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [] [{name}]")
            } else {
                format!("Snapshot is not supported for this volumeSource type [{name}]")
            };
            json!({"enabled": false, "name": name, "reason": reason})
        })
        .collect();
    if !all.is_empty() {
        fields::set(vm, "/status/volumeSnapshotStatuses", all);
    }
}

/// A VM has the conditions of its VMI (`syncConditions` of virt-controller).
fn conditions(vm: &mut Value, vmi: Option<&Value>) {
    let Some(vmi) = vmi else {
        return vmi::condition(vm, "Ready", "False", "VMINotExists", "VMI does not exist");
    };
    let its = fields::list(vmi, "/status/conditions");
    let has = |list: &[Value], kind: &str| list.iter().any(|one| fields::text(one, "/type") == kind);
    let kept = |kind: &str| has(its, kind) || matches!(kind, "Ready" | "Failure" | "Initialized" | "RestartRequired");
    let mut own = fields::list(vm, "/status/conditions").to_vec();
    own.retain(|one| kept(fields::text(one, "/type")));
    fields::set(vm, "/status/conditions", own);
    for one in its {
        let text = |field: &str| fields::text(one, field);
        vmi::condition(vm, text("/type"), text("/status"), text("/reason"), text("/message"));
    }
    if !has(its, "Ready") {
        vmi::condition(
            vm,
            "Ready",
            "False",
            "VMIConditionMissing",
            "VMI is missing the Ready condition",
        );
    }
}

fn printable(cluster: &Cluster, vmi: Option<&Value>) -> &'static str {
    let Some(vmi) = vmi else { return "Stopped" };
    let migrating = fields::present(vmi, "/status/migrationState/migrationUid")
        && !fields::present(vmi, "/status/migrationState/endTimestamp");
    match fields::text(vmi, "/status/phase") {
        "Succeeded" | "Failed" => "Stopped",
        _ if fields::present(vmi, "/metadata/deletionTimestamp") => "Stopping",
        "Running" if vmi::is(vmi, "Paused") => "Paused",
        "Running" if migrating => "Migrating",
        "Running" => "Running",
        _ if launcher::of(cluster, vmi).is_empty() && fields::text(vmi, "/status/phase") == "Scheduling" => {
            "ErrorUnschedulable"
        }
        _ => "Starting",
    }
}
