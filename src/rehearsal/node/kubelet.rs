//! The kubelets, all in one task: each pod that is bound to a node gets a task of its own, from its acceptance to its
//! end.

use std::{convert::Infallible, sync::Arc};

use serde_json::Value;

use super::{fitness, pod_life::Life, pod_status};
use crate::{
    api::{
        delete,
        resources::{NODES, PODS},
    },
    cluster::Cluster,
    json as fields,
    kubevirt::whole::IN_BRIEF,
    store::What,
};

/// What a forced deletion leaves a container between TERM and KILL, in seconds.
pub(crate) const FORCED: u64 = 2;
/// Follows the pods and starts, ends and removes them.
pub(crate) async fn run(cluster: Arc<Cluster>) -> Infallible {
    let mut news = cluster.store().subscribe();
    let mut seen = 0;
    let mut pods = cluster.list(&PODS, "");
    loop {
        for pod in pods.drain(..) {
            look(&cluster, &pod);
        }
        if news.changed().await.is_err() {
            return std::future::pending().await;
        }
        news.mark_unchanged();
        let store = cluster.store();
        let mut gone = Vec::new();
        match store.since(seen) {
            Ok(changes) => {
                let mut nodes_changed = false;
                for change in changes {
                    nodes_changed |= change.is_of(&NODES);
                    if change.is_of(&PODS) {
                        let list = if change.what == What::Deleted {
                            &mut gone
                        } else {
                            &mut pods
                        };
                        list.push(Arc::clone(&change.object));
                    }
                }
                // A node that is back has pods waiting for it.
                if nodes_changed {
                    pods = store.list(&PODS, "");
                }
            }
            Err(_) => pods = store.list(&PODS, ""),
        }
        seen = store.version();
        drop(store);
        for pod in gone {
            cluster.nodes.stop(fields::text(&pod, "/metadata/uid"), FORCED);
            cluster.nodes.drop_log(fields::text(&pod, "/metadata/uid"));
        }
    }
}

/// Does what a pod asks for now.
fn look(cluster: &Arc<Cluster>, seen: &Value) {
    // What was seen may be old by now: a pod that has ended since must not be started again.
    let (namespace, name) = (
        fields::text(seen, "/metadata/namespace"),
        fields::text(seen, "/metadata/name"),
    );
    let Some(pod) = &cluster.get(&PODS, namespace, name) else {
        return;
    };
    let (uid, node) = (fields::text(pod, "/metadata/uid"), fields::text(pod, "/spec/nodeName"));
    if node.is_empty() {
        // A launcher is bound as it is made.
        if pod.get(IN_BRIEF).is_none() {
            schedule(cluster, pod);
        }
        return;
    }
    if cluster.nodes.host(node).is_none() || !fitness::is_ready_by_name(cluster, node) {
        return;
    }
    let ends = fields::present(pod, "/metadata/deletionTimestamp");
    let grace = pod
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_u64)
        .unwrap_or(30);
    if let Some(stop) = (!matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .then(|| cluster.nodes.know(uid))
        .flatten()
    {
        let life = Life {
            cluster: Arc::clone(cluster),
            pod: Arc::clone(pod),
            stop,
        };
        tokio::spawn(life.live());
    }
    if ends && !cluster.nodes.stop(uid, grace) {
        delete::terminate(cluster, &PODS, pod, 0);
    }
}

/// Binds a pod to the first node that is ready and takes it.
fn schedule(cluster: &Cluster, pod: &Value) {
    let wanted = pod.pointer("/spec/nodeSelector").cloned().unwrap_or_default();
    let takes = |node: &Value| {
        let schedulable = node.pointer("/spec/unschedulable") != Some(&Value::Bool(true));
        let tolerated = fitness::untolerated(node, pod, &["NoSchedule", "NoExecute"]).is_none();
        schedulable && tolerated && fitness::is_ready(node) && fitness::selected(node, &wanted)
    };
    if let Some(node) = cluster.list(&NODES, "").into_iter().find(|node| takes(node)) {
        let name = fields::text(&node, "/metadata/name").to_owned();
        let (namespace, pod) = (
            fields::text(pod, "/metadata/namespace"),
            fields::text(pod, "/metadata/name"),
        );
        cluster.edit(&PODS, namespace, pod, |pod| {
            fields::set(pod, "/spec/nodeName", name);
            pod_status::scheduled(pod);
        });
    }
}
