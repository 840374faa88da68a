//! A VMI's life: a launcher is made for it, its guest boots, and it ends with its launcher or with its deletion.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::sleep;

use super::{launcher, vmi, vmi_end};
use crate::{
    api::resources::{NODES, PODS, VMIS},
    cluster::Cluster,
    json as fields,
    node::fitness,
};

/// Writes a VMI, unless another one has its name by now.
pub(crate) fn edit(cluster: &Cluster, vmi: &Value, change: impl FnOnce(&mut Value)) -> Option<Arc<Value>> {
    let uid = fields::text(vmi, "/metadata/uid");
    cluster
        .edit(
            &VMIS,
            fields::text(vmi, "/metadata/namespace"),
            fields::text(vmi, "/metadata/name"),
            |now| {
                if fields::text(now, "/metadata/uid") == uid {
                    change(now);
                }
            },
        )
        .filter(|now| fields::text(now, "/metadata/uid") == uid)
}

/// Nodes that can take a VM: ready, schedulable, with KubeVirt's label, and fitting the selectors.
pub(crate) fn candidates(cluster: &Cluster, selectors: &[Option<&Value>]) -> Vec<String> {
    let nodes = cluster.list(&NODES, "");
    let usable = nodes.iter().filter(|node| {
        fitness::is_ready(node)
            && node.pointer("/spec/unschedulable") != Some(&Value::Bool(true))
            && fields::text(node, "/metadata/labels/kubevirt.io~1schedulable") == "true"
            && selectors
                .iter()
                .flatten()
                .all(|selector| fitness::selected(node, selector))
    });
    usable
        .map(|node| fields::text(node, "/metadata/name").to_owned())
        .collect()
}

/// From a new VMI to a running guest.
pub(crate) async fn start(cluster: Arc<Cluster>, object: Arc<Value>) {
    let Some(object) = edit(&cluster, &object, vmi::observed) else {
        return;
    };
    let mut nodes = preferred(
        &cluster,
        &object,
        candidates(&cluster, &[object.pointer("/spec/nodeSelector")]),
    );
    if nodes.is_empty() {
        edit(&cluster, &object, |vmi| {
            vmi::phase(vmi, "Scheduling");
            vmi::condition(
                vmi,
                "Ready",
                "False",
                "GuestNotRunning",
                "Guest VM is not reported as running",
            );
            vmi::condition(
                vmi,
                "PodScheduled",
                "False",
                "Unschedulable",
                "0/0 nodes are available: no node is ready and schedulable for virtual machines",
            );
        });
        return;
    }
    let place = usize::from_str_radix(&cluster.ids().hex(4), 16).unwrap_or_default() % nodes.len();
    let node = nodes.swap_remove(place);
    let Ok(pod) = launcher::create(&cluster, &object, &node, None) else {
        return;
    };
    edit(&cluster, &object, |vmi| {
        vmi::scheduling(vmi, &pod);
        vmi::ready(vmi, Some(&pod));
    });
    let namespace = fields::text(&object, "/metadata/namespace");
    let name = fields::text(&pod, "/metadata/name");
    let started = cluster
        .until(&PODS, namespace, name, |pod| {
            fields::text(pod, "/status/phase") != "Pending"
        })
        .await;
    let Some(pod) = started.filter(|pod| fields::text(pod, "/status/phase") == "Running") else {
        return;
    };
    edit(&cluster, &object, |vmi| vmi::scheduled(vmi, &pod));
    launcher::on_node(&cluster, &pod);
    edit(&cluster, &object, vmi::defined);
    sleep(cluster.options.guest).await;
    let there = |vmi: &Value| !vmi::is_final(vmi) && !fields::present(vmi, "/metadata/deletionTimestamp");
    let started = edit(&cluster, &object, |vmi| {
        if there(vmi) {
            vmi::runs(&cluster, vmi, &pod);
        }
    });
    if let Some(vmi) = started.filter(|vmi| there(vmi)) {
        vmi_end::is_ready(&cluster, &vmi);
        for (reason, message) in [
            ("Created", "VirtualMachineInstance defined."),
            ("Started", "VirtualMachineInstance started."),
        ] {
            cluster.event(&object, "Normal", reason, message, "virt-handler");
        }
    }
    agent_connects(&cluster, &object).await;
}

/// Those of the nodes that a VMI prefers most (`preferredDuringSchedulingIgnoredDuringExecution`, names of nodes).
fn preferred(cluster: &Cluster, vmi: &Value, nodes: Vec<String>) -> Vec<String> {
    let terms = fields::list(
        vmi,
        "/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution",
    );
    let fits = |node: &Value, term: &Value| {
        fields::list(term, "/preference/matchExpressions").iter().all(|one| {
            let label = fields::text(
                node,
                &format!("/metadata/labels/{}", fields::escape(fields::text(one, "/key"))),
            );
            one["operator"] == "In" && fields::list(one, "/values").iter().any(|value| value == label)
        })
    };
    let weight = |name: &String| {
        let node = cluster.get(&NODES, "", name).unwrap_or_default();
        let fitting = terms.iter().filter(|term| fits(&node, term));
        fitting.filter_map(|term| term["weight"].as_u64()).sum::<u64>()
    };
    let most = nodes.iter().map(weight).max().unwrap_or_default();
    nodes.into_iter().filter(|node| weight(node) == most).collect()
}

/// The guest agent is the last to come up.
async fn agent_connects(cluster: &Cluster, object: &Value) {
    sleep(cluster.options.guest / 5).await;
    edit(cluster, object, |vmi| {
        if fields::text(vmi, "/status/phase") == "Running" {
            vmi::agent(vmi, true);
        }
    });
}

/// A guest whose reset button was pressed: its agent goes and comes again, nothing else about its VMI changes.
pub(crate) async fn reboot(cluster: Arc<Cluster>, object: Arc<Value>) {
    edit(&cluster, &object, |vmi| vmi::agent(vmi, false));
    sleep(cluster.options.guest).await;
    agent_connects(&cluster, &object).await;
}
