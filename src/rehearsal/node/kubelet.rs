//! The kubelets, all in one task: each pod that is bound to a node gets a task of its own, from its acceptance to its
//! end.

use std::{convert::Infallible, sync::Arc};

use serde_json::Value;

use super::pod_life::Life;
use crate::rehearsal::{
    api::{
        delete,
        resources::{NODES, PODS},
    },
    cluster::Cluster,
    json as fields,
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
                for change in changes.filter(|change| change.is_of(&PODS)) {
                    if change.what == What::Deleted {
                        &mut gone
                    } else {
                        &mut pods
                    }
                    .push(Arc::clone(&change.object));
                }
            }
            Err(_) => pods = store.list(&PODS, ""),
        }
        seen = store.version();
        drop(store);
        for pod in gone {
            cluster.nodes.stop(fields::text(&pod, "/metadata/uid"), FORCED);
        }
    }
}

/// Does what a pod asks for now.
fn look(cluster: &Arc<Cluster>, pod: &Arc<Value>) {
    let (uid, node) = (fields::text(pod, "/metadata/uid"), fields::text(pod, "/spec/nodeName"));
    if node.is_empty() {
        schedule(cluster, pod);
        return;
    }
    if cluster.nodes.host(node).is_none() || !is_ready(cluster, node) {
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
        delete::terminate(
            cluster,
            &PODS,
            fields::text(pod, "/metadata/namespace"),
            fields::text(pod, "/metadata/name"),
            0,
        );
    }
}

/// Binds a pod to the first node that is ready and fits its selector.
fn schedule(cluster: &Cluster, pod: &Value) {
    let wanted = pod.pointer("/spec/nodeSelector").and_then(Value::as_object);
    let fits = |node: &Value| {
        wanted
            .into_iter()
            .flatten()
            .all(|(key, value)| node.pointer("/metadata/labels").and_then(|labels| labels.get(key)) == Some(value))
    };
    let node = cluster.list(&NODES, "").into_iter().find(|node| {
        node.pointer("/spec/unschedulable") != Some(&Value::Bool(true))
            && is_ready(cluster, fields::text(node, "/metadata/name"))
            && fits(node)
    });
    if let Some(node) = node {
        let name = fields::text(&node, "/metadata/name").to_owned();
        cluster.edit(
            &PODS,
            fields::text(pod, "/metadata/namespace"),
            fields::text(pod, "/metadata/name"),
            |pod| fields::set(pod, "/spec/nodeName", name),
        );
    }
}

fn is_ready(cluster: &Cluster, node: &str) -> bool {
    cluster.get(&NODES, "", node).is_some_and(|node| {
        fields::list(&node, "/status/conditions").iter().any(|condition| {
            fields::text(condition, "/type") == "Ready" && fields::text(condition, "/status") == "True"
        })
    })
}
