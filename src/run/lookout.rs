//! Looks for debug pods and migrations in every namespace, or, where that is not permitted, in those that may be looked
//! into: and says which could not be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::live::{DebugPodSeen, LiveRun};
use super::migrate::live::{MigrationRun, Seen};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, kubevirt, pod_namespace};
use crate::node::pod::{LABEL_MANAGED_BY, MANAGED_BY};

/// Requests at once when every namespace has to be asked about by itself.
const AT_ONCE: usize = 16;

/// What was found, and what could not be seen.
#[derive(Debug, Clone)]
pub struct Found {
    pub runs: Vec<LiveRun>,
    pub view: View,
    /// Runs of migrations, also those that are over.
    pub migrations: Vec<MigrationRun>,
    pub migrations_view: View,
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

    /// What could not be looked into, in words; `None` when that is nothing.
    pub fn blind_spots(&self) -> Option<String> {
        let others = self
            .others
            .then(|| "the namespaces whose names may not be listed".to_owned());
        let all: Vec<String> = self.unseen.iter().cloned().chain(others).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

fn selector() -> String {
    format!("{LABEL_MANAGED_BY}={MANAGED_BY}")
}

/// All runs in one namespace, or in all that may be looked into.
pub async fn look(cluster: &Cluster, namespace: Option<&str>) -> Result<Found, ClusterError> {
    let (pods, migrations) = tokio::join!(
        gather::<Pod>(cluster, namespace, &PODS),
        gather::<VirtualMachineInstanceMigration>(cluster, namespace, &MIGRATIONS),
    );
    let (pods, view) = pods?;
    let (migrations, migrations_view) = match migrations {
        // Without KubeVirt there are none.
        Err(error) if error.is_not_found() => (Vec::new(), View::whole()),
        other => other?,
    };
    Ok(Found {
        runs: LiveRun::group(pods.iter().filter_map(DebugPodSeen::of)),
        view,
        migrations: MigrationRun::group(migrations.iter().filter_map(Seen::of)),
        migrations_view,
    })
}

/// What is looked for.
struct Kind {
    group: &'static str,
    resource: &'static str,
}

const PODS: Kind = Kind {
    group: "",
    resource: "pods",
};
const MIGRATIONS: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachineinstancemigrations",
};

/// Objects of one kind with our label, and where they could be looked for.
async fn gather<K: Listable>(
    cluster: &Cluster,
    namespace: Option<&str>,
    kind: &Kind,
) -> Result<(Vec<K>, View), ClusterError> {
    if let Some(namespace) = namespace {
        return one_by_one(cluster, vec![namespace.to_owned()], true, kind).await;
    }
    match list(cluster, None, kind).await {
        Ok(objects) => Ok((objects, View::whole())),
        Err(error) if error.is_forbidden() => {
            let (namespaces, all) = namespaces(cluster).await;
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
impl Listable for VirtualMachineInstanceMigration {}

async fn list<K: Listable>(cluster: &Cluster, namespace: Option<&str>, kind: &Kind) -> Result<Vec<K>, ClusterError> {
    let mut ask = Ask::new("list", kind.group, kind.resource);
    ask.namespace = namespace.map(str::to_owned);
    let list = api(cluster, namespace)
        .list(&ListParams::default().labels(&selector()))
        .await;
    list.map(|list| list.items)
        .map_err(|error| cluster.explain(&error, &ask))
}

fn api<K: Listable>(cluster: &Cluster, namespace: Option<&str>) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
        None => Api::all(cluster.client.clone()),
    }
}

/// Every namespace, and that these are all; where they may not be listed, those that debug pods usually are in.
async fn namespaces(cluster: &Cluster) -> (Vec<String>, bool) {
    let api = Api::<Namespace>::all(cluster.client.clone());
    if let Ok(list) = api.list_metadata(&ListParams::default()).await {
        let names = list.items.into_iter().filter_map(|namespace| namespace.metadata.name);
        return (names.collect(), true);
    }
    let installed = kubevirt::installed(cluster).await.ok().flatten();
    let kubevirt = installed.as_ref().map_or("kubevirt", |kubevirt| kubevirt.namespace());
    let names: BTreeSet<&str> = [cluster.namespace.as_str(), pod_namespace::OWN, kubevirt].into();
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

/// The runs there are, once every place has been looked into, and again after every change. An error is final.
pub fn follow(cluster: &Cluster, view: &View) -> BoxStream<'static, Result<Vec<LiveRun>, ClusterError>> {
    let parse = |pod: &Pod| DebugPodSeen::of(pod);
    known::<Pod, _>(cluster, view, &PODS, parse)
        .map(|known| Ok(LiveRun::group(known?)))
        .boxed()
}

/// The same for runs of migrations; nothing where KubeVirt is not installed.
pub fn follow_migrations(
    cluster: &Cluster,
    view: &View,
) -> BoxStream<'static, Result<Vec<MigrationRun>, ClusterError>> {
    let parse = |object: &VirtualMachineInstanceMigration| Seen::of(object);
    known::<VirtualMachineInstanceMigration, _>(cluster, view, &MIGRATIONS, parse)
        .filter(|known| std::future::ready(!known.as_ref().is_err_and(ClusterError::is_not_found)))
        .map(|known| Ok(MigrationRun::group(known?)))
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
            labels: Some(selector()),
            fields: None,
        };
        watch::watch(cluster, api::<K>(cluster, namespace.as_deref()), ask, filter, None)
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
            objects.iter().for_each(|object| put(known, object));
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
