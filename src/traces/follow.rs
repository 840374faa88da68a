//! The runs there are as they change: one watch of each kind a place that may be looked into.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;

use super::View;
use super::lists::{EVENTS, INSTANCES, Kind, Listable, MACHINES, MIGRATIONS, PODS, api};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, VirtualMachineInstance};
use crate::traces::changes::Changed;
use crate::traces::debug_pods::DebugPodSeen;
use crate::traces::events::EventSeen;
use crate::traces::migrations::{MigrationRun, MigrationSeen};
use crate::traces::uncounted::{ToldApart, tell_apart};

/// The runs there are and what does not count as one, once every place has been looked into, and again after every change. An
/// error is final.
pub fn follow(
    cluster: &Cluster,
    view: &View,
    namespaces: PodNamespaces,
) -> BoxStream<'static, Result<ToldApart, ClusterError>> {
    let parse = |pod: &Pod| DebugPodSeen::of(pod);
    known::<Pod, _>(cluster, view, &PODS, parse)
        .map(move |known| Ok(tell_apart(known?, &namespaces)))
        .boxed()
}

/// The same for runs of migrations; nothing where KubeVirt is not installed.
pub fn follow_migrations(
    cluster: &Cluster,
    view: &View,
) -> BoxStream<'static, Result<Vec<MigrationRun>, ClusterError>> {
    let parse = |object: &VirtualMachineInstanceMigration| MigrationSeen::of(object);
    known::<VirtualMachineInstanceMigration, _>(cluster, view, &MIGRATIONS, parse)
        .filter(|known| std::future::ready(!known.as_ref().is_err_and(ClusterError::is_not_found)))
        .map(|known| Ok(MigrationRun::group(known?)))
        .boxed()
}

/// The same for what outages have changed: of VMs, and of VMIs without one.
pub fn follow_changes(
    cluster: &Cluster,
    [of_machines, of_instances]: &[View; 2],
) -> BoxStream<'static, Result<Vec<Changed>, ClusterError>> {
    let machines = known::<VirtualMachine, _>(cluster, of_machines, &MACHINES, Changed::of_vm);
    let instances = known::<VirtualMachineInstance, _>(cluster, of_instances, &INSTANCES, Changed::of_vmi);
    let both = stream::select(
        machines.map(|known| (0, known)).boxed(),
        instances.map(|known| (1, known)).boxed(),
    );
    let mut last: [Option<Vec<Changed>>; 2] = [None, None];
    let changes = both.filter_map(move |(kind, known): (usize, Result<Vec<Changed>, ClusterError>)| {
        let changes = match known {
            Err(error) if error.is_not_found() => None,
            Err(error) => Some(Err(error)),
            Ok(known) => {
                last[kind] = Some(known);
                let all: Option<Vec<Changed>> = last
                    .iter()
                    .cloned()
                    .collect::<Option<Vec<_>>>()
                    .map(|both| both.concat());
                all.map(Ok)
            }
        };
        std::future::ready(changes)
    });
    changes.boxed()
}

/// The same for what Events say. They are a courtesy: where they can no longer be followed, nothing more is heard.
pub fn follow_events(cluster: &Cluster, view: &View) -> BoxStream<'static, Vec<EventSeen>> {
    known::<Event, _>(cluster, view, &EVENTS, EventSeen::of)
        .filter_map(|known| std::future::ready(known.ok()))
        .boxed()
}

/// Everything of a kind that is ours, by what is read of it, after every change.
fn known<K: Listable, S: Clone + Send + 'static>(
    cluster: &Cluster,
    view: &View,
    kind: &Kind,
    parse: fn(&K) -> Option<S>,
) -> BoxStream<'static, Result<Vec<S>, ClusterError>> {
    let places: Vec<Option<String>> = match &view.seen {
        None => vec![None],
        Some(seen) => seen.iter().cloned().map(Some).collect(),
    };
    let watches = places.into_iter().enumerate().map(|(place, namespace)| {
        let mut ask = Ask::new("watch", kind.group, kind.resource);
        ask.namespace.clone_from(&namespace);
        let filter = Filter {
            labels: Some(kind.selector()),
            fields: None,
        };
        watch::watch(cluster, api::<K>(cluster, namespace.as_deref()), ask, filter)
            .map(move |change| (place, change))
            .boxed()
    });
    let all = watches.len();
    let mut known: Known<S> = BTreeMap::new();
    let mut listed = BTreeSet::new();
    let runs = stream::select_all(watches).filter_map(move |(place, change)| {
        let runs = change.map(|change| {
            take(&mut known, place, change, parse);
            listed.insert(place);
            // Until all have told, runs elsewhere would only seem to be gone.
            (listed.len() == all).then(|| known.values().map(|(_, seen)| seen.clone()).collect())
        });
        std::future::ready(runs.transpose())
    });
    runs.boxed()
}

/// What is known of each object, by its UID, with the watch that told it.
type Known<S> = BTreeMap<String, (usize, S)>;

/// Brings what is known up to date; `place` is the watch that tells.
fn take<K: Listable, S>(known: &mut Known<S>, place: usize, change: Change<K>, parse: fn(&K) -> Option<S>) {
    let put = |known: &mut Known<S>, object: &K| {
        if let Some(seen) = parse(object) {
            known.insert(object.uid().unwrap_or_default(), (place, seen));
        }
    };
    match change {
        Change::Listed(objects) => {
            known.retain(|_, (of, _)| *of != place);
            for object in &objects {
                put(known, object);
            }
        }
        Change::Applied(object) => put(known, &object),
        Change::Deleted(object) => drop(known.remove(&object.uid().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str) -> Pod {
        serde_json::from_value(json!({"metadata": {
            "name": name, "namespace": "vmchaos", "uid": name,
            "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab"}}}))
        .unwrap()
    }

    fn names(known: &Known<DebugPodSeen>) -> Vec<&str> {
        known.values().map(|(_, pod)| pod.name.as_str()).collect()
    }

    #[test]
    fn a_new_list_of_one_namespace_leaves_the_others_alone() {
        let mut known = Known::new();
        let mut take = |place, change| {
            super::take(&mut known, place, change, DebugPodSeen::of);
            names(&known).join(" ")
        };
        take(0, Change::Listed(vec![pod("a"), pod("b")]));
        take(1, Change::Listed(vec![pod("c")]));
        assert_eq!(take(0, Change::Listed(vec![pod("b")])), "b c");
        take(1, Change::Deleted(pod("c")));
        assert_eq!(take(0, Change::Applied(pod("b"))), "b");
    }
}
