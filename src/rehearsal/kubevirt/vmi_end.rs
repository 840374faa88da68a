//! How a VMI ends: with its guest, with its launcher, or with its deletion; and how it is Ready as its launcher is.

use std::sync::Arc;

use serde_json::Value;

use super::{launcher, vmi, vmi_life::edit};
use crate::{
    api::{
        delete,
        resources::{PODS, VMIS},
    },
    cluster::Cluster,
    json as fields,
    node::pod_status,
    store::What,
};

/// A deleted VMI: its launchers end (the guest shuts down in its grace period), then the object goes.
pub(crate) async fn end(cluster: Arc<Cluster>, object: Arc<Value>) {
    let namespace = fields::text(&object, "/metadata/namespace").to_owned();
    let pods = launcher::of(&cluster, &object);
    if !pods.is_empty() {
        cluster.event(&object, "Normal", "Deleted", "Signaled Deletion", "virt-handler");
    }
    for pod in &pods {
        let grace = pod
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(30);
        let finished = matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed");
        delete::terminate(&cluster, &PODS, pod, if finished { 0 } else { grace });
        let message = format!("Deleted virtual machine pod {}", fields::text(pod, "/metadata/name"));
        cluster.event(
            &object,
            "Normal",
            "SuccessfulDelete",
            &message,
            "virtualmachine-controller",
        );
    }
    for pod in &pods {
        cluster
            .until(&PODS, &namespace, fields::text(pod, "/metadata/name"), |_| false)
            .await;
    }
    edit(&cluster, &object, |vmi| {
        if !vmi::is_final(vmi) {
            vmi::phase(vmi, "Succeeded");
        }
        fields::unset(vmi, "/metadata/finalizers");
    });
}

/// The VMI whose guest is in a launcher; nothing where it is in another one, or where it is not there yet.
fn in_it(cluster: &Cluster, pod: &Value) -> Option<Arc<Value>> {
    let domain = fields::text(pod, "/metadata/annotations/kubevirt.io~1domain");
    let vmi = cluster.get(&VMIS, fields::text(pod, "/metadata/namespace"), domain)?;
    let its_own = fields::text(pod, "/metadata/labels/kubevirt.io~1created-by") == fields::text(&vmi, "/metadata/uid");
    let node = fields::text(&vmi, "/status/nodeName");
    let here = (node.is_empty() || node == fields::text(pod, "/spec/nodeName"))
        && fields::present(
            &vmi,
            &format!("/status/activePods/{}", fields::text(pod, "/metadata/uid")),
        );
    let is_target = !fields::text(pod, "/metadata/labels/kubevirt.io~1migrationJobUID").is_empty()
        && fields::text(&vmi, "/status/migrationState/targetPod") == fields::text(pod, "/metadata/name");
    let not_yet = is_target && vmi.pointer("/status/migrationState/completed") != Some(&Value::Bool(true));
    // A guest that has come back to a node left a finished launcher there.
    let over = |pod: &Value| matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed");
    let newer = over(pod)
        && launcher::of(cluster, &vmi).iter().any(|other| {
            !over(other)
                && fields::text(other, "/spec/nodeName") == fields::text(pod, "/spec/nodeName")
                && other["metadata"]["uid"] != pod["metadata"]["uid"]
        });
    (its_own && here && !not_yet && !newer).then_some(vmi)
}

/// What virt-controller says on a launcher of its guest: paused or not.
pub(crate) fn open(pod: &mut Value, vmi: &Value) {
    pod_status::gate(pod, !vmi::is(vmi, "Paused"));
}

/// A guest that was asked to shut down.
pub(crate) fn guest_ends(cluster: &Cluster, pod: &Value) {
    if let Some(vmi) = in_it(cluster, pod).filter(|vmi| !vmi::is_final(vmi)) {
        cluster.event(
            &vmi,
            "Normal",
            "ShuttingDown",
            "Signaled Graceful Shutdown",
            "virt-handler",
        );
    }
}

/// A guest is no more; `well` says that it has shut down, and not crashed. False when there was none.
pub(crate) fn guest_ended(cluster: &Cluster, pod: &Value, well: bool) -> bool {
    let Some(vmi) = in_it(cluster, pod).filter(|vmi| !vmi::is_final(vmi)) else {
        return false;
    };
    let well = well || vmi::behaves(&vmi, vmi::CLEAN_EXIT);
    edit(cluster, &vmi, |vmi| {
        let mut interfaces = fields::list(vmi, "/status/interfaces").to_vec();
        for interface in &mut interfaces {
            for field in ["/ipAddress", "/ipAddresses"] {
                fields::unset(interface, field);
            }
        }
        fields::set(vmi, "/status/interfaces", interfaces);
        vmi::phase(vmi, if well { "Succeeded" } else { "Failed" });
    });
    let (kind, message) = if well {
        ("Normal", "The VirtualMachineInstance was shut down.")
    } else {
        ("Warning", "The VirtualMachineInstance crashed.")
    };
    cluster.event(&vmi, kind, "Stopped", message, "virt-handler");
    true
}

/// virt-controller lets go of a VMI that has ended.
pub(crate) fn let_go(cluster: &Cluster, vmi: &Value) {
    if vmi::is_final(vmi) {
        edit(cluster, vmi, |vmi| {
            let mut finalizers = fields::list(vmi, "/metadata/finalizers").to_vec();
            finalizers.retain(|one| one != "kubevirt.io/virtualMachineControllerFinalize");
            fields::set(vmi, "/metadata/finalizers", finalizers);
        });
    }
}

/// A VMI has changed: it is Ready as its launcher is.
pub(crate) fn is_ready(cluster: &Cluster, vmi: &Value) {
    let here = |pod: &Arc<Value>| in_it(cluster, pod).is_some();
    if let Some(pod) = launcher::of(cluster, vmi).iter().find(|pod| here(pod)) {
        edit(cluster, vmi, |vmi| vmi::ready(vmi, Some(pod)));
    }
}

/// A launcher has changed: its VMI is Ready as it is, and has failed when it is gone with its guest.
pub(crate) fn launcher_changed(cluster: &Arc<Cluster>, pod: &Value, what: What) {
    ends_with(cluster, pod, what);
    let domain = fields::text(pod, "/metadata/annotations/kubevirt.io~1domain");
    let vmi = cluster.get(&VMIS, fields::text(pod, "/metadata/namespace"), domain);
    if let Some(vmi) = vmi.filter(|vmi| what == What::Deleted && !fields::present(vmi, "/metadata/deletionTimestamp")) {
        edit(cluster, &vmi, |vmi| {
            fields::unset(
                vmi,
                &format!("/status/activePods/{}", fields::text(pod, "/metadata/uid")),
            );
        });
    }
}

fn ends_with(cluster: &Cluster, pod: &Value, what: What) {
    let Some(vmi) = in_it(cluster, pod) else {
        return;
    };
    let gone = what == What::Deleted;
    // What is told may be old by now.
    let now = cluster.get(
        &PODS,
        fields::text(pod, "/metadata/namespace"),
        fields::text(pod, "/metadata/name"),
    );
    let pod = now
        .as_deref()
        .filter(|now| now["metadata"]["uid"] == pod["metadata"]["uid"])
        .unwrap_or(pod);
    let ended = gone || matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed");
    if ended && !vmi::is_final(&vmi) {
        let well = fields::text(pod, "/status/phase") == "Succeeded" || vmi::behaves(&vmi, vmi::CLEAN_EXIT);
        edit(cluster, &vmi, |vmi| {
            vmi::phase(vmi, if well { "Succeeded" } else { "Failed" });
        });
    }
    if !(gone && fields::present(&vmi, "/metadata/deletionTimestamp"))
        && fields::text(&vmi, "/status/phase") != "Pending"
    {
        edit(cluster, &vmi, |vmi| vmi::ready(vmi, (!gone).then_some(pod)));
    }
}
