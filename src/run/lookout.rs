//! Looks for debug pods in every namespace, or, where that is not permitted, in those that may be looked into: and says
//! which could not be.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams};

use super::live::{DebugPodSeen, LiveRun};
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
    let (pods, view) = match namespace {
        Some(namespace) => one_by_one(cluster, vec![namespace.to_owned()], true).await?,
        None => match list(cluster, None).await {
            Ok(pods) => {
                let view = View {
                    seen: None,
                    unseen: Vec::new(),
                    others: false,
                };
                (pods, view)
            }
            Err(error) if error.is_forbidden() => {
                let (namespaces, all) = namespaces(cluster).await;
                one_by_one(cluster, namespaces, all).await?
            }
            Err(error) => return Err(error),
        },
    };
    let runs = LiveRun::group(pods.iter().filter_map(DebugPodSeen::of));
    Ok(Found { runs, view })
}

async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Pod>, ClusterError> {
    let mut ask = Ask::new("list", "", "pods");
    ask.namespace = namespace.map(str::to_owned);
    let list = api(cluster, namespace)
        .list(&ListParams::default().labels(&selector()))
        .await;
    list.map(|list| list.items)
        .map_err(|error| cluster.explain(&error, &ask))
}

fn api(cluster: &Cluster, namespace: Option<&str>) -> Api<Pod> {
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

async fn one_by_one(cluster: &Cluster, namespaces: Vec<String>, all: bool) -> Result<(Vec<Pod>, View), ClusterError> {
    let lists = stream::iter(namespaces).map(|namespace| async move {
        let pods = list(cluster, Some(&namespace)).await;
        (namespace, pods)
    });
    let mut lists: Vec<_> = lists.buffer_unordered(AT_ONCE).collect().await;
    lists.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (mut pods, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for (namespace, list) in lists {
        match list {
            Ok(list) => {
                pods.extend(list);
                seen.push(namespace);
            }
            Err(error) if error.is_forbidden() => unseen.push(namespace),
            Err(error) => return Err(error),
        }
    }
    Ok((
        pods,
        View {
            seen: Some(seen),
            unseen,
            others: !all,
        },
    ))
}

/// The runs there are, once every place has been looked into, and again after every change. An error is final.
pub fn follow(cluster: &Cluster, view: &View) -> BoxStream<'static, Result<Vec<LiveRun>, ClusterError>> {
    let places: Vec<Option<String>> = match &view.seen {
        None => vec![None],
        Some(seen) => seen.iter().cloned().map(Some).collect(),
    };
    let watches = places.into_iter().enumerate().map(|(place, namespace)| {
        let mut ask = Ask::new("watch", "", "pods");
        ask.namespace.clone_from(&namespace);
        let filter = Filter {
            labels: Some(selector()),
            fields: None,
        };
        watch::watch(cluster, api(cluster, namespace.as_deref()), ask, filter, None)
            .map(move |change| (place, change))
            .boxed()
    });
    let all = watches.len();
    let mut known: Vec<(usize, DebugPodSeen)> = Vec::new();
    let mut listed = BTreeSet::new();
    let runs = stream::select_all(watches).filter_map(move |(place, change)| {
        let runs = change.map(|change| {
            take(&mut known, place, change);
            listed.insert(place);
            // Until all have told, runs elsewhere would only seem to be gone.
            (listed.len() == all).then(|| LiveRun::group(known.iter().map(|(_, pod)| pod.clone())))
        });
        std::future::ready(runs.transpose())
    });
    runs.boxed()
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
        };
        assert!(view(&[], false).is_whole());
        assert_eq!(view(&[], false).blind_spots(), None);
        assert_eq!(view(&["a", "b"], false).blind_spots().as_deref(), Some("a, b"));
        assert!(!view(&[], true).is_whole());
    }
}
