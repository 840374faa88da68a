//! A VMI's life: a launcher is made for it, its guest boots, and it ends with its launcher or with its deletion.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::sleep;

use super::{launcher, vmi};
use crate::{
    api::{
        delete,
        resources::{NODES, PODS, VMIS},
    },
    cluster::Cluster,
    json as fields,
    node::fitness,
    store::What,
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
    let Some(object) = edit(&cluster, &object, |vmi| {
        vmi::phase(vmi, "Pending");
        vmi::condition(
            vmi,
            "Ready",
            "False",
            "GuestNotRunning",
            "Guest VM is not reported as running",
        );
    }) else {
        return;
    };
    let mut nodes = candidates(&cluster, &[object.pointer("/spec/nodeSelector")]);
    if nodes.is_empty() {
        edit(&cluster, &object, |vmi| {
            vmi::phase(vmi, "Scheduling");
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
    let pod = launcher::pod(&cluster, &object, &node, None);
    let namespace = fields::text(&object, "/metadata/namespace").to_owned();
    let Ok(pod) = cluster.create(&PODS, &namespace, pod) else {
        return;
    };
    edit(&cluster, &object, |vmi| vmi::phase(vmi, "Scheduling"));
    let name = fields::text(&pod, "/metadata/name").to_owned();
    let started = cluster
        .until(&PODS, &namespace, &name, |pod| {
            fields::text(pod, "/status/phase") != "Pending"
        })
        .await;
    let Some(pod) = started.filter(|pod| fields::text(pod, "/status/phase") == "Running") else {
        return;
    };
    edit(&cluster, &object, |vmi| {
        vmi::phase(vmi, "Scheduled");
        fields::set(vmi, "/status/nodeName", node.as_str());
    });
    sleep(cluster.options.guest).await;
    edit(&cluster, &object, |vmi| {
        if !vmi::is_final(vmi) && !fields::present(vmi, "/metadata/deletionTimestamp") {
            vmi::runs(&cluster, vmi, &pod);
        }
    });
    agent_connects(&cluster, &object).await;
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

/// A deleted VMI: its launchers end (the guest shuts down in its grace period), then the object goes.
pub(crate) async fn end(cluster: Arc<Cluster>, object: Arc<Value>) {
    edit(&cluster, &object, |vmi| {
        vmi::condition(
            vmi,
            "Ready",
            "False",
            "PodTerminating",
            "virt-launcher pod is terminating",
        );
    });
    let namespace = fields::text(&object, "/metadata/namespace").to_owned();
    let pods = launcher::of(&cluster, &object);
    for pod in &pods {
        let grace = pod
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(30);
        let finished = matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed");
        delete::terminate(&cluster, &PODS, pod, if finished { 0 } else { grace });
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

/// A launcher has ended or gone: if its guest was in it, the VMI has ended with it.
pub(crate) fn launcher_changed(cluster: &Arc<Cluster>, pod: &Value, what: What) {
    let phase = fields::text(pod, "/status/phase");
    let ended = what == What::Deleted || matches!(phase, "Succeeded" | "Failed");
    let namespace = fields::text(pod, "/metadata/namespace");
    let Some(vmi) = cluster.get(
        &VMIS,
        namespace,
        fields::text(pod, "/metadata/annotations/kubevirt.io~1domain"),
    ) else {
        return;
    };
    let (uid, pod_uid) = (fields::text(&vmi, "/metadata/uid"), fields::text(pod, "/metadata/uid"));
    if !ended || fields::text(pod, "/metadata/labels/kubevirt.io~1created-by") != uid {
        return;
    }
    // A guest that was told to shut down and did so ends well; anything else is a failure.
    let well = phase == "Succeeded"
        || vmi::behaves(&vmi, vmi::CLEAN_EXIT)
        || (what == What::Deleted && fields::present(pod, "/metadata/deletionTimestamp") && phase != "Failed");
    edit(cluster, &vmi, |vmi| {
        let target = fields::text(pod, "/metadata/labels/kubevirt.io~1migrationJobUID");
        let in_it = fields::text(vmi, "/status/nodeName") == fields::text(pod, "/spec/nodeName")
            && fields::present(vmi, &format!("/status/activePods/{pod_uid}"));
        let not_yet = !target.is_empty()
            && fields::text(vmi, "/status/migrationState/targetPod") == fields::text(pod, "/metadata/name")
            && vmi.pointer("/status/migrationState/completed") != Some(&Value::Bool(true));
        if in_it && !not_yet && !vmi::is_final(vmi) {
            vmi::phase(vmi, if well { "Succeeded" } else { "Failed" });
            vmi::condition(
                vmi,
                "Ready",
                "False",
                "PodTerminating",
                "virt-launcher pod has terminated",
            );
        }
    });
}
