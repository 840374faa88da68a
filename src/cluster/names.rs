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
        list::<VirtualMachineInstance>(Api::namespaced(cluster.client.clone(), namespace), "").await
    };
    names_of(in_time(ask).await.unwrap_or_default())
}

/// Names of the namespaces, where they may be listed.
pub async fn namespaces(connection: &Connection) -> Vec<String> {
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        list::<Namespace>(Api::all(cluster.client), "").await
    };
    names_of(in_time(ask).await.unwrap_or_default())
}

/// What is found in time.
async fn in_time<T>(ask: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(LIMIT, ask).await.ok().flatten()
}

/// Metadata alone, which is all that is wanted of them.
async fn list<K>(api: Api<PartialObjectMeta<K>>, labels: &str) -> Option<Vec<ObjectMeta>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let params = ListParams::default().labels(labels).limit(MOST);
    let objects = api.list(&params).await.ok()?.items;
    Some(objects.into_iter().map(|object| object.metadata).collect())
}

/// They become words of a command line.
fn names_of(objects: Vec<ObjectMeta>) -> Vec<String> {
    let names = objects.into_iter().filter_map(|object| object.name);
    names.filter(|name| is_subdomain(name)).collect()
}

/// Where debug pods are; `None` when that is not answered in time.
pub async fn pod_namespaces(connection: &Connection) -> Option<PodNamespaces> {
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        Some(PodNamespaces::read(&cluster, None).await)
    };
    in_time(ask).await
}

/// Metadata of the objects with these labels, in `namespace` or in all of them, where they may be listed.
pub async fn labelled<K>(connection: &Connection, namespace: Option<&str>, labels: &str) -> Vec<ObjectMeta>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let ask = async {
        let cluster = Cluster::connect_silently(connection).await.ok()?;
        let api = match namespace {
            Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
            None => Api::all(cluster.client.clone()),
        };
        list::<K>(api, labels).await
    };
    in_time(ask).await.unwrap_or_default()
}

/// Names of the kubeconfig's contexts; asks nobody.
pub fn contexts(connection: &Connection) -> Vec<String> {
    let contexts = contexts_of(connection, &Environment::from_process());
    let one_line = |name: &String| !name.contains(is_dangerous);
    contexts.into_iter().filter(one_line).collect()
}
