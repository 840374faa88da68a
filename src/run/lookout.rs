//! Looks for debug pods, and for what outages have changed about VMs, in every namespace, or, where that is not permitted, in
//! those that may be looked into: and says which could not be.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Resource;
use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;

use super::live::{DebugPodSeen, LiveRun};
use super::outage::changes::{self, Changed};
use crate::cluster::undo::{Holder, HolderKind};
use crate::cluster::vm::VirtualMachine;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, VirtualMachineInstance, kubevirt, pod_namespace, undo};
use crate::node::pod::{LABEL_MANAGED_BY, MANAGED_BY};

/// Requests at once when every namespace has to be asked about by itself.
const AT_ONCE: usize = 16;

/// What was found, and what could not be seen.
#[derive(Debug, Clone)]
pub struct Found {
    pub runs: Vec<LiveRun>,
    /// What outages have changed, sorted by run, namespace and name.
    pub changes: Vec<Changed>,
    pub view: View,
}

/// What could be looked into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// `None` is the whole cluster; otherwise the namespaces that could be looked into.
    pub seen: Option<Vec<String>>,
    /// Namespaces that could not be looked into.
    pub unseen: Vec<String>,
    /// There may be further namespaces, whose names are not known.
    pub others: bool,
    /// What could not be listed somewhere, as RBAC names it.
    pub kinds: Vec<&'static str>,
}

// === impl View ===

impl View {
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

    /// What was seen of pods decides where changes are followed; what was not seen adds up.
    fn and(mut self, other: Self) -> Self {
        self.unseen.extend(other.unseen);
        self.unseen.sort();
        self.unseen.dedup();
        self.others |= other.others;
        self.kinds.extend(other.kinds);
        self
    }
}

fn selector() -> String {
    format!("{LABEL_MANAGED_BY}={MANAGED_BY}")
}

/// All runs in one namespace, or in all that may be looked into.
pub async fn look(cluster: &Cluster, namespace: Option<&str>) -> Result<Found, ClusterError> {
    let ours = selector();
    let (pods, machines, instances) = tokio::join!(
        gather::<Pod>(cluster, namespace, "", "pods", &ours),
        gather::<VirtualMachine>(cluster, namespace, "kubevirt.io", "virtualmachines", undo::LABEL),
        gather::<VirtualMachineInstance>(
            cluster,
            namespace,
            "kubevirt.io",
            "virtualmachineinstances",
            undo::LABEL
        ),
    );
    let ((pods, view), (machines, first), (instances, second)) = (pods?, machines?, instances?);
    Ok(Found {
        runs: LiveRun::group(pods.iter().filter_map(DebugPodSeen::of)),
        changes: changes::sorted(&machines, &instances),
        view: view.and(first).and(second),
    })
}

/// Every object of a kind with these labels, in one namespace, or in all that may be looked into.
async fn gather<K>(
    cluster: &Cluster,
    namespace: Option<&str>,
    group: &'static str,
    plural: &'static str,
    labels: &str,
) -> Result<(Vec<K>, View), ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let ask = Ask::new("list", group, plural);
    let params = ListParams::default().labels(labels);
    let found = match namespace {
        Some(namespace) => one_by_one(cluster, vec![namespace.to_owned()], true, &ask, &params).await,
        None => match list(cluster, None, &ask, &params).await {
            Ok(objects) => {
                let view = View {
                    seen: None,
                    unseen: Vec::new(),
                    others: false,
                    kinds: Vec::new(),
                };
                Ok((objects, view))
            }
            Err(error) if error.is_forbidden() => {
                let (namespaces, all) = namespaces(cluster).await;
                one_by_one(cluster, namespaces, all, &ask, &params).await
            }
            Err(error) => Err(error),
        },
    };
    match found {
        // Without KubeVirt there are no VMs that could have been changed.
        Err(error) if error.is_not_found() && !group.is_empty() => Ok((Vec::new(), View::default())),
        found => found,
    }
}

async fn list<K>(
    cluster: &Cluster,
    namespace: Option<&str>,
    ask: &Ask,
    params: &ListParams,
) -> Result<Vec<K>, ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut ask = ask.clone();
    ask.namespace = namespace.map(str::to_owned);
    let list = api::<K>(cluster, namespace).list(params).await;
    list.map(|list| list.items)
        .map_err(|error| cluster.explain(&error, &ask))
}

fn api<K>(cluster: &Cluster, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
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

async fn one_by_one<K>(
    cluster: &Cluster,
    namespaces: Vec<String>,
    all: bool,
    ask: &Ask,
    params: &ListParams,
) -> Result<(Vec<K>, View), ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let lists = stream::iter(namespaces).map(|namespace| async move {
        let objects = list::<K>(cluster, Some(&namespace), ask, params).await;
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
    let kinds = if unseen.is_empty() {
        Vec::new()
    } else {
        vec![ask.resource]
    };
    Ok((
        objects,
        View {
            seen: Some(seen),
            unseen,
            others: !all,
            kinds,
        },
    ))
}

/// Everybody's runs, and what outages have changed.
pub type News = (Vec<LiveRun>, Vec<Changed>);

/// What one watch has told.
enum Heard {
    Pods(usize, Box<Change<Pod>>),
    /// Of VMs, or of VMIs, with which of the two.
    Changes(usize, Box<Change<(Holder, Option<Changed>)>>),
}

/// The runs there are, once every place has been looked into, and again after every change. An error is final.
pub fn follow(cluster: &Cluster, view: &View) -> BoxStream<'static, Result<News, ClusterError>> {
    let places: Vec<Option<String>> = match &view.seen {
        None => vec![None],
        Some(seen) => seen.iter().cloned().map(Some).collect(),
    };
    let all = places.len();
    let mut watches: Vec<BoxStream<'static, Result<Heard, ClusterError>>> = Vec::new();
    for (place, namespace) in places.iter().enumerate() {
        let namespace = namespace.as_deref();
        let pods = watched::<Pod>(cluster, namespace, "", "pods", selector());
        watches.push(
            pods.map(move |change| Ok(Heard::Pods(place, Box::new(change?))))
                .boxed(),
        );
        let label = || undo::LABEL.to_owned();
        let machines = watched::<VirtualMachine>(cluster, namespace, "kubevirt.io", "virtualmachines", label());
        let of_machines = machines.map(move |change| {
            map(change, |vm| {
                (Holder::of(HolderKind::Vm, &vm.metadata), Changed::of_vm(&vm))
            })
        });
        let instances =
            watched::<VirtualMachineInstance>(cluster, namespace, "kubevirt.io", "virtualmachineinstances", label());
        let of_instances = instances.map(move |change| {
            map(change, |vmi| {
                (Holder::of(HolderKind::Vmi, &vmi.metadata), Changed::of_vmi(&vmi))
            })
        });
        for (kind, changes) in [of_machines.boxed(), of_instances.boxed()].into_iter().enumerate() {
            // Where they may not be watched, what was seen of them at first stays.
            let heard = changes.filter_map(move |change| {
                let change = change.ok().map(|change| Ok(Heard::Changes(place * 2 + kind, Box::new(change))));
                std::future::ready(change)
            });
            watches.push(heard.boxed());
        }
    }
    let mut known: Vec<(usize, DebugPodSeen)> = Vec::new();
    let mut changed: Vec<(usize, Changed)> = Vec::new();
    let mut listed = BTreeSet::new();
    let runs = stream::select_all(watches).filter_map(move |heard| {
        let runs = heard.map(|heard| {
            match heard {
                Heard::Pods(place, change) => {
                    take(&mut known, place, *change);
                    listed.insert(place);
                }
                Heard::Changes(place, change) => take_changes(&mut changed, place, *change),
            }
            // Until all have told, runs elsewhere would only seem to be gone.
            (listed.len() == all).then(|| {
                let runs = LiveRun::group(known.iter().map(|(_, pod)| pod.clone()));
                (runs, changed.iter().map(|(_, change)| change.clone()).collect())
            })
        });
        std::future::ready(runs.transpose())
    });
    runs.boxed()
}

fn watched<K>(
    cluster: &Cluster,
    namespace: Option<&str>,
    group: &'static str,
    plural: &'static str,
    labels: String,
) -> watch::Changes<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let mut ask = Ask::new("watch", group, plural);
    ask.namespace = namespace.map(str::to_owned);
    let filter = Filter {
        labels: Some(labels),
        fields: None,
    };
    watch::watch(cluster, api::<K>(cluster, namespace), ask, filter, None)
}

fn map<K, T>(change: Result<Change<K>, ClusterError>, of: impl Fn(K) -> T) -> Result<Change<T>, ClusterError> {
    Ok(match change? {
        Change::Listed(all) => Change::Listed(all.into_iter().map(of).collect()),
        Change::Applied(one) => Change::Applied(of(one)),
        Change::Deleted(one) => Change::Deleted(of(one)),
    })
}

/// Brings what is known of changed VMs up to date; `place` is the watch that tells.
fn take_changes(known: &mut Vec<(usize, Changed)>, place: usize, change: Change<(Holder, Option<Changed>)>) {
    match change {
        Change::Listed(all) => {
            known.retain(|(of, _)| *of != place);
            known.extend(all.into_iter().filter_map(|(_, change)| Some((place, change?))));
        }
        Change::Applied((holder, change)) => {
            known.retain(|(_, other)| other.holder != holder);
            known.extend(change.map(|change| (place, change)));
        }
        Change::Deleted((holder, _)) => known.retain(|(_, other)| other.holder != holder),
    }
}

/// Brings what is known of the pods up to date; `place` is the watch that tells.
fn take(known: &mut Vec<(usize, DebugPodSeen)>, place: usize, change: Change<Pod>) {
    match change {
        Change::Listed(pods) => {
            known.retain(|(of, _)| *of != place);
            known.extend(pods.iter().filter_map(DebugPodSeen::of).map(|pod| (place, pod)));
        }
        Change::Applied(pod) => {
            let Some(pod) = DebugPodSeen::of(&pod) else { return };
            known.retain(|(_, other)| other.key() != pod.key());
            known.push((place, pod));
        }
        Change::Deleted(pod) => {
            let Some(pod) = DebugPodSeen::of(&pod) else { return };
            known.retain(|(_, other)| other.uid != pod.uid);
        }
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

    fn names(known: &[(usize, DebugPodSeen)]) -> Vec<&str> {
        known.iter().map(|(_, pod)| pod.name.as_str()).collect()
    }

    #[test]
    fn a_new_list_of_one_namespace_leaves_the_others_alone() {
        let mut known = Vec::new();
        take(&mut known, 0, Change::Listed(vec![pod("a"), pod("b")]));
        take(&mut known, 1, Change::Listed(vec![pod("c")]));
        take(&mut known, 0, Change::Listed(vec![pod("b")]));
        assert_eq!(names(&known), ["c", "b"]);
        take(&mut known, 1, Change::Deleted(pod("c")));
        take(&mut known, 0, Change::Applied(pod("b")));
        assert_eq!(names(&known), ["b"]);
    }

    #[test]
    fn what_was_not_looked_into_is_named() {
        let view = |unseen: &[&str], others| View {
            seen: Some(Vec::new()),
            unseen: unseen.iter().map(|name| (*name).to_owned()).collect(),
            others,
            kinds: Vec::new(),
        };
        assert!(view(&[], false).is_whole());
        assert_eq!(view(&[], false).blind_spots(), None);
        assert_eq!(view(&["a", "b"], false).blind_spots().as_deref(), Some("a, b"));
        assert!(!view(&[], true).is_whole());
    }
}
