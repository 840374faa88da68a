//! Nodes, namespaces and KubeVirt itself.

use serde_json::{Value, json};

use crate::{
    api::resources::{KUBEVIRTS, NAMESPACES, NODES, PODS},
    cluster::Cluster,
    json as fields,
    kubevirt::{
        devices::{MACVTAP, MANAGED_TAP, PASST},
        launcher,
    },
    node::pod_status,
    time,
};

/// How long the world has been there when it starts, in seconds.
const AGE: i64 = 9 * 86_400;

/// The names of the nodes.
pub(crate) fn node_names(count: usize) -> Vec<String> {
    (1..=count.max(1)).map(|number| format!("node-{number}")).collect()
}

/// Puts an object that has been there for a while.
pub(crate) fn put(
    cluster: &Cluster,
    resource: &'static crate::api::resources::Resource,
    namespace: &str,
    mut object: Value,
) -> Value {
    // The world's names are valid.
    let _ = cluster.stamp(resource, namespace, &mut object);
    fields::set(&mut object, "/metadata/creationTimestamp", time::ago(AGE));
    (*cluster.store().put(resource, object)).clone()
}

pub(crate) fn nodes(cluster: &Cluster) {
    for (place, name) in node_names(cluster.options.nodes).into_iter().enumerate() {
        let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "", "lastHeartbeatTime": time::now(), "lastTransitionTime": time::ago(AGE)});
        let node = json!({
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node-role.kubernetes.io/worker": "",
                    "topology.kubernetes.io/zone": format!("zone-{}", char::from(b'a' + u8::try_from(place % 3).unwrap_or_default())),
                    "kubevirt.io/schedulable": "true", "machine-type.node.kubevirt.io/q35": "true", "machine-type.node.kubevirt.io/pc-q35-10.0": "true", "cpu-vendor.node.kubevirt.io/Intel": "true",
                },
                "annotations": {"kubevirt.io/heartbeat": time::now()},
            },
            "spec": {"podCIDR": format!("10.244.{}.0/24", place + 1), "podCIDRs": [format!("10.244.{}.0/24", place + 1)]},
            "status": {
                "addresses": [{"type": "InternalIP", "address": format!("192.168.66.{}", 101 + place)}, {"type": "Hostname", "address": name}],
                "capacity": {"cpu": "32", "memory": "131072Mi", "pods": "250", "devices.kubevirt.io/kvm": "1k", "devices.kubevirt.io/tun": "1k"},
                "allocatable": {"cpu": "31", "memory": "126976Mi", "pods": "250", "devices.kubevirt.io/kvm": "1k", "devices.kubevirt.io/tun": "1k"},
                "conditions": [
                    condition("MemoryPressure", "False", "KubeletHasSufficientMemory"), condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                    condition("PIDPressure", "False", "KubeletHasSufficientPID"), condition("Ready", "True", "KubeletReady"),
                ],
                "nodeInfo": {
                    "architecture": "amd64", "operatingSystem": "linux", "osImage": "Debian GNU/Linux 13 (trixie)", "kernelVersion": "6.12.48+deb13-amd64", "containerRuntimeVersion": "containerd://2.1.4",
                    "kubeletVersion": "v1.33.4", "kubeProxyVersion": "", "machineID": cluster.ids().hex(32), "systemUUID": cluster.ids().uid(), "bootID": cluster.ids().uid(),
                },
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            },
        });
        put(cluster, &NODES, "", node);
    }
}

pub(crate) fn namespaces(cluster: &Cluster) {
    // Only where KubeVirt lives are privileged pods welcome by name; one team does not allow them at all.
    let levels = [
        ("default", ""),
        ("kube-system", "privileged"),
        ("kubevirt", "privileged"),
        ("shop", ""),
        ("payments", "baseline"),
        ("lab", ""),
        ("load", ""),
    ];
    for (name, level) in levels.into_iter().filter(|(name, _)| {
        (cluster.options.kubevirt || *name != "kubevirt") && (cluster.options.vms > 0 || *name != "load")
    }) {
        let mut namespace = json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
        if !level.is_empty() {
            fields::set(
                &mut namespace,
                "/metadata/labels/pod-security.kubernetes.io~1enforce",
                level,
            );
        }
        put(cluster, &NAMESPACES, "", namespace);
    }
}

pub(crate) fn kubevirt(cluster: &Cluster) {
    let object = json!({
        "metadata": {"name": "kubevirt"},
        "spec": {"configuration": {"network": {"binding": {
            MANAGED_TAP: {"domainAttachmentType": "managedTap", "migration": {}},
            MACVTAP: {"domainAttachmentType": "tap"},
            PASST: {"networkAttachmentDefinition": "default/netbindingpasst", "sidecarImage": "quay.io/kubevirt/network-passt-binding:v1.9.0", "migration": {}},
        }}}, "imagePullPolicy": "IfNotPresent", "workloadUpdateStrategy": {}},
        "status": {
            "phase": "Deployed", "observedKubeVirtVersion": "v1.9.0", "targetKubeVirtVersion": "v1.9.0", "operatorVersion": "v1.9.0", "observedKubeVirtRegistry": "quay.io/kubevirt",
            "conditions": [{"type": "Available", "status": "True", "reason": "AllComponentsReady", "message": "All components are ready.", "lastProbeTime": null, "lastTransitionTime": time::ago(AGE)}],
        },
    });
    put(cluster, &KUBEVIRTS, "kubevirt", object);
    let nodes = node_names(cluster.options.nodes);
    component(cluster, "virt-api", &nodes[0]);
    component(cluster, "virt-controller", &nodes[0]);
    component(cluster, "virt-operator", &nodes[0]);
    for node in &nodes {
        component(cluster, "virt-handler", node);
    }
}

/// A running pod of KubeVirt's own. Virt-controller is told the launcher's image, and virt-handler starts with it on every node.
fn component(cluster: &Cluster, name: &str, node: &str) {
    let mut container = json!({
        "name": name, "image": format!("quay.io/kubevirt/{name}:v1.9.0"), "imagePullPolicy": "IfNotPresent", "command": [name],
        "resources": {"requests": {"cpu": "10m", "memory": "325Mi"}},
    });
    let mut init = Vec::new();
    match name {
        "virt-controller" => {
            let args = json!(["--launcher-image", launcher::IMAGE, "--port", "8443", "-v", "2"]);
            fields::set(&mut container, "/args", args);
        }
        "virt-handler" => init.push(json!({
            "name": "virt-launcher", "image": launcher::IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c"], "args": ["node-labeller.sh"],
            "securityContext": {"privileged": true},
        })),
        _ => {}
    }
    let mut pod = json!({
        "metadata": {"generateName": format!("{name}-"), "labels": {"kubevirt.io": name}},
        "spec": {
            "nodeName": node, "restartPolicy": "Always", "serviceAccountName": format!("kubevirt-{}", name.trim_start_matches("virt-")), "terminationGracePeriodSeconds": 1,
            "initContainers": init, "containers": [container],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    });
    let (host, address) = (
        crate::node::node_address(cluster, node),
        crate::node::pod_address(cluster, node),
    );
    pod_status::has_started(&mut pod, &host, &address, || cluster.ids().hex(64));
    put(cluster, &PODS, "kubevirt", pod);
}
