//! A VMI object: made from its VM, and its status at the stations of its life.

use serde_json::{Value, json};

use super::devices;
use crate::{cluster::Cluster, json as fields, kubevirt::launcher, time};

/// The VMI that a VM's template makes.
pub(crate) fn from_vm(vm: &Value) -> Value {
    let name = fields::text(vm, "/metadata/name");
    let mut annotations = vm
        .pointer("/spec/template/metadata/annotations")
        .cloned()
        .unwrap_or_else(|| json!({}));
    for (key, value) in [
        ("latest-observed-api-version", "v1"),
        ("storage-observed-api-version", "v1"),
        ("vm-generation", "1"),
    ] {
        fields::set(&mut annotations, &format!("/kubevirt.io~1{key}"), value);
    }
    json!({
        "metadata": {
            "name": name,
            "labels": vm.pointer("/spec/template/metadata/labels").cloned().unwrap_or_else(|| json!({})),
            "annotations": annotations,
            "finalizers": ["kubevirt.io/virtualMachineControllerFinalize", "foregroundDeleteVirtualMachine"],
            "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": name, "uid": fields::text(vm, "/metadata/uid"), "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": vm.pointer("/spec/template/spec").cloned().unwrap_or_default(),
        "status": {"phase": "Pending"},
    })
}

/// Sets the phase and notes when.
pub(crate) fn phase(vmi: &mut Value, phase: &str) {
    if fields::text(vmi, "/status/phase") == phase && fields::present(vmi, "/status/phaseTransitionTimestamps") {
        return;
    }
    fields::set(vmi, "/status/phase", phase);
    let mut stamps = fields::list(vmi, "/status/phaseTransitionTimestamps").to_vec();
    stamps.push(json!({"phase": phase, "phaseTransitionTimestamp": time::now()}));
    fields::set(vmi, "/status/phaseTransitionTimestamps", stamps);
}

/// Sets a condition, or with an empty status takes it away.
pub(crate) fn condition(vmi: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let mut conditions = fields::list(vmi, "/status/conditions").to_vec();
    let old = conditions
        .iter()
        .position(|condition| fields::text(condition, "/type") == kind);
    if let Some(place) = old {
        if fields::text(&conditions[place], "/status") == status
            && fields::text(&conditions[place], "/reason") == reason
        {
            return;
        }
        conditions.remove(place);
    }
    if !status.is_empty() {
        let mut new = json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": time::now()});
        for (field, text) in [("reason", reason), ("message", message)] {
            if !text.is_empty() {
                fields::set(&mut new, &format!("/{field}"), text);
            }
        }
        conditions.insert(old.unwrap_or(conditions.len()), new);
    }
    fields::set(vmi, "/status/conditions", conditions);
}

/// Whether a condition is true.
pub(crate) fn is(vmi: &Value, kind: &str) -> bool {
    fields::list(vmi, "/status/conditions")
        .iter()
        .any(|condition| fields::text(condition, "/type") == kind && fields::text(condition, "/status") == "True")
}

/// Whether a VMI will never run again.
pub(crate) fn is_final(vmi: &Value) -> bool {
    matches!(fields::text(vmi, "/status/phase"), "Succeeded" | "Failed")
}

/// Makes a VMI run in a pod: what virt-handler reports once the guest is up.
pub(crate) fn runs(cluster: &Cluster, vmi: &mut Value, pod: &Value) {
    let (node, pod_uid) = (
        fields::text(pod, "/spec/nodeName").to_owned(),
        fields::text(pod, "/metadata/uid").to_owned(),
    );
    fields::set(vmi, "/metadata/labels/kubevirt.io~1nodeName", node.as_str());
    phase(vmi, "Running");
    fields::set(vmi, "/status/nodeName", node.as_str());
    fields::set(vmi, "/status/activePods", json!({pod_uid: node}));
    for (field, value) in [
        ("qosClass", json!("Burstable")),
        ("runtimeUser", json!(107)),
        ("launcherContainerImageVersion", json!(launcher::IMAGE)),
        ("migrationTransport", json!("Unix")),
        ("migrationMethod", json!("LiveMigration")),
        ("selinuxContext", json!("none")),
        (
            "guestOSInfo",
            json!({"id": "debian", "name": "Debian GNU/Linux", "versionId": "13"}),
        ),
    ] {
        fields::set(vmi, &format!("/status/{field}"), value);
    }
    let interfaces = interfaces(cluster, vmi, fields::text(pod, "/status/podIP"));
    fields::set(vmi, "/status/interfaces", interfaces);
    if behaves(vmi, NEVER_READY) {
        condition(vmi, "Ready", "False", "GuestNotReady", "readiness probe failed");
    } else {
        condition(vmi, "Ready", "True", "", "");
    }
    match not_migratable(vmi) {
        None => condition(vmi, "LiveMigratable", "True", "", ""),
        Some((reason, message)) => condition(vmi, "LiveMigratable", "False", reason, &message),
    }
    condition(vmi, "StorageLiveMigratable", "True", "", "");
}

/// The guest's agent is connected, or not.
pub(crate) fn agent(vmi: &mut Value, connected: bool) {
    let connected = connected && !behaves(vmi, NO_AGENT);
    condition(vmi, "AgentConnected", if connected { "True" } else { "" }, "", "");
}

/// Annotation by which a guest is told to behave out of the ordinary.
const GUEST: &str = "/metadata/annotations/rehearsal.vmchaos.dev~1guest";
/// Its agent never connects.
const NO_AGENT: &str = "no-agent";
/// It runs and never is Ready.
const NEVER_READY: &str = "never-ready";
/// However its launcher ends, it has shut down cleanly before.
pub(crate) const CLEAN_EXIT: &str = "clean-exit";

pub(crate) fn behaves(vmi: &Value, how: &str) -> bool {
    fields::text(vmi, GUEST) == how
}

/// Why a VMI cannot be migrated, by KubeVirt's rules for networks and disks.
fn not_migratable(vmi: &Value) -> Option<(&'static str, String)> {
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
        let on_pod = devices::network_of(vmi, interface).is_some_and(|network| network.get("pod").is_some());
        let allowed = fields::present(
            vmi,
            "/metadata/annotations/kubevirt.io~1allow-pod-bridge-network-live-migration",
        );
        if on_pod && interface.get("bridge").is_some() && !allowed {
            return Some(("InterfaceNotLiveMigratable", "cannot migrate VMI which does not use masquerade, bridge with kubevirt.io/allow-pod-bridge-network-live-migration VM annotation or a migratable plugin to connect to the pod network".to_owned()));
        }
    }
    let local = fields::list(vmi, "/spec/volumes")
        .iter()
        .find(|volume| volume.get("hostDisk").is_some())?;
    Some((
        "DisksNotLiveMigratable",
        format!(
            "cannot migrate VMI: Unable to determine if volume {} is shared: it is a host disk",
            fields::text(local, "/name")
        ),
    ))
}

/// `status.interfaces`, the primary one first.
fn interfaces(cluster: &Cluster, vmi: &Value, pod_ip: &str) -> Vec<Value> {
    let queues = devices::queues(vmi);
    let mut interfaces = Vec::new();
    for (place, interface) in fields::list(vmi, "/spec/domain/devices/interfaces").iter().enumerate() {
        let Some(network) = devices::network_of(vmi, interface) else {
            continue;
        };
        let pod_interface = devices::pod_interface(network);
        let primary = pod_interface == "eth0";
        let kept = fields::list(vmi, "/status/interfaces")
            .iter()
            .find(|old| old.get("name") == interface.get("name"))
            .map(|old| fields::text(old, "/mac").to_owned());
        let mac = kept
            .filter(|mac| !mac.is_empty())
            .unwrap_or_else(|| cluster.ids().mac());
        let sriov = interface.get("sriov").is_some();
        let mut status = json!({
            "name": interface["name"], "infoSource": if primary { "domain, guest-agent" } else { "domain, guest-agent, multus-status" }, "podInterfaceName": pod_interface,
            "interfaceName": format!("eth{place}"), "mac": mac, "queueCount": if sriov { 0 } else { queues }, "linkState": "up",
        });
        if primary {
            fields::set(&mut status, "/ipAddress", pod_ip);
            fields::set(&mut status, "/ipAddresses", json!([pod_ip]));
        }
        interfaces.push(status);
    }
    interfaces
}
