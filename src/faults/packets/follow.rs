//! What happens to the VMs meanwhile: the watches on pods and VMIs, and finding the launcher of a VM that moved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::api::Api;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::driver::Message;
use super::engine::{Input, VmiSeen};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::{self, Change};
use crate::cluster::{Cluster, discovery};
use crate::fault::Target;
use crate::faults::packets::plan::Plan;
use crate::node::feed::pod_states;
use crate::node::pod::DebugPod;
use crate::run::trouble::Trouble;

/// A task that ends with its owner.
pub(super) struct Feed(JoinHandle<()>);

/// A VM that is on another node now, and the pod that is to follow it.
pub(super) struct Moved {
    pub target: Target,
    /// Number of the pod within the run.
    pub index: usize,
    pub node: String,
    pub namespace: String,
    pub remaining: Duration,
}

/// The new launcher is known to the API a moment after the VMI's node has changed.
const RELOCATE_TRIES: u32 = 20;
const RELOCATE_PAUSE: Duration = Duration::from_millis(500);
/// Where it is not even answered, it is tried no more after this long.
const RELOCATE_LIMIT: Duration = Duration::from_secs(30);
/// Past the fault's end, before Kubernetes ends the pod: starting, arming, draining and undoing.
const MARGIN: Duration = Duration::from_secs(60);

// === impl Feed ===

impl Feed {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
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
            .map(|(namespace, vmis)| feed_namespace(&cluster, namespace, vmis, &messages));
        futures::future::join_all(feeds).await;
    })
}

/// The name of the only one, so that nothing else need be watched.
fn only<T>(vmis: &BTreeMap<String, T>) -> Option<&str> {
    let first = vmis.keys().next().filter(|_| vmis.len() == 1);
    first.map(String::as_str)
}

async fn feed_namespace(
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

/// The VM on its new node, and the pod that puts the fault there.
pub(super) async fn relocate(cluster: &Cluster, plan: &Plan, moved: Moved) -> Result<(Target, DebugPod), Trouble> {
    let target = find(cluster, plan, &moved).await?;
    let compiled = plan
        .moved(&target, moved.remaining)
        .map_err(|error| Trouble::new("moved", format!("its new launcher cannot be planned for: {error}")))?;
    let pod = DebugPod {
        run: plan.run.clone(),
        suffix: moved.index.to_string(),
        fault: plan.spec.fault.kind().to_owned(),
        image: plan.pod.images.on(&moved.node).clone(),
        node: moved.node,
        namespace: moved.namespace,
        service_account: plan.pod.service_account.clone(),
        tolerations: plan.pod.tolerations(),
        annotations: plan.annotations(&[(&target, &compiled)]),
        plan: plan.moved_text(&compiled),
        active_deadline: deadline(plan, moved.remaining),
    };
    Ok((target, pod))
}

async fn find(cluster: &Cluster, plan: &Plan, moved: &Moved) -> Result<Target, Trouble> {
    let named = NamedTarget {
        namespace: Some(moved.target.namespace.clone()),
        name: moved.target.name.clone(),
    };
    let selection = Selection {
        names: vec![named],
        ..Selection::default()
    };
    let mut last = String::from("it was not found");
    let began = tokio::time::Instant::now();
    for _ in 0..RELOCATE_TRIES {
        if began.elapsed() >= RELOCATE_LIMIT {
            break;
        }
        match discovery::find(cluster, &selection, &plan.spec.interfaces).await {
            Ok(mut found) => match (found.fit.pop(), found.unfit.pop()) {
                (Some(target), _) => match followed(target, moved)? {
                    Ok(target) => return Ok(target),
                    Err(elsewhere) => last = elsewhere,
                },
                (None, Some((unfit, _))) => last = format!("it {}", unfit.reason),
                (None, None) => "it was not found".clone_into(&mut last),
            },
            Err(error) => last = error.message,
        }
        sleep(RELOCATE_PAUSE).await;
    }
    let text = format!("the VM moved to {} and could not be followed: {last}", moved.node);
    Err(Trouble::new("not-followed", text).hint("run the command again"))
}

/// Whether what was found is the guest that is followed, where it is to be; the inner error says where it is instead. Another
/// guest of its name is not to get its fault.
fn followed(found: Target, moved: &Moved) -> Result<Result<Target, String>, Trouble> {
    if found.uid != moved.target.uid {
        return Err(Trouble::new("gone", "the VM was restarted while it was being followed"));
    }
    if found.node != moved.node {
        return Ok(Err(format!("it is on {} now", found.node)));
    }
    Ok(Ok(found))
}

/// The debug pod for one node of the plan.
pub(crate) fn debug_pod(plan: &Plan, node: usize, namespace: &str) -> DebugPod {
    let planned = &plan.nodes[node];
    let vms: Vec<_> = planned
        .vms
        .iter()
        .map(|&vm| (&plan.vms[vm].target, &plan.vms[vm].compiled))
        .collect();
    DebugPod {
        run: plan.run.clone(),
        suffix: node.to_string(),
        fault: plan.spec.fault.kind().to_owned(),
        node: planned.name.clone(),
        namespace: namespace.to_owned(),
        image: plan.image(node).clone(),
        service_account: plan.pod.service_account.clone(),
        tolerations: plan.pod.tolerations(),
        annotations: plan.annotations(&vms),
        plan: plan.node_text(node),
        active_deadline: deadline(plan, plan.total_hold()),
    }
}

/// When Kubernetes ends a pod whose faults are in place for so long; later than anything else that would.
fn deadline(plan: &Plan, hold: Duration) -> Duration {
    plan.pod.start_limit + hold + MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Launcher;
    use serde_json::json;

    fn target(uid: &str, node: &str) -> Target {
        Target {
            namespace: "default".into(),
            name: "web-1".into(),
            uid: uid.into(),
            node: node.into(),
            launcher: Launcher {
                name: "l".into(),
                uid: "p".into(),
                container_id: None,
                address: None,
            },
            interfaces: Vec::new(),
            probes: Vec::new(),
        }
    }

    #[test]
    fn a_new_guest_does_not_get_the_fault_of_the_one_before() {
        let moved = Moved {
            target: target("old", "node-1"),
            index: 1,
            node: "node-2".into(),
            namespace: "vmchaos".into(),
            remaining: Duration::from_secs(60),
        };
        assert!(followed(target("old", "node-2"), &moved).unwrap().is_ok());
        assert_eq!(
            followed(target("old", "node-3"), &moved),
            Ok(Err("it is on node-3 now".into()))
        );
        for node in ["node-1", "node-2", "node-3"] {
            assert_eq!(
                followed(target("new", node), &moved).unwrap_err().reason,
                "gone",
                "{node}"
            );
        }
    }

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
}
