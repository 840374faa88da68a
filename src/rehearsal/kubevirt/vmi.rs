//! A VMI object: made from its VM, and its status at the stations of its life.

use serde_json::{Value, json};

use super::{devices, migratable, vmi_defaults};
use crate::{cluster::Cluster, json as fields, kubevirt::launcher, time};

/// The VMI that a VM's template makes.
pub(crate) fn from_vm(vm: &Value) -> Value {
    let name = fields::text(vm, "/metadata/name");
    let mut annotations = vm
        .pointer("/spec/template/metadata/annotations")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let generation = vm.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or(1);
    fields::set(&mut annotations, "/kubevirt.io~1vm-generation", generation.to_string());
    let revision = format!("revision-start-vm-{}-{generation}", fields::text(vm, "/metadata/uid"));
    let mut vmi = json!({
        "metadata": {
            "name": name,
            "labels": vm.pointer("/spec/template/metadata/labels").cloned().unwrap_or_else(|| json!({})),
            "annotations": annotations,
            "finalizers": ["kubevirt.io/virtualMachineControllerFinalize", "foregroundDeleteVirtualMachine"],
            "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": name, "uid": fields::text(vm, "/metadata/uid"), "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": vm.pointer("/spec/template/spec").cloned().unwrap_or_default(),
        "status": {"virtualMachineRevisionName": revision},
    });
    vmi_defaults::of_vmi(&mut vmi);
    vmi
}

/// What virt-controller notes on a VMI that it sees for the first time.
pub(crate) fn observed(vmi: &mut Value) {
    for key in ["latest-observed-api-version", "storage-observed-api-version"] {
        fields::set(vmi, &format!("/metadata/annotations/kubevirt.io~1{key}"), "v1");
    }
}

/// Has a launcher.
pub(crate) fn scheduling(vmi: &mut Value, pod: &Value) {
    fields::set(
        vmi,
        "/status/activePods",
        json!({fields::text(pod, "/metadata/uid"): fields::text(pod, "/spec/nodeName")}),
    );
    fields::set(vmi, "/status/launcherContainerImageVersion", launcher::IMAGE);
    phase(vmi, "Scheduling");
}

/// Its launcher runs, and virt-handler of that node takes over.
pub(crate) fn scheduled(vmi: &mut Value, pod: &Value) {
    let node = fields::text(pod, "/spec/nodeName").to_owned();
    fields::set(vmi, "/metadata/labels/kubevirt.io~1nodeName", node.as_str());
    fields::set(vmi, "/status/nodeName", node.as_str());
    fields::set(vmi, "/status/qosClass", "Burstable");
    fields::set(vmi, "/status/migrationTransport", "Unix");
    let interfaces = fields::list(vmi, "/spec/domain/devices/interfaces").iter();
    let interfaces: Vec<Value> = interfaces
        .filter_map(|interface| {
            let network = devices::network_of(vmi, interface)?;
            Some(json!({"name": interface["name"], "podInterfaceName": devices::pod_interface(network)}))
        })
        .collect();
    fields::set(vmi, "/status/interfaces", interfaces);
    phase(vmi, "Scheduled");
}

/// virt-handler knows what can be done with it.
pub(crate) fn defined(vmi: &mut Value) {
    match migratable::not(vmi) {
        None => condition(vmi, "LiveMigratable", "True", "", ""),
        Some((reason, message)) => condition(vmi, "LiveMigratable", "False", reason, &message),
    }
    match migratable::not_storage(vmi) {
        None => condition(vmi, "StorageLiveMigratable", "True", "", ""),
        Some((reason, message)) => condition(vmi, "StorageLiveMigratable", "False", reason, &message),
    }
    if fields::present(vmi, "/spec/domain/firmware/kernelBoot") {
        fields::set(
            vmi,
            "/status/kernelBootStatus",
            json!({"initrdInfo": {"checksum": 1_491_687_188}, "kernelInfo": {"checksum": 2_372_938_262_u64}}),
        );
    }
    let claims = fields::list(vmi, "/spec/volumes")
        .iter()
        .any(|volume| volume.get("persistentVolumeClaim").is_some());
    fields::set(
        vmi,
        "/status/migrationMethod",
        if claims { "BlockMigration" } else { "LiveMigration" },
    );
    fields::set(vmi, "/status/selinuxContext", "none");
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
            && fields::text(&conditions[place], "/message") == message
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
        fields::text(pod, "/metadata/uid"),
    );
    fields::set(vmi, "/metadata/labels/kubevirt.io~1nodeName", node.as_str());
    phase(vmi, "Running");
    fields::set(vmi, "/status/nodeName", node.as_str());
    fields::set(vmi, &format!("/status/activePods/{pod_uid}"), node.as_str());
    fields::set(vmi, "/status/machine", json!({"type": "pc-q35-10.0"}));
    let volumes = fields::list(vmi, "/spec/volumes").iter().zip('a'..='z');
    let volumes: Vec<Value> = volumes
        .map(|(volume, letter)| json!({"name": volume["name"], "target": format!("vd{letter}")}))
        .collect();
    if !volumes.is_empty() {
        fields::set(vmi, "/status/volumeStatus", volumes);
    }
    let interfaces = interfaces(cluster, vmi, fields::text(pod, "/status/podIP"));
    fields::set(vmi, "/status/interfaces", interfaces);
}

/// Is Ready as its launcher is (`syncReadyConditionFromPod` of virt-controller).
pub(crate) fn ready(vmi: &mut Value, pod: Option<&Value>) {
    let ready = pod.and_then(|pod| {
        fields::list(pod, "/status/conditions")
            .iter()
            .find(|one| one["type"] == "Ready")
    });
    let over = |pod: &Value| {
        fields::present(pod, "/metadata/deletionTimestamp")
            || matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed")
    };
    let (status, reason, message) = match (pod, ready) {
        (None, _) => ("False", "PodNotExists", "virt-launcher pod has not yet been scheduled"),
        (Some(pod), _) if over(pod) => ("False", "PodTerminating", "virt-launcher pod is terminating"),
        _ if fields::text(vmi, "/status/phase") != "Running" => {
            ("False", "GuestNotRunning", "Guest VM is not reported as running")
        }
        _ if behaves(vmi, NEVER_READY) => ("False", "GuestNotReady", "readiness probe failed"),
        (_, Some(ready)) => (
            fields::text(ready, "/status"),
            fields::text(ready, "/reason"),
            fields::text(ready, "/message"),
        ),
        (_, None) => (
            "False",
            "PodConditionMissing",
            "virt-launcher pod is missing the Ready condition",
        ),
    };
    let (status, reason, message) = (status.to_owned(), reason.to_owned(), message.to_owned());
    condition(vmi, "Ready", &status, &reason, &message);
}

/// The guest's agent is connected, or not.
pub(crate) fn agent(vmi: &mut Value, connected: bool) {
    let connected = connected && !behaves(vmi, NO_AGENT);
    condition(vmi, "AgentConnected", if connected { "True" } else { "" }, "", "");
    let (system, source) = if connected {
        (
            json!({"id": "debian", "name": "Debian GNU/Linux", "versionId": "13"}),
            "domain, guest-agent",
        )
    } else {
        (json!({}), "domain")
    };
    fields::set(vmi, "/status/guestOSInfo", system);
    let mut interfaces = fields::list(vmi, "/status/interfaces").to_vec();
    for (place, interface) in interfaces.iter_mut().enumerate() {
        let secondary = if fields::text(interface, "/podInterfaceName") == "eth0" {
            ""
        } else {
            ", multus-status"
        };
        fields::set(interface, "/infoSource", format!("{source}{secondary}"));
        if connected {
            fields::set(interface, "/interfaceName", format!("eth{place}"));
        } else {
            fields::unset(interface, "/interfaceName");
        }
    }
    fields::set(vmi, "/status/interfaces", interfaces);
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

/// `status.interfaces`, the primary one first.
fn interfaces(cluster: &Cluster, vmi: &Value, pod_ip: &str) -> Vec<Value> {
    let queues = devices::queues(vmi);
    let mut interfaces = Vec::new();
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
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
            "name": interface["name"], "infoSource": if primary { "domain" } else { "domain, multus-status" }, "podInterfaceName": pod_interface, "mac": mac, "queueCount": if sriov { 0 } else { queues }, "linkState": "up",
        });
        if primary {
            fields::set(&mut status, "/ipAddress", pod_ip);
            fields::set(&mut status, "/ipAddresses", json!([pod_ip]));
        }
        interfaces.push(status);
    }
    interfaces
}
