//! What says of itself that faults are to be kept off, and how many VMIs there are where one would act.
//!
//! KubeVirt does not hand a VM's own annotations on to its VMI: they are read off the VMs, as metadata alone, in one request
//! a namespace. What may not be read is told.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams, ObjectMeta};
use serde::de::DeserializeOwned;

use super::Cluster;
use super::error::{Ask, ClusterError};
use super::selection::{Scope, Selection};
use super::vm::VirtualMachine;
use super::vmi::VirtualMachineInstance;
use crate::escape::escape;
use crate::fault::{PROTECTED, protects};

/// What is protected by annotation in the scope of a selection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Protection {
    namespaces: BTreeSet<String>,
    vms: BTreeSet<(String, String)>,
    /// What could not be read, as words that end a sentence.
    pub blind: Vec<String>,
}

/// What carries the annotation that keeps faults off a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotated {
    Namespace,
    Vm,
    Vmi,
}

/// What one request brought.
struct Read {
    /// What was asked about, as it is named to people.
    place: String,
    /// Those that are protected.
    found: Result<Vec<ObjectMeta>, ClusterError>,
}

/// Where the VMIs of a cluster are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Everyone {
    /// Namespace and node of each; the node is only told when it was asked for.
    pub places: Vec<(String, String)>,
    /// Other namespaces could not be looked into.
    pub narrow: bool,
    /// Namespaces that were asked about, and whose VMIs may not be listed.
    pub closed: Vec<String>,
}

// === impl Protection ===

impl Protection {
    /// Which annotated object keeps faults off this VM.
    pub(crate) fn of(&self, namespace: &str, name: &str) -> Option<Annotated> {
        if self.namespaces.contains(namespace) {
            Some(Annotated::Namespace)
        } else if self.vms.contains(&(namespace.to_owned(), name.to_owned())) {
            Some(Annotated::Vm)
        } else {
            None
        }
    }

    /// What could be read of these; what is forbidden is told once a place, and hides nothing that was read elsewhere.
    fn readable(&mut self, reads: Vec<Read>, what: &str) -> Result<Vec<ObjectMeta>, ClusterError> {
        let mut all = Vec::new();
        let mut closed = Vec::new();
        for read in reads {
            match read.found {
                Ok(found) => all.extend(found),
                Err(error) if error.is_not_found() => {}
                Err(error) if error.is_forbidden() => closed.push(read.place),
                Err(error) => return Err(error),
            }
        }
        if !closed.is_empty() {
            self.blind.push(format!(
                "whether a {what} is annotated as protected (reading it is not permitted: {})",
                closed.join(", ")
            ));
        }
        Ok(all)
    }
}

/// Reads the annotations of the VMs and namespaces that a selection reaches.
pub(crate) async fn protection(cluster: &Cluster, selection: &Selection) -> Result<Protection, ClusterError> {
    let scope = selection.scope(&cluster.namespace);
    let named = selection.named(&cluster.namespace);
    let (namespaces, vms) = tokio::join!(namespaces(cluster, &scope), machines(cluster, &scope, &named));
    let mut found = Protection::default();
    let namespaces = found.readable(namespaces, "namespace")?;
    let vms = found.readable(vms, "VM")?;
    found.namespaces = namespaces.into_iter().filter_map(|it| it.name).collect();
    let key = |vm: ObjectMeta| (vm.namespace.unwrap_or_default(), vm.name.unwrap_or_default());
    found.vms = vms.into_iter().map(key).collect();
    Ok(found)
}

/// Where the VMIs of these namespaces are, or with `nodes` those of the whole cluster, as far as they may be listed.
pub(crate) async fn everyone(
    cluster: &Cluster,
    namespaces: &BTreeSet<String>,
    nodes: bool,
) -> Result<Everyone, ClusterError> {
    let ask = Ask::new("list", "kubevirt.io", "virtualmachineinstances");
    let of_all = |vmis: Vec<VirtualMachineInstance>| {
        let place = |vmi: &VirtualMachineInstance| (vmi.namespace().to_owned(), vmi.status.node_name.clone());
        vmis.iter().map(place).collect()
    };
    if nodes {
        let api = Api::<VirtualMachineInstance>::all(cluster.client.clone());
        let list = async {
            let list = api.list(&ListParams::default()).await;
            Ok(of_all(list.map_err(|error| cluster.explain(&error, &ask))?.items))
        };
        match cluster.once("places".to_owned(), list).await {
            Ok(places) => {
                return Ok(Everyone {
                    places: Arc::unwrap_or_clone(places),
                    ..Everyone::default()
                });
            }
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error),
        }
    }
    let (ask, of_all) = (&ask, &of_all);
    let lists = namespaces.iter().map(|namespace| async move {
        let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), namespace);
        let ask = ask.clone().namespace(namespace);
        let told = |error: kube::Error| cluster.explain(&error, &ask);
        if nodes {
            let list = api.list(&ListParams::default()).await.map_err(told)?;
            return Ok(of_all(list.items));
        }
        let count = async {
            let list = api.list_metadata(&ListParams::default()).await;
            Ok(list.map_err(told)?.items.len())
        };
        let count = cluster.once(format!("VMIs in {namespace}"), count).await?;
        Ok(vec![(namespace.clone(), String::new()); *count])
    });
    let lists: Vec<Result<Vec<(String, String)>, ClusterError>> = join_all(lists).await;
    let mut all = Everyone {
        narrow: nodes,
        ..Everyone::default()
    };
    for (namespace, list) in namespaces.iter().zip(lists) {
        match list {
            Ok(places) => all.places.extend(places),
            // Whoever may not list can still act on what was named.
            Err(error) if error.is_forbidden() => all.closed.push(escape(namespace)),
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn namespaces(cluster: &Cluster, scope: &Scope) -> Vec<Read> {
    let api = Api::<Namespace>::all(cluster.client.clone());
    match scope {
        Scope::Cluster => vec![Read {
            place: "all namespaces".to_owned(),
            found: list(cluster, &api, Ask::new("list", "", "namespaces")).await,
        }],
        Scope::Namespaces(names) => {
            let gets = names.iter().map(|name| async {
                Read {
                    place: escape(name),
                    found: get(cluster, &api, name, Ask::new("get", "", "namespaces").name(name)).await,
                }
            });
            join_all(gets).await
        }
    }
}

/// The metadata of the VMs in scope; of one that was named by itself only that.
async fn machines(cluster: &Cluster, scope: &Scope, named: &BTreeSet<(String, String)>) -> Vec<Read> {
    let ask = |verb| Ask::new(verb, "kubevirt.io", "virtualmachines");
    let Scope::Namespaces(namespaces) = scope else {
        let api = Api::<VirtualMachine>::all(cluster.client.clone());
        return vec![Read {
            place: "all namespaces".to_owned(),
            found: list(cluster, &api, ask("list")).await,
        }];
    };
    let reads = namespaces.iter().map(|namespace| async move {
        let api = Api::<VirtualMachine>::namespaced(cluster.client.clone(), namespace);
        let one_by_one: Vec<&String> = named
            .iter()
            .filter(|(of, _)| of == namespace)
            .map(|(_, name)| name)
            .collect();
        let found = match one_by_one.as_slice() {
            [name] => get(cluster, &api, name, ask("get").namespace(namespace).name(name)).await,
            _ => list(cluster, &api, ask("list").namespace(namespace)).await,
        };
        let place = escape(namespace);
        Read { place, found }
    });
    join_all(reads).await
}

async fn list<K: Clone + DeserializeOwned + Debug>(
    cluster: &Cluster,
    api: &Api<K>,
    ask: Ask,
) -> Result<Vec<ObjectMeta>, ClusterError> {
    let name = format!("protected {} {:?}", ask.resource, ask.namespace);
    let list = async {
        let list = api.list_metadata(&ListParams::default()).await;
        let list = list.map_err(|error| cluster.explain(&error, &ask))?;
        let all = list.items.into_iter().map(|object| object.metadata);
        Ok(all.filter(is_protected).collect())
    };
    cluster.once(name, list).await.map(Arc::unwrap_or_clone)
}

async fn get<K: Clone + DeserializeOwned + Debug>(
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    ask: Ask,
) -> Result<Vec<ObjectMeta>, ClusterError> {
    let got = api.get_metadata_opt(name).await;
    let got = got.map_err(|error| cluster.explain(&error, &ask))?;
    Ok(got
        .map(|object| object.metadata)
        .filter(is_protected)
        .into_iter()
        .collect())
}

/// Whether an object says of itself that faults are to be kept off.
pub(crate) fn is_protected(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(PROTECTED))
        .is_some_and(|value| protects(value))
}
