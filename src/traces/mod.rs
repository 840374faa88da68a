//! What runs leave on the cluster, whoever started them and from whatever machine: debug pods, migrations, what outages have
//! changed, Events. `status` shows it, `halt` ends it, the guards and the plan look at it.
//!
//! It is looked for in every namespace, or, where that is not permitted, in those that may be looked into; [`View`] says which
//! those were.

mod beside;
pub mod changes;
pub mod debug_pods;
mod delete_pods;
pub mod events;
mod follow;
pub mod halt;
pub mod halt_migrations;
pub mod items;
pub mod migrations;
mod named;
pub mod prove;
pub mod uncounted;

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::StreamExt;
use futures::stream;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::events::v1::Event;
use kube::Resource;
use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;

use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::objects::sound;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind, VirtualMachineInstance, undo};
use crate::node::pod::{LABEL_MANAGED_BY, MANAGED_BY};
use crate::traces::changes::{Changed, sorted};
use crate::traces::debug_pods::{DebugPodSeen, LiveRun};
use crate::traces::events::EventSeen;
use crate::traces::migrations::{MigrationRun, MigrationSeen};
use crate::traces::uncounted::{Uncounted, tell_apart};

pub use beside::beside;
pub use follow::{follow, follow_changes, follow_events, follow_migrations};
pub use named::named;

/// Requests at once when every namespace has to be asked about by itself.
const AT_ONCE: usize = 16;

/// What was found, and what could not be seen.
#[derive(Debug, Clone)]
pub struct Found {
    /// Of pods where this program makes debug pods.
    pub runs: Vec<LiveRun>,
    /// Pods elsewhere that say they are of a run.
    pub uncounted: Vec<Uncounted>,
    /// Where pods count.
    pub namespaces: PodNamespaces,
    pub view: View,
    /// Runs of migrations, also those that are over.
    pub migrations: Vec<MigrationRun>,
    pub migrations_view: View,
    /// What outages have changed, sorted by run, namespace and name.
    pub changes: Vec<Changed>,
    /// Of VMs, and of VMIs without one.
    pub changes_views: [View; 2],
}

/// What could be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// `None` is the whole cluster; otherwise the namespaces that could be looked into.
    pub seen: Option<Vec<String>>,
    /// Namespaces that could not be looked into.
    pub unseen: Vec<String>,
    /// There may be further namespaces, whose names are not known.
    pub others: bool,
}

// === impl Found ===

impl Found {
    /// Whether anything of a run is there for a VMI, given as `namespace/name`.
    pub fn has(&self, key: &str) -> bool {
        let pods = self.runs.iter().flat_map(|run| &run.pods);
        let migrations = self.migrations.iter().flat_map(|run| &run.migrations);
        pods.flat_map(|pod| &pod.targets).any(|target| target == key)
            || migrations.map(MigrationSeen::vmi_key).any(|vmi| vmi == key)
            || self.changes.iter().any(|change| change.key() == key)
    }
}

// === impl View ===

impl View {
    fn whole() -> Self {
        Self {
            seen: None,
            unseen: Vec::new(),
            others: false,
        }
    }

    /// Whether every namespace could be looked into.
    pub fn is_whole(&self) -> bool {
        self.unseen.is_empty() && !self.others
    }

    /// Whether this namespace could be looked into.
    pub fn covers(&self, namespace: &str) -> bool {
        self.seen
            .as_ref()
            .is_none_or(|seen| seen.iter().any(|one| one == namespace))
    }

    /// What could not be looked into, in words; `None` when that is nothing.
    pub fn blind_spots(&self) -> Option<String> {
        let others = self
            .others
            .then(|| "the namespaces whose names may not be listed".to_owned());
        let all: Vec<String> = self.unseen.iter().cloned().chain(others).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// All runs in one namespace, or in all that may be looked into. Pods count in that one namespace, in `pod_namespace` (a flag's),
/// and where this program makes them by itself.
pub async fn look(
    cluster: &Cluster,
    namespace: Option<&str>,
    pod_namespace: Option<&str>,
) -> Result<Found, ClusterError> {
    let (namespaces, pods, migrations, machines, instances) = tokio::join!(
        PodNamespaces::read(cluster, pod_namespace),
        gather::<Pod>(cluster, namespace, pod_namespace, &PODS),
        gather::<VirtualMachineInstanceMigration>(cluster, namespace, None, &MIGRATIONS),
        gather::<VirtualMachine>(cluster, namespace, None, &MACHINES),
        gather::<VirtualMachineInstance>(cluster, namespace, None, &INSTANCES),
    );
    let (pods, view) = pods?;
    let (migrations, migrations_view) = or_none(migrations)?;
    let (machines, of_machines) = or_none(machines)?;
    let (instances, of_instances) = or_none(instances)?;
    let namespaces = namespaces.and(namespace);
    let (runs, uncounted) = tell_apart(pods.iter().filter_map(DebugPodSeen::of), &namespaces);
    Ok(Found {
        runs,
        uncounted,
        namespaces,
        view,
        migrations: MigrationRun::group(migrations.iter().filter_map(MigrationSeen::of)),
        migrations_view,
        changes: sorted(&machines, &instances),
        changes_views: [of_machines, of_instances],
    })
}

/// What the Events of runs say, and where they could be read.
pub async fn events(cluster: &Cluster) -> Result<(Vec<EventSeen>, View), ClusterError> {
    let (events, view) = gather::<Event>(cluster, None, None, &EVENTS).await?;
    Ok((events.iter().filter_map(EventSeen::of).collect(), view))
}

/// Without KubeVirt there are none of its objects.
fn or_none<K>(found: Result<(Vec<K>, View), ClusterError>) -> Result<(Vec<K>, View), ClusterError> {
    match found {
        Err(error) if error.is_not_found() => Ok((Vec::new(), View::whole())),
        found => found,
    }
}

/// What is looked for.
struct Kind {
    group: &'static str,
    resource: &'static str,
    /// `None` is our label.
    labels: Option<&'static str>,
}

const PODS: Kind = Kind {
    group: "",
    resource: "pods",
    labels: None,
};
const MIGRATIONS: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachineinstancemigrations",
    labels: None,
};
const MACHINES: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachines",
    labels: Some(undo::LABEL),
};
const EVENTS: Kind = Kind {
    group: "events.k8s.io",
    resource: "events",
    labels: None,
};
const INSTANCES: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachineinstances",
    labels: Some(undo::LABEL),
};

impl Kind {
    fn selector(&self) -> String {
        self.labels
            .map_or_else(|| format!("{LABEL_MANAGED_BY}={MANAGED_BY}"), str::to_owned)
    }
}

/// Objects of one kind with our label, and where they could be looked for; `also` is where to look beside what is usual, if not
/// everywhere can be.
async fn gather<K: Listable>(
    cluster: &Cluster,
    namespace: Option<&str>,
    also: Option<&str>,
    kind: &Kind,
) -> Result<(Vec<K>, View), ClusterError> {
    if let Some(namespace) = namespace {
        return one_by_one(cluster, vec![namespace.to_owned()], true, kind).await;
    }
    match list(cluster, None, kind).await {
        Ok(objects) => Ok((objects, View::whole())),
        Err(error) if error.is_forbidden() => {
            let (namespaces, all) = namespaces(cluster, also).await;
            one_by_one(cluster, namespaces, all, kind).await
        }
        Err(error) => Err(error),
    }
}

/// What can be listed and watched in a namespace.
trait Listable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl Listable for Pod {}
impl Listable for Event {}
impl Listable for VirtualMachineInstanceMigration {}
impl Listable for VirtualMachine {}
impl Listable for VirtualMachineInstance {}

async fn list<K: Listable>(cluster: &Cluster, namespace: Option<&str>, kind: &Kind) -> Result<Vec<K>, ClusterError> {
    let mut ask = Ask::new("list", kind.group, kind.resource);
    ask.namespace = namespace.map(str::to_owned);
    let list = api(cluster, namespace)
        .list(&ListParams::default().labels(&kind.selector()))
        .await;
    let list = list.map_err(|error| cluster.explain(&error, &ask))?;
    if list.metadata.continue_.is_some_and(|more| !more.is_empty()) {
        // None was asked to be cut: what is not seen may be in place.
        let why = format!("the server sent a part of the {} only", kind.resource);
        return Err(ClusterError::new(ErrorKind::Other, why));
    }
    sound(list.items)
}

fn api<K: Listable>(cluster: &Cluster, namespace: Option<&str>) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
        None => Api::all(cluster.client.clone()),
    }
}

/// Every namespace, and that these are all; where they may not be listed, those that debug pods usually are in.
async fn namespaces(cluster: &Cluster, also: Option<&str>) -> (Vec<String>, bool) {
    let api = Api::<Namespace>::all(cluster.client.clone());
    if let Ok(list) = api.list_metadata(&ListParams::default()).await {
        let names = list.items.into_iter().filter_map(|namespace| namespace.metadata.name);
        return (names.collect(), true);
    }
    let namespaces = PodNamespaces::read(cluster, also).await;
    let mut names: BTreeSet<&str> = namespaces.all().into_iter().collect();
    names.insert(&cluster.namespace);
    (names.into_iter().map(str::to_owned).collect(), false)
}

async fn one_by_one<K: Listable>(
    cluster: &Cluster,
    namespaces: Vec<String>,
    all: bool,
    kind: &Kind,
) -> Result<(Vec<K>, View), ClusterError> {
    let lists = stream::iter(namespaces).map(|namespace| async move {
        let objects = list::<K>(cluster, Some(&namespace), kind).await;
        (namespace, objects)
    });
    let mut lists: Vec<_> = lists.buffer_unordered(AT_ONCE).collect().await;
    lists.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (mut objects, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for (namespace, list) in lists {
        match list {
            Ok(list) => {
                objects.extend(list);
                seen.push(namespace);
            }
            Err(error) if error.is_forbidden() => unseen.push(namespace),
            Err(error) => return Err(error),
        }
    }
    Ok((
        objects,
        View {
            seen: Some(seen),
            unseen,
            others: !all,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_into_is_named() {
        let view = |unseen: &[&str], others| View {
            seen: Some(Vec::new()),
            unseen: unseen.iter().map(|name| (*name).to_owned()).collect(),
            others,
        };
        assert!(view(&[], false).is_whole());
        assert_eq!(view(&[], false).blind_spots(), None);
        assert_eq!(view(&["a", "b"], false).blind_spots().as_deref(), Some("a, b"));
        assert!(!view(&[], true).is_whole());
    }
}
