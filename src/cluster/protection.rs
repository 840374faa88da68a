//! What says of itself that faults are to be kept off, and how many VMIs there are where one would act.
//!
//! KubeVirt does not hand a VM's own annotations on to its VMI: they are read off the VMs, as metadata alone, in one request
//! a namespace. What may not be read is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams, ObjectMeta};
use serde::de::DeserializeOwned;

use super::client::Cluster;
use super::error::{Ask, ClusterError};
use super::selection::{Scope, Selection};
use super::vm::VirtualMachine;
use super::vmi::VirtualMachineInstance;
use crate::fault::undo::{UNDO, Undo};
use crate::fault::{PROTECTED, protects};

/// What is protected by annotation in the scope of a selection.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    namespaces: BTreeSet<String>,
    vms: BTreeSet<(String, String)>,
    /// Outages that VMs carry the way back from, by `namespace/name`.
    pub outages: BTreeMap<String, Undo>,
    /// What could not be read, as words that end a sentence.
    pub blind: Vec<String>,
}

/// Where the VMIs of a cluster are.
#[derive(Debug, Clone, Default)]
pub struct Everyone {
    /// Namespace and node of each; the node is only told when it was asked for.
    pub places: Vec<(String, String)>,
    /// Other namespaces could not be looked into.
    pub narrow: bool,
}

// === impl Protection ===

impl Protection {
    /// Which annotated object keeps faults off this VM.
    pub fn of(&self, namespace: &str, name: &str) -> Option<&'static str> {
        if self.namespaces.contains(namespace) {
            Some("namespace")
        } else if self.vms.contains(&(namespace.to_owned(), name.to_owned())) {
            Some("vm")
        } else {
            None
        }
    }
}

/// Reads the annotations of the VMs and namespaces that a selection reaches.
pub async fn protection(cluster: &Cluster, selection: &Selection) -> Result<Protection, ClusterError> {
    let scope = selection.scope(&cluster.namespace);
    let named = selection.named(&cluster.namespace);
    let (namespaces, vms) = tokio::join!(namespaces(cluster, &scope), machines(cluster, &scope, &named));
    let mut found = Protection::default();
    let mut read = |all: Result<Vec<ObjectMeta>, ClusterError>, what: &str| match all {
        Ok(all) => Ok(all),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) if error.is_forbidden() => {
            found.blind.push(format!(
                "whether a {what} is annotated as protected (reading them is not permitted)"
            ));
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    };
    let (namespaces, vms) = (read(namespaces, "namespace")?, read(vms, "VM")?);
    found.namespaces = namespaces
        .into_iter()
        .filter(is_protected)
        .filter_map(|it| it.name)
        .collect();
    for vm in vms {
        let key = (
            vm.namespace.clone().unwrap_or_default(),
            vm.name.clone().unwrap_or_default(),
        );
        let undo = vm.annotations.as_ref().and_then(|all| Undo::parse(all.get(UNDO)?));
        if let Some(undo) = undo {
            found.outages.insert(format!("{}/{}", key.0, key.1), undo);
        }
        if is_protected(&vm) {
            found.vms.insert(key);
        }
    }
    Ok(found)
}

/// Where the VMIs of these namespaces are, or with `nodes` those of the whole cluster, as far as they may be listed.
pub async fn everyone(cluster: &Cluster, namespaces: &BTreeSet<String>, nodes: bool) -> Result<Everyone, ClusterError> {
    let ask = Ask::new("list", "kubevirt.io", "virtualmachineinstances");
    let of_all = |vmis: Vec<VirtualMachineInstance>| {
        let place = |vmi: &VirtualMachineInstance| (vmi.namespace().to_owned(), vmi.status.node_name.clone());
        vmis.iter().map(place).collect()
    };
    if nodes {
        let api = Api::<VirtualMachineInstance>::all(cluster.client.clone());
        match api.list(&ListParams::default()).await {
            Ok(list) => {
                let (places, narrow) = (of_all(list.items), false);
                return Ok(Everyone { places, narrow });
            }
            Err(error) => {
                let told = cluster.explain(&error, &ask);
                if !told.is_forbidden() {
                    return Err(told);
                }
            }
        }
    }
    let lists = namespaces.iter().map(|namespace| async {
        let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), namespace);
        let ask = ask.clone().namespace(namespace);
        let told = |error: kube::Error| cluster.explain(&error, &ask);
        if nodes {
            let list = api.list(&ListParams::default()).await.map_err(told)?;
            return Ok(of_all(list.items));
        }
        let list = api.list_metadata(&ListParams::default()).await.map_err(told)?;
        Ok(vec![(namespace.clone(), String::new()); list.items.len()])
    });
    let lists: Vec<Result<Vec<(String, String)>, ClusterError>> = join_all(lists).await;
    let mut all = Everyone {
        places: Vec::new(),
        narrow: nodes,
    };
    for list in lists {
        match list {
            Ok(places) => all.places.extend(places),
            // Whoever may not list can still act on what was named.
            Err(error) if error.is_forbidden() => all.narrow = true,
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn namespaces(cluster: &Cluster, scope: &Scope) -> Result<Vec<ObjectMeta>, ClusterError> {
    let api = Api::<Namespace>::all(cluster.client.clone());
    match scope {
        Scope::Cluster => list(cluster, &api, Ask::new("list", "", "namespaces")).await,
        Scope::Namespaces(names) => {
            let gets = names
                .iter()
                .map(|name| get(cluster, &api, name, Ask::new("get", "", "namespaces").name(name)));
            Ok(try_join_all(gets).await?.into_iter().flatten().collect())
        }
    }
}

/// The metadata of the VMs in scope; of one that was named by itself only that.
async fn machines(
    cluster: &Cluster,
    scope: &Scope,
    named: &BTreeSet<(String, String)>,
) -> Result<Vec<ObjectMeta>, ClusterError> {
    let ask = |verb| Ask::new(verb, "kubevirt.io", "virtualmachines");
    let Scope::Namespaces(namespaces) = scope else {
        return list(
            cluster,
            &Api::<VirtualMachine>::all(cluster.client.clone()),
            ask("list"),
        )
        .await;
    };
    let lists = namespaces.iter().map(|namespace| async move {
        let api = Api::<VirtualMachine>::namespaced(cluster.client.clone(), namespace);
        let one_by_one: Vec<&String> = named
            .iter()
            .filter(|(of, _)| of == namespace)
            .map(|(_, name)| name)
            .collect();
        match one_by_one.as_slice() {
            [name] => {
                let one = get(cluster, &api, name, ask("get").namespace(namespace).name(name)).await?;
                Ok(one.into_iter().collect())
            }
            _ => list(cluster, &api, ask("list").namespace(namespace)).await,
        }
    });
    let lists: Vec<Vec<ObjectMeta>> = try_join_all(lists).await?;
    Ok(lists.into_iter().flatten().collect())
}

async fn list<K: Clone + DeserializeOwned + Debug>(
    cluster: &Cluster,
    api: &Api<K>,
    ask: Ask,
) -> Result<Vec<ObjectMeta>, ClusterError> {
    let list = api.list_metadata(&ListParams::default()).await;
    let list = list.map_err(|error| cluster.explain(&error, &ask))?;
    Ok(list.items.into_iter().map(|object| object.metadata).collect())
}

async fn get<K: Clone + DeserializeOwned + Debug>(
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    ask: Ask,
) -> Result<Option<ObjectMeta>, ClusterError> {
    let got = api.get_metadata_opt(name).await;
    let got = got.map_err(|error| cluster.explain(&error, &ask))?;
    Ok(got.map(|object| object.metadata))
}

/// Whether an object says of itself that faults are to be kept off.
pub fn is_protected(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(PROTECTED))
        .is_some_and(|value| protects(value))
}
