//! The launcher pods that a run's faults are in, watched for their end: a guest that is told to end can run for long after, and
//! is not to have the fault meanwhile.

use std::collections::BTreeMap;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::Message;
use super::feed::Feed;
use crate::cluster::Cluster;
use crate::cluster::watch::{self, Change};
use crate::faults::packets::plan::Plan;

/// Label of every launcher: the UID of its VMI (KubeVirt 0.36 and later).
const CREATED_BY: &str = "kubevirt.io/created-by";
/// So many VMIs are named in a watch; with more, all launchers of the namespace are watched.
const NAMED: usize = 32;

/// Feeds the UIDs of launchers that end, of any VM of the run and wherever it moves: one watch a namespace. Labels only narrow
/// what is sent; that a pod is the one with the fault is known by its UID.
pub(super) fn feed(cluster: Cluster, plan: &Plan, messages: UnboundedSender<Message>) -> Feed {
    let mut namespaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for vm in &plan.vms {
        let vmis = namespaces.entry(vm.target.namespace.clone()).or_default();
        vmis.push(vm.target.uid.clone());
    }
    Feed::spawn(async move {
        let feeds = namespaces
            .into_iter()
            .map(|(namespace, vmis)| feed_namespace(&cluster, namespace, vmis, &messages));
        futures::future::join_all(feeds).await;
    })
}

/// Those of the VMIs, or of all of a namespace where so many names would not fit into a request.
fn labels(vmis: &[String]) -> String {
    if vmis.len() > NAMED {
        "kubevirt.io=virt-launcher".to_owned()
    } else {
        format!("{CREATED_BY} in ({})", vmis.join(","))
    }
}

async fn feed_namespace(cluster: &Cluster, namespace: String, vmis: Vec<String>, messages: &UnboundedSender<Message>) {
    let mut changes = watch::pods(cluster, &namespace, &labels(&vmis));
    while let Some(change) = changes.next().await {
        let ended: Vec<Pod> = match change {
            Ok(Change::Listed(pods)) => pods.into_iter().filter(ends).collect(),
            Ok(Change::Applied(pod)) => Some(pod).filter(ends).into_iter().collect(),
            Ok(Change::Deleted(pod)) => vec![pod],
            Err(error) => {
                // The VMIs tell of most ends, and the nodes of all, only later.
                tracing::debug!(%error, namespace, "the launcher pods cannot be watched");
                return;
            }
        };
        for uid in ended.into_iter().filter_map(|pod| pod.metadata.uid) {
            if messages.send(Message::LauncherEnds(uid)).is_err() {
                return;
            }
        }
    }
}

/// Told to end, or ended.
fn ends(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_launcher_ends_when_it_is_told_to() {
        let pod = |metadata: serde_json::Value, phase: &str| -> Pod {
            serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
        };
        let told = json!({"name": "l", "deletionTimestamp": "2026-11-29T12:00:00Z"});
        assert!(!ends(&pod(json!({"name": "l"}), "Running")));
        assert!(ends(&pod(told, "Running")));
        for phase in ["Succeeded", "Failed"] {
            assert!(ends(&pod(json!({"name": "l"}), phase)), "{phase}");
        }
    }

    #[test]
    fn the_launchers_of_few_vmis_are_asked_for_by_name() {
        let of = |count: usize| labels(&vec!["u".to_owned(); count]);
        assert_eq!(of(2), "kubevirt.io/created-by in (u,u)");
        assert_eq!(of(NAMED).matches(',').count(), NAMED - 1);
        assert_eq!(of(NAMED + 1), "kubevirt.io=virt-launcher");
    }
}
