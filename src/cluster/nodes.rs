//! Nodes, as far as it matters which of them a VM could move to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node as NodeObject, Taint};
use kube::api::{Api, ListParams};

use super::Cluster;
use super::error::{Ask, ClusterError};
use super::objects::sound;

/// Label by which virt-handler says that VMs can run on its node.
const SCHEDULABLE: &str = "kubevirt.io/schedulable";
/// Prefix of the label that names the vendor of a node's CPU; a running guest cannot change it.
const CPU_VENDOR: &str = "cpu-vendor.node.kubevirt.io/";

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub name: String,
    pub ready: bool,
    /// Cordoned.
    pub unschedulable: bool,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
}

/// All nodes. Many users may not list them.
pub(crate) async fn all(cluster: &Cluster) -> Result<Vec<Node>, ClusterError> {
    let list = Api::<NodeObject>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await
        .map_err(|error| cluster.explain(&error, &Ask::new("list", "", "nodes")))?;
    Ok(sound(list.items)?.into_iter().map(Node::of).collect())
}

/// Names of the nodes that take no new VMs.
pub(crate) fn cordoned(nodes: &[Node]) -> Vec<String> {
    let closed = nodes.iter().filter(|node| node.unschedulable);
    closed.map(|node| node.name.clone()).collect()
}

// === impl Node ===

impl Node {
    fn of(node: NodeObject) -> Self {
        let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
        let spec = node.spec.unwrap_or_default();
        Self {
            name: node.metadata.name.unwrap_or_default(),
            ready: conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
            unschedulable: spec.unschedulable.unwrap_or_default(),
            labels: node.metadata.labels.unwrap_or_default(),
            taints: spec.taints.unwrap_or_default(),
        }
    }

    /// Why no VM can be scheduled to it, whichever VM that is.
    pub fn closed(&self) -> Option<&'static str> {
        if !self.ready {
            Some("is not Ready")
        } else if self.unschedulable {
            Some("is cordoned")
        } else if self.labels.get(SCHEDULABLE).map(String::as_str) != Some("true") {
            Some("runs no VMs (label kubevirt.io/schedulable is not true)")
        } else {
            None
        }
    }

    /// Whether it has all of these labels.
    pub fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }

    /// Vendor of its CPU, where KubeVirt's labels say.
    pub fn cpu_vendor(&self) -> Option<&str> {
        self.labels.keys().find_map(|label| label.strip_prefix(CPU_VENDOR))
    }
}
