//! The kinds of objects that runs leave, and one list of each: in the whole cluster, or where they may be listed.

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::StreamExt;
use futures::stream;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Resource;
use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;

use super::View;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::objects::sound;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind, VirtualMachineInstance, undo};
use crate::node::pod::{LABEL_MANAGED_BY, MANAGED_BY};

/// Requests at once when every namespace has to be asked about by itself.
const AT_ONCE: usize = 16;

/// What is looked for.
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    /// `None` is our label.
    pub(super) labels: Option<&'static str>,
}

pub(super) const PODS: Kind = Kind {
    group: "",
    resource: "pods",
    labels: None,
};
pub(super) const MIGRATIONS: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachineinstancemigrations",
    labels: None,
};
pub(super) const MACHINES: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachines",
    labels: Some(undo::LABEL),
};
pub(super) const EVENTS: Kind = Kind {
    group: "events.k8s.io",
    resource: "events",
    labels: None,
};
pub(super) const INSTANCES: Kind = Kind {
    group: "kubevirt.io",
    resource: "virtualmachineinstances",
    labels: Some(undo::LABEL),
};
/// All migrations, whoever made them.
pub(super) const ALL_MIGRATIONS: Kind = Kind {
    labels: Some(""),
    ..MIGRATIONS
};

impl Kind {
    pub(super) fn selector(&self) -> String {
        self.labels
            .map_or_else(|| format!("{LABEL_MANAGED_BY}={MANAGED_BY}"), str::to_owned)
    }
}

/// Where to look.
#[derive(Debug, Clone)]
pub(super) enum Places<'a> {
    /// One namespace, and no other.
    One(&'a str),
    /// The whole cluster; where that is not permitted, every namespace there is, or, where those may not be listed, the ones that
    /// debug pods usually are in, and this one.
    All(Option<&'a str>),
    /// The whole cluster; where that is not permitted, these namespaces.
    Near(BTreeSet<String>),
}

/// Objects of one kind, and where they could be looked for.
pub(super) async fn gather<K: Listable>(
    cluster: &Cluster,
    places: &Places<'_>,
    kind: &Kind,
) -> Result<(Vec<K>, View), ClusterError> {
    if let Places::One(namespace) = places {
        return one_by_one(cluster, vec![(*namespace).to_owned()], true, kind).await;
    }
    match list(cluster, None, kind).await {
        Ok(objects) => Ok((objects, View::whole())),
        Err(error) if error.is_forbidden() => {
            let (namespaces, all) = match places {
                Places::One(_) => return Err(error),
                Places::All(also) => namespaces(cluster, *also).await,
                Places::Near(near) => (near.iter().cloned().collect(), false),
            };
            one_by_one(cluster, namespaces, all, kind).await
        }
        Err(error) => Err(error),
    }
}

/// What can be listed and watched in a namespace.
pub(super) trait Listable:
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
    if is_cut(&list.metadata) {
        // None was asked to be cut: what is not seen may be in place.
        let why = format!("the server sent a part of the {} only", kind.resource);
        return Err(ClusterError::new(ErrorKind::Other, why));
    }
    sound(list.items)
}

/// Whether there is more than the server has sent.
fn is_cut(list: &ListMeta) -> bool {
    list.continue_.as_ref().is_some_and(|more| !more.is_empty())
}

pub(super) fn api<K: Listable>(cluster: &Cluster, namespace: Option<&str>) -> Api<K> {
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
    fn a_list_that_goes_on_is_not_taken_for_all_of_it() {
        let list = |more: Option<&str>| ListMeta {
            continue_: more.map(str::to_owned),
            ..ListMeta::default()
        };
        assert!(is_cut(&list(Some("token"))));
        assert!(!is_cut(&list(Some(""))) && !is_cut(&list(None)));
    }

    #[test]
    fn only_what_carries_our_label_is_asked_for() {
        for kind in [&PODS, &MIGRATIONS, &EVENTS] {
            assert_eq!(
                kind.selector(),
                "app.kubernetes.io/managed-by=kubectl-vmchaos",
                "{}",
                kind.resource
            );
        }
        for kind in [&MACHINES, &INSTANCES] {
            assert_eq!(kind.selector(), "vmchaos.dev/run", "{}", kind.resource);
        }
    }
}
