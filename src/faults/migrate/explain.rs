//! Why a migration does not get on: read when a phase lasts, not before.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

use crate::cluster::Cluster;
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::escape::escape;

/// How many migrations KubeVirt lets be under way, in the cluster and from one node (`spec.configuration.migrations`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub in_cluster: u32,
    pub from_node: u32,
}

/// The migration in question.
pub(super) struct Question {
    pub(super) namespace: String,
    pub(super) vmi: String,
    pub(super) uid: String,
    pub(super) from: String,
    /// Migrations of this run that are leaving the same node.
    pub(super) leaving: usize,
}

// === impl Limits ===

impl Limits {
    /// Those of the installation; KubeVirt's own where it does not say, or may not be read.
    pub(crate) fn of(kubevirt: Option<&KubeVirt>) -> Self {
        let migrations = kubevirt.map(|kubevirt| &kubevirt.spec.configuration.migrations);
        Self {
            in_cluster: migrations
                .and_then(|of| of.parallel_migrations_per_cluster)
                .unwrap_or(5),
            from_node: migrations
                .and_then(|of| of.parallel_outbound_migrations_per_node)
                .unwrap_or(2),
        }
    }
}

/// What the migration waits for; `None` when nothing tells. Everything read here may be forbidden.
pub(super) async fn explain(cluster: &Cluster, question: &Question, limits: Limits) -> Option<String> {
    if let Some(pod) = target_pod(cluster, question).await {
        return pod_waits_for(&pod);
    }
    let api = Api::<VirtualMachineInstanceMigration>::all(cluster.client.clone());
    let everywhere = api.list(&ListParams::default()).await;
    let list = if let Ok(list) = everywhere {
        list
    } else {
        let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &question.namespace);
        api.list(&ListParams::default()).await.ok()?
    };
    throttled(&list.items, question, limits)
}

async fn target_pod(cluster: &Cluster, question: &Question) -> Option<Pod> {
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &question.namespace);
    let params = ListParams::default().labels(&format!("kubevirt.io/migrationJobUID={}", question.uid));
    api.list(&params).await.ok()?.items.into_iter().next()
}

fn pod_waits_for(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let why = condition
            .message
            .as_deref()
            .or(condition.reason.as_deref())
            .unwrap_or_default();
        return Some(escape(&format!("its target pod cannot be scheduled: {why}")));
    }
    // A container waits for the init containers before it, and says no more than that.
    let init = status.init_container_statuses.iter().flatten();
    let waiting = init
        .chain(status.container_statuses.iter().flatten())
        .find_map(|container| container.state.as_ref()?.waiting.as_ref())?;
    let reason = waiting.reason.as_deref().filter(|reason| !reason.is_empty())?;
    let message = waiting
        .message
        .as_deref()
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    Some(escape(&format!("its target pod waits: {reason}{message}")))
}

/// What the object's own conditions say it waits for.
pub(super) fn waits_for(object: &VirtualMachineInstanceMigration) -> Option<String> {
    let known = [
        (
            "migrationRejectedByResourceQuota",
            "the namespace's resource quota leaves no room for the target pod",
        ),
        ("migrationBlockedByBackup", "a backup of the VM is in progress"),
        (
            "migrationBlockedByUtilityVolumes",
            "the VM's utility volumes have to be detached first",
        ),
        ("decentralizedMigrationBlocked", "the other cluster is not ready for it"),
    ];
    let (_, words) = known.into_iter().find(|(condition, _)| object.is(condition))?;
    Some(words.to_owned())
}

/// Without a target pod, virt-controller holds it back: because of this VM, of the cluster's limit, or of the node's.
fn throttled(all: &[VirtualMachineInstanceMigration], question: &Question, limits: Limits) -> Option<String> {
    let others = || {
        all.iter()
            .filter(|other| !other.is_final() && other.uid() != question.uid)
    };
    let same_vm = others().find(|other| other.namespace() == question.namespace && other.spec.vmi_name == question.vmi);
    if let Some(other) = same_vm {
        return Some(format!(
            "another migration of this VM is in flight: {}",
            escape(other.name())
        ));
    }
    let running = others().filter(|other| !matches!(other.status.phase.as_str(), "" | "Pending"));
    let from = |other: &&VirtualMachineInstanceMigration| {
        let state = other.status.migration_state.as_ref();
        state.and_then(|state| state.source_node.as_deref()) == Some(question.from.as_str())
    };
    let (count, known) = (running.clone().count(), running.filter(from).count());
    if count >= limits.in_cluster as usize {
        return Some(format!(
            "throttled: {count} migrations are under way in the cluster (parallelMigrationsPerCluster is {})",
            limits.in_cluster
        ));
    }
    let leaving = known.max(question.leaving);
    (leaving >= limits.from_node as usize).then(|| {
        format!(
            "throttled: {leaving} migrations are leaving {} (parallelOutboundMigrationsPerNode is {})",
            question.from, limits.from_node
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn other(vmi: &str, phase: &str, from: &str) -> VirtualMachineInstanceMigration {
        let value: Value = json!({
            "metadata": {"name": format!("of-{vmi}"), "namespace": "shop", "uid": format!("uid-{vmi}-{phase}")},
            "spec": {"vmiName": vmi}, "status": {"phase": phase, "migrationState": {"sourceNode": from}},
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_target_pod_waits_for_what_its_init_containers_wait_for() {
        let waits = |init: Value, main: Value| {
            let status = |name: &str, state: Value| json!({"name": name, "state": state, "image": "i", "imageID": "", "ready": false, "restartCount": 0});
            let pod = json!({"metadata": {}, "status": {
                "initContainerStatuses": [status("disk", json!({"terminated": {"exitCode": 0}})), status("kernel", init),
                    status("last", json!({"waiting": {"reason": "PodInitializing"}}))],
                "containerStatuses": [status("compute", main)]}});
            pod_waits_for(&serde_json::from_value(pod).unwrap())
        };
        let initializing = || json!({"waiting": {"reason": "PodInitializing"}});
        let pulling = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
        assert_eq!(
            waits(pulling, initializing()).unwrap(),
            "its target pod waits: ImagePullBackOff: Back-off pulling image"
        );
        let running = json!({"running": {}});
        assert_eq!(
            waits(running, initializing()).unwrap(),
            "its target pod waits: PodInitializing"
        );
    }

    #[test]
    fn what_holds_it_back_is_its_vm_the_cluster_or_its_node() {
        let limits = Limits {
            in_cluster: 3,
            from_node: 2,
        };
        let ask = |all: &[VirtualMachineInstanceMigration], leaving: usize| {
            let question = Question {
                namespace: "shop".into(),
                vmi: "a".into(),
                uid: "ours".into(),
                from: "n1".into(),
                leaving,
            };
            throttled(all, &question, limits)
        };
        let (of_b, of_c) = (other("b", "Running", "n1"), other("c", "Scheduling", "n1"));
        assert_eq!(ask(&[], 0), None);
        assert_eq!(
            ask(&[other("b", "Succeeded", "n1"), other("a", "Failed", "n1")], 1),
            None
        );
        // What waits itself is nobody's obstacle.
        assert_eq!(ask(&[other("b", "Pending", "n1"), other("c", "", "n1")], 0), None);
        let says = |all: &[VirtualMachineInstanceMigration], leaving, part: &str| {
            let said = ask(all, leaving).unwrap();
            assert!(said.contains(part), "{said}");
        };
        says(
            &[other("a", "Pending", "n1")],
            0,
            "another migration of this VM is in flight: of-a",
        );
        says(
            &[of_b.clone(), of_c.clone()],
            0,
            "throttled: 2 migrations are leaving n1",
        );
        says(&[], 2, "throttled: 2 migrations are leaving n1");
        says(
            &[of_b, of_c, other("d", "Running", "n2")],
            0,
            "throttled: 3 migrations are under way in the cluster (parallelMigrationsPerCluster is 3)",
        );
    }
}
