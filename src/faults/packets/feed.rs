//! What happens meanwhile to the debug pods, the VMIs and their launchers, by one watch of each a namespace.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::driver::Message;
use super::engine::{Input, VmiSeen};
use crate::cluster::Cluster;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::{self, Change};
use crate::fault::Target;
use crate::faults::packets::plan::Plan;
use crate::node::feed::pod_states;

/// Label of every launcher: the UID of its VMI (KubeVirt 0.36 and later).
const CREATED_BY: &str = "kubevirt.io/created-by";
/// So many VMIs are named in a watch; with more, all launchers of the namespace are watched.
const NAMED: usize = 32;

/// A task that ends with its owner.
pub(super) struct Feed(JoinHandle<()>);

// === impl Feed ===

impl Feed {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Feeds the states of the run's debug pods.
pub(super) fn feed_pods(cluster: Cluster, namespace: String, run: String, messages: UnboundedSender<Message>) -> Feed {
    Feed::spawn(async move {
        let mut states = std::pin::pin!(pod_states(&cluster, &namespace, &run));
        while let Some(state) = states.next().await {
            let message = match state {
                Ok((name, state)) => Message::Pod(name, state),
                Err(error) => Message::Blind(error),
            };
            if messages.send(message).is_err() {
                return;
            }
        }
    })
}

/// Feeds what becomes of the VMIs: one watch a namespace, of one object where there is only one.
pub(super) fn feed_vmis(cluster: Cluster, plan: &Plan, messages: UnboundedSender<Message>) -> Feed {
    let mut namespaces: BTreeMap<String, BTreeMap<String, (usize, String)>> = BTreeMap::new();
    for (index, vm) in plan.vms.iter().enumerate() {
        let target = &vm.target;
        namespaces
            .entry(target.namespace.clone())
            .or_default()
            .insert(target.name.clone(), (index, target.uid.clone()));
    }
    Feed::spawn(async move {
        let feeds = namespaces
            .into_iter()
            .map(|(namespace, vmis)| feed_vmis_of(&cluster, namespace, vmis, &messages));
        futures::future::join_all(feeds).await;
    })
}

/// The name of the only one, so that nothing else need be watched.
fn only<T>(vmis: &BTreeMap<String, T>) -> Option<&str> {
    let first = vmis.keys().next().filter(|_| vmis.len() == 1);
    first.map(String::as_str)
}

async fn feed_vmis_of(
    cluster: &Cluster,
    namespace: String,
    vmis: BTreeMap<String, (usize, String)>,
    messages: &UnboundedSender<Message>,
) {
    let mut stream = watch::vmis(cluster, &namespace, only(&vmis));
    let told = |vmi: &VirtualMachineInstance| vmis.get(vmi.name()).map(|(index, uid)| (*index, seen(vmi, uid)));
    while let Some(change) = stream.next().await {
        let changes: Vec<(usize, VmiSeen)> = match change {
            Ok(Change::Listed(listed)) => {
                let there: BTreeSet<&str> = listed.iter().map(VirtualMachineInstance::name).collect();
                let missing = vmis.iter().filter(|(name, _)| !there.contains(name.as_str()));
                missing
                    .map(|(_, (index, _))| (*index, gone()))
                    .chain(listed.iter().filter_map(told))
                    .collect()
            }
            Ok(Change::Applied(vmi)) => told(&vmi).into_iter().collect(),
            Ok(Change::Deleted(vmi)) => vmis
                .get(vmi.name())
                .map(|(index, _)| (*index, gone()))
                .into_iter()
                .collect(),
            Err(error) => {
                // The nodes still tell when a VM goes; where it went is read then.
                tracing::warn!(%error, namespace, "the VMIs cannot be watched");
                Vec::new()
            }
        };
        for (vm, seen) in changes {
            if messages.send(Message::Input(Input::Vmi(vm, seen))).is_err() {
                return;
            }
        }
    }
}

/// What a VMI that a run has a fault on looks like; `uid` is the guest's that was planned for.
fn seen(vmi: &VirtualMachineInstance, uid: &str) -> VmiSeen {
    VmiSeen {
        gone: vmi.uid() != uid || vmi.is_final(),
        leaving: vmi.is_being_deleted(),
        node: vmi.node().map(str::to_owned),
        version: version(vmi),
    }
}

/// Resource versions of one object are numbers that grow (Kubernetes 1.35 says so; etcd's always did).
fn version(vmi: &VirtualMachineInstance) -> Option<u64> {
    vmi.metadata.resource_version.as_ref()?.parse().ok()
}

/// Reads the VMI now. Unreadable counts as unchanged: the watch will tell.
pub(super) async fn look(cluster: &Cluster, target: &Target) -> VmiSeen {
    let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), &target.namespace);
    match api.get_opt(&target.name).await {
        Ok(vmi) => vmi.map_or_else(gone, |vmi| seen(&vmi, &target.uid)),
        Err(error) => {
            tracing::debug!(%error, vmi = target.key(), "the VMI could not be read");
            VmiSeen::default()
        }
    }
}

fn gone() -> VmiSeen {
    VmiSeen {
        gone: true,
        ..VmiSeen::default()
    }
}

/// Feeds the UIDs of launchers that end, of any VM of the run and wherever it moves: a guest that is told to end can run for long
/// after, and is not to have the fault meanwhile. Labels only narrow what is sent; that a pod is the one with the fault is known by
/// its UID.
pub(super) fn feed_launchers(cluster: Cluster, plan: &Plan, messages: UnboundedSender<Message>) -> Feed {
    let mut namespaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for vm in &plan.vms {
        let vmis = namespaces.entry(vm.target.namespace.clone()).or_default();
        vmis.push(vm.target.uid.clone());
    }
    Feed::spawn(async move {
        let feeds = namespaces
            .into_iter()
            .map(|(namespace, vmis)| feed_launchers_of(&cluster, namespace, vmis, &messages));
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

async fn feed_launchers_of(
    cluster: &Cluster,
    namespace: String,
    vmis: Vec<String>,
    messages: &UnboundedSender<Message>,
) {
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
    fn another_guest_of_the_same_name_is_the_end_of_the_one_before() {
        let vmi = |uid: &str, phase: &str, deleted: bool| -> VirtualMachineInstance {
            let mut vmi = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
                "metadata": {"name": "web-1", "namespace": "default", "uid": uid, "resourceVersion": "12"},
                "spec": {}, "status": {"phase": phase, "nodeName": "node-2"}});
            if deleted {
                vmi["metadata"]["deletionTimestamp"] = "2026-11-29T12:00:00Z".into();
            }
            serde_json::from_value(vmi).unwrap()
        };
        let state = |vmi| {
            let VmiSeen { gone, leaving, .. } = seen(&vmi, "old");
            (gone, leaving)
        };
        assert_eq!(state(vmi("old", "Running", false)), (false, false));
        assert_eq!(state(vmi("new", "Running", false)), (true, false));
        assert_eq!(state(vmi("old", "Succeeded", false)), (true, false));
        assert_eq!(state(vmi("old", "Running", true)), (false, true));
        assert_eq!(seen(&vmi("old", "Running", false), "old").version, Some(12));
        assert!(gone().gone);
    }

    #[test]
    fn a_namespace_is_watched_whole_unless_there_is_one_vmi_in_it() {
        let vmis = |names: &[&str]| -> BTreeMap<String, usize> {
            names.iter().map(|&name| name.to_owned()).zip(0..).collect()
        };
        assert_eq!(only(&vmis(&["web-1"])), Some("web-1"));
        assert_eq!(only(&vmis(&["web-1", "web-2"])), None);
        assert_eq!(only(&vmis(&[])), None);
    }

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
