//! The pod a VM runs in.

use serde_json::{Value, json};

use super::devices;
use crate::{api::resources::PODS, cluster::Cluster, json as fields};

/// The launcher's image; tags as upstream releases them.
pub(crate) const IMAGE: &str = "quay.io/kubevirt/virt-launcher:v1.9.0";
/// Its SHA-256: the same in every pod that runs it.
pub(crate) const DIGEST: &str = "4a1d6a9f0f6f2f0f6d4c0c7b2b8f3a55e7c1d2a9b8e7f6a5d4c3b2a190817263";

/// The launcher pod of a VMI on a node, not started yet. `migration` = the migration object it is the target of.
pub(crate) fn pod(cluster: &Cluster, vmi: &Value, node: &str, migration: Option<&Value>) -> Value {
    let (name, namespace, uid) = (
        fields::text(vmi, "/metadata/name"),
        fields::text(vmi, "/metadata/namespace"),
        fields::text(vmi, "/metadata/uid"),
    );
    let mut labels = vmi
        .pointer("/metadata/labels")
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    for own in ["kubevirt.io/nodeName", "kubevirt.io/migrationTargetNodeName"] {
        fields::unset(&mut labels, &format!("/{}", fields::escape(own)));
    }
    let mut annotations = json!({
        "kubevirt.io/domain": name, "kubevirt.io/migrationTransportUnix": "true", "kubectl.kubernetes.io/default-container": "compute",
        "descheduler.alpha.kubernetes.io/request-evict-only": "",
    });
    for (key, value) in [
        ("kubevirt.io", "virt-launcher"),
        ("kubevirt.io/created-by", uid),
        ("vm.kubevirt.io/name", name),
        ("vmi.kubevirt.io/id", name),
    ] {
        fields::set(&mut labels, &format!("/{}", fields::escape(key)), value);
    }
    if let Some(migration) = migration {
        fields::set(
            &mut labels,
            "/kubevirt.io~1migrationJobUID",
            fields::text(migration, "/metadata/uid"),
        );
        fields::set(
            &mut annotations,
            "/kubevirt.io~1migrationJobName",
            fields::text(migration, "/metadata/name"),
        );
    }
    networks(vmi, namespace, &mut annotations);
    let generate = format!("virt-launcher-{name}-");
    let grace = vmi
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_u64)
        .unwrap_or(30);
    let mut pod = json!({
        "metadata": {
            "generateName": generate, "name": "", "labels": labels, "annotations": annotations,
            "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {
            "nodeName": node, "hostname": name, "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": grace + 30,
            "securityContext": {"runAsUser": 107, "runAsGroup": 107, "runAsNonRoot": true, "fsGroup": 107},
            "nodeSelector": {"kubernetes.io/arch": "amd64", "kubevirt.io/schedulable": "true"},
            "readinessGates": [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}],
            "containers": [{
                "name": "compute", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["/usr/bin/virt-launcher-monitor"],
                "args": ["--qemu-timeout", "275s", "--name", name, "--uid", uid, "--namespace", namespace, "--kubevirt-share-dir", "/var/run/kubevirt", "--grace-period-seconds", (grace + 15).to_string(), "--run-as-nonroot"],
                "securityContext": {"runAsUser": 107, "runAsGroup": 107, "runAsNonRoot": true, "allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}},
                "resources": {"limits": {"devices.kubevirt.io/kvm": "1", "devices.kubevirt.io/tun": "1"}, "requests": {"cpu": "100m", "memory": "1294Mi", "devices.kubevirt.io/kvm": "1", "devices.kubevirt.io/tun": "1"}},
            }],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}, {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    });
    // Cannot fail: a VMI's name is a valid prefix of a pod's.
    let _ = cluster.stamp(&PODS, namespace, &mut pod);
    pod
}

/// The annotations by which Multus says which interfaces it made.
fn networks(vmi: &Value, namespace: &str, annotations: &mut Value) {
    let mut asked = Vec::new();
    let mut status = vec![json!({"name": "cbr0", "interface": "eth0", "default": true, "dns": {}})];
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
        let Some(network) = devices::network_of(vmi, interface) else {
            continue;
        };
        let attachment = fields::text(network, "/multus/networkName");
        if attachment.is_empty() {
            continue;
        }
        let pod = devices::pod_interface(network);
        asked.push(json!({"name": attachment, "namespace": namespace, "interface": pod}));
        status.push(json!({"name": format!("{namespace}/{attachment}"), "interface": pod, "dns": {}}));
    }
    if !asked.is_empty() {
        fields::set(
            annotations,
            "/k8s.v1.cni.cncf.io~1networks",
            Value::from(asked).to_string(),
        );
    }
    fields::set(
        annotations,
        "/k8s.v1.cni.cncf.io~1network-status",
        Value::from(status).to_string(),
    );
}

/// The launcher pods of a VMI, finished ones too.
pub(crate) fn of(cluster: &Cluster, vmi: &Value) -> Vec<std::sync::Arc<Value>> {
    let uid = fields::text(vmi, "/metadata/uid");
    let mut pods = cluster.list(&PODS, fields::text(vmi, "/metadata/namespace"));
    pods.retain(|pod| fields::text(pod, "/metadata/labels/kubevirt.io~1created-by") == uid);
    pods
}
