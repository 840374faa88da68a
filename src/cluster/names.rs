//! Names for shell completion: quick, silent, and none rather than an error.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::Resource;
use kube::api::{Api, ListParams, ObjectMeta};
use kube::core::PartialObjectMeta;
use serde::de::DeserializeOwned;

use super::Cluster;
use super::Connection;
use super::connect::kubeconfig::{Environment, contexts_of};
use super::pod_namespace::PodNamespaces;
use super::vmi::VirtualMachineInstance;
use crate::escape::is_dangerous;
use crate::name::is_subdomain;

/// A shell waits for its completion; later than this nobody wants it any more.
const LIMIT: Duration = Duration::from_secs(1);
/// More names than this help nobody at a prompt.
const MOST: u32 = 500;

/// Names of the VMIs in `namespace`, or in the context's.
pub async fn vmis(connection: &Connection, namespace: Option<&str>) -> Vec<String> {
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        let namespace = namespace.unwrap_or(&cluster.namespace);
        let api = Api::<PartialObjectMeta<VirtualMachineInstance>>::namespaced(cluster.client.clone(), namespace);
        Some(api.list(&ListParams::default().limit(MOST)).await.ok()?.items)
    };
    let found = tokio::time::timeout(LIMIT, ask)
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    names_of(found.into_iter().map(|vmi| vmi.metadata))
}

/// Names of the namespaces, where they may be listed.
pub async fn namespaces(connection: &Connection) -> Vec<String> {
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        let api = Api::<PartialObjectMeta<Namespace>>::all(cluster.client.clone());
        Some(api.list(&ListParams::default().limit(MOST)).await.ok()?.items)
    };
    let found = tokio::time::timeout(LIMIT, ask)
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    names_of(found.into_iter().map(|namespace| namespace.metadata))
}

/// They become words of a command line.
fn names_of(objects: impl Iterator<Item = ObjectMeta>) -> Vec<String> {
    let names = objects.filter_map(|object| object.name);
    names.filter(|name| is_subdomain(name)).collect()
}

/// Where debug pods are; `None` when that is not answered in time.
pub async fn pod_namespaces(connection: &Connection) -> Option<PodNamespaces> {
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        Some(PodNamespaces::read(&cluster, None).await)
    };
    tokio::time::timeout(LIMIT, ask).await.ok().flatten()
}

/// Metadata of the objects with these labels, in `namespace` or in all of them, where they may be listed.
pub async fn labelled<K>(connection: &Connection, namespace: Option<&str>, labels: &str) -> Vec<ObjectMeta>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        let api: Api<PartialObjectMeta<K>> = match namespace {
            Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
            None => Api::all(cluster.client.clone()),
        };
        let params = ListParams::default().labels(labels).limit(MOST);
        Some(api.list(&params).await.ok()?.items)
    };
    let found = tokio::time::timeout(LIMIT, ask)
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    found.into_iter().map(|object| object.metadata).collect()
}

/// Names of the kubeconfig's contexts; asks nobody.
pub fn contexts(connection: &Connection) -> Vec<String> {
    let contexts = contexts_of(connection, &Environment::from_process());
    let one_line = |name: &String| !name.contains(is_dangerous);
    contexts.into_iter().filter(one_line).collect()
}
