//! What is special about a launcher pod on its node: its network namespace comes and goes with it.

use serde_json::Value;

use crate::{
    api::resources::{NODES, PODS, VMIS},
    cluster::Cluster,
    host::VmOnNode,
    json as fields,
    kubevirt::devices,
};

/// Whether a pod holds a VM.
pub(crate) fn is_launcher(pod: &Value) -> bool {
    fields::text(pod, "/metadata/labels/kubevirt.io") == "virt-launcher"
}

/// Makes the devices of a launcher that has come up.
pub(crate) fn up(cluster: &Cluster, pod: &Value) {
    if !is_launcher(pod) {
        return;
    }
    let namespace = fields::text(pod, "/metadata/namespace");
    let (Some(pod), Some(vmi)) = (
        cluster.get(&PODS, namespace, fields::text(pod, "/metadata/name")),
        cluster.get(
            &VMIS,
            namespace,
            fields::text(pod, "/metadata/annotations/kubevirt.io~1domain"),
        ),
    ) else {
        return;
    };
    let Some(host) = cluster.nodes.host(fields::text(&pod, "/spec/nodeName")) else {
        return;
    };
    let compute = fields::list(&pod, "/status/containerStatuses")
        .iter()
        .find(|status| fields::text(status, "/name") == "compute");
    let id = compute
        .map(|status| fields::text(status, "/containerID"))
        .unwrap_or_default()
        .trim_start_matches("containerd://");
    host.add_pod(VmOnNode {
        pod_uid: fields::text(&pod, "/metadata/uid").to_owned(),
        container_id: id.to_owned(),
        devices: devices::of(&vmi),
        address: fields::text(&pod, "/status/podIP").to_owned(),
    });
}

/// Takes them away with the launcher.
pub(crate) fn down(cluster: &Cluster, pod: &Value) {
    if let Some(host) = cluster.nodes.host(fields::text(pod, "/spec/nodeName")) {
        host.remove_pod(fields::text(pod, "/metadata/uid"));
    }
}

/// The address of a node.
pub(crate) fn node_address(cluster: &Cluster, node: &str) -> String {
    let node = cluster.get(&NODES, "", node).unwrap_or_default();
    fields::text(&node, "/status/addresses/0/address").to_owned()
}

/// An address out of the node's range for pods.
pub(crate) fn pod_address(cluster: &Cluster, node: &str) -> String {
    let last = cluster.nodes.next_address(node);
    let node = cluster.get(&NODES, "", node).unwrap_or_default();
    let range = fields::text(&node, "/spec/podCIDR").trim_end_matches(".0/24");
    format!("{range}.{last}")
}
