//! Knobs for nodes, their pods and the wires into them.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Practice;
use crate::{
    api::{
        delete,
        resources::{NODES, PODS},
    },
    host::{Feature, Presence, Signal},
    json as fields,
    node::Wire,
};

impl Practice {
    /// A node stops reporting: it is not ready, its kubelet does nothing with pods and does not answer an attach.
    pub fn node_not_ready(&self, node: &str) {
        self.set_ready(node, false);
    }

    /// A node reports again.
    pub fn node_is_back(&self, node: &str) {
        self.set_ready(node, true);
    }

    fn set_ready(&self, node: &str, ready: bool) {
        let (status, reason, message) = if ready {
            ("True", "KubeletReady", "kubelet is posting ready status")
        } else {
            ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        };
        self.cluster.edit(&NODES, "", node, |node| {
            let conditions = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
            for condition in conditions
                .into_iter()
                .flatten()
                .filter(|one| fields::text(one, "/type") == "Ready")
            {
                for (field, text) in [("status", status), ("reason", reason), ("message", message)] {
                    fields::set(condition, &format!("/{field}"), text);
                }
            }
        });
    }

    /// Gives the kernel of a node a feature, or takes it away.
    pub fn set_feature(&self, node: &str, feature: Feature, presence: Presence) -> anyhow::Result<()> {
        let host = self.cluster.nodes.host(node);
        let host = host.with_context(|| format!("the practice cluster has no node {node}"))?;
        host.set_feature(feature, presence)
            .with_context(|| format!("changing what the kernel of {node} has"))
    }

    /// Taints a node; pods that are there stay.
    pub fn taint(&self, node: &str, key: &str, value: &str, effect: &str) {
        self.cluster.edit(&NODES, "", node, |node| {
            let mut taints = fields::list(node, "/spec/taints").to_vec();
            taints.push(json!({"key": key, "value": value, "effect": effect}));
            fields::set(node, "/spec/taints", taints);
        });
    }

    /// Pulls of this image, or all pulls on this node, fail from now on.
    pub fn image_pull_fails(&self, image_or_node: &str) {
        self.cluster.nodes.fail_pulls(image_or_node);
    }

    /// New pods on this node stay at `ContainerCreating`.
    pub fn pod_never_starts(&self, node: &str) {
        self.cluster.nodes.never_start(node);
    }

    /// Closes every attach to the node's containers, as a kubelet's restart does: the clients see it and the
    /// containers read end of file.
    pub fn drop_attach(&self, node: &str) {
        self.change_wires(node, |wire| (wire.cuts, wire.stdin_survives) = (wire.cuts + 1, false));
    }

    /// Closes every attach for the clients only, as containerd's death does: the containers read no end of file.
    pub fn drop_attach_for_clients(&self, node: &str) {
        self.change_wires(node, |wire| (wire.cuts, wire.stdin_survives) = (wire.cuts + 1, true));
    }

    /// Lets nothing through the attaches of a node any more, and tells nobody; or lets it flow again.
    pub fn freeze_attach(&self, node: &str, frozen: bool) {
        self.change_wires(node, |wire| wire.frozen = frozen);
    }

    fn change_wires(&self, node: &str, change: impl Fn(&mut Wire)) {
        for container in self.cluster.nodes.containers_on(node) {
            container.change_wire(&change);
        }
    }

    /// Signals a pod's container, as something on its node might.
    pub fn kill_container(&self, namespace: &str, pod: &str, signal: Signal) {
        let container = self
            .cluster
            .get(&PODS, namespace, pod)
            .and_then(|pod| self.cluster.nodes.container(fields::text(&pod, "/metadata/uid")));
        if let Some(container) = container {
            container.kill(signal);
        }
    }

    /// Ends a pod as an eviction does: with its grace period.
    pub fn evict(&self, namespace: &str, pod: &str) {
        let Some(pod) = self.cluster.get(&PODS, namespace, pod) else {
            return;
        };
        let grace = pod.pointer("/spec/terminationGracePeriodSeconds");
        let grace = grace.and_then(Value::as_u64).unwrap_or(30);
        delete::terminate(&self.cluster, &PODS, &pod, grace);
    }
}
