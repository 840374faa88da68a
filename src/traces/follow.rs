//! The runs there are as they change: one watch of each kind a place that may be looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;

use super::lists::{EVENTS, INSTANCES, Kind, Listable, MACHINES, MIGRATIONS, PODS, api};
use super::{Found, Snapshot, Trace, TraceKind, View};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::undo::HolderKind;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, VirtualMachineInstance};
use crate::traces::changes::Changed;
use crate::traces::debug_pods::DebugPodSeen;
use crate::traces::events::EventSeen;
use crate::traces::migrations::{MigrationRun, MigrationSeen};
use crate::traces::uncounted::tell_apart;

/// What there is after each change, from what was found on. Events are a courtesy: where they cannot be followed (`events` is where
/// they could be read), nothing more is heard of them. An error of anything else is final.
pub fn follow(
    cluster: &Cluster,
    found: &Found,
    events: Option<&View>,
) -> BoxStream<'static, Result<Snapshot, ClusterError>> {
    let (views, namespaces) = (&found.views, found.namespaces.clone());
    let pods = known::<Pod, _>(cluster, &views.pods, &PODS, DebugPodSeen::of);
    let pods = pods.map(|known| known.map(Heard::Pods)).boxed();
    let migrations = known::<VirtualMachineInstanceMigration, _>(cluster, &views.migrations, &MIGRATIONS, |object| {
        MigrationSeen::of(object)
    });
    let migrations = migrations.map(|known| known.map(Heard::Migrations)).boxed();
    let machines = known::<VirtualMachine, _>(cluster, &views.machines, &MACHINES, Changed::of_vm);
    let machines = machines.map(|known| known.map(|all| Heard::Changes(HolderKind::Vm, all)));
    let instances = known::<VirtualMachineInstance, _>(cluster, &views.instances, &INSTANCES, Changed::of_vmi);
    let instances = instances.map(|known| known.map(|all| Heard::Changes(HolderKind::Vmi, all)));
    // Without KubeVirt there is nothing of it.
    let missing = |known: &Result<Heard, ClusterError>| known.as_ref().is_err_and(ClusterError::is_not_found);
    let of_kubevirt = [migrations, machines.boxed(), instances.boxed()];
    let of_kubevirt = of_kubevirt.map(|kind| kind.filter(move |known| ready(!missing(known))).boxed());
    let mut all: Vec<_> = [pods].into_iter().chain(of_kubevirt).collect();
    if let Some(view) = events {
        let events = known::<Event, _>(cluster, view, &EVENTS, EventSeen::of);
        let events = events.filter_map(|known| ready(known.ok()));
        all.push(events.map(|known| Ok(Heard::Events(known))).boxed());
    }
    let mut now = found.now.clone();
    let snapshots = stream::select_all(all).map(move |heard| {
        heard?.put(&mut now, &namespaces);
        Ok(now.clone())
    });
    snapshots.boxed()
}

/// All that is known of one kind.
enum Heard {
    Pods(Vec<DebugPodSeen>),
    Migrations(Vec<MigrationSeen>),
    Changes(HolderKind, Vec<Changed>),
    Events(Vec<EventSeen>),
}

// === impl Heard ===

impl Heard {
    fn put(self, now: &mut Snapshot, namespaces: &PodNamespaces) {
        match self {
            Self::Pods(pods) => {
                let (runs, uncounted) = tell_apart(pods, namespaces);
                now.uncounted = uncounted;
                now.replace(TraceKind::Pods, runs.into_iter().map(Trace::Pods));
            }
            Self::Migrations(migrations) => {
                let runs = MigrationRun::group(migrations);
                now.replace(TraceKind::Migrations, runs.into_iter().map(Trace::Migrations));
            }
            Self::Changes(kind, changes) => {
                now.traces
                    .retain(|trace| !matches!(trace, Trace::Change(old) if old.holder.kind == kind));
                let changes = changes.into_iter().map(|change| Trace::Change(change.into()));
                now.traces.extend(changes);
            }
            Self::Events(events) => now.events = events,
        }
    }
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
