//! What is known of VMs that somebody names, whatever lists show: whether they are there, and what outages have changed on them.

use std::collections::BTreeSet;

use futures::future::join_all;
use kube::api::Api;

use super::Found;
use super::lists::Listable;
use crate::cluster::objects::sound_one;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Ask, Cluster, ClusterError, VirtualMachineInstance};
use crate::traces::changes::Changed;

/// What was found under names of VMs.
#[derive(Debug, Clone, Default)]
pub struct Named {
    pub changes: Vec<Changed>,
    /// `namespace/name` of those of which there clearly is neither a VM nor a VMI, nor anything of a run.
    pub missing: Vec<(String, String)>,
    /// `namespace/name` of those that may carry what an outage has changed, which nobody here may read.
    pub unseen: Vec<String>,
}

/// Reads the VM and the VMI of every name.
///
/// # Errors
/// Whatever is neither that something is not there nor that it may not be read.
pub async fn named(
    cluster: &Cluster,
    found: &Found,
    names: &BTreeSet<(String, String)>,
) -> Result<Named, ClusterError> {
    let reads = names.iter().map(|(namespace, name)| async move {
        tokio::join!(
            read::<VirtualMachine>(cluster, "virtualmachines", namespace, name),
            read::<VirtualMachineInstance>(cluster, "virtualmachineinstances", namespace, name)
        )
    });
    let mut all = Named::default();
    for ((namespace, name), (vm, vmi)) in names.iter().zip(join_all(reads).await) {
        let key = format!("{namespace}/{name}");
        let (vm, vmi) = (vm?, vmi?);
        let of_vm = vm.as_ref().and_then(Option::as_ref).and_then(Changed::of_vm);
        let of_vmi = vmi.as_ref().and_then(Option::as_ref).and_then(Changed::of_vmi);
        all.changes.extend(of_vm.into_iter().chain(of_vmi));
        let (machines, instances) = (&found.views.machines, &found.views.instances);
        if (vm.is_none() && !machines.covers(namespace)) || (vmi.is_none() && !instances.covers(namespace)) {
            all.unseen.push(key.clone());
        }
        if matches!((vm, vmi), (Some(None), Some(None))) && !found.has(&key) {
            all.missing.push((namespace.clone(), name.clone()));
        }
    }
    Ok(all)
}

/// The object, `Some(None)` where there is none; `None` where it may not be read.
async fn read<K: Listable>(
    cluster: &Cluster,
    resource: &'static str,
    namespace: &str,
    name: &str,
) -> Result<Option<Option<K>>, ClusterError> {
    let ask = Ask::new("get", "kubevirt.io", resource).namespace(namespace).name(name);
    let got = Api::<K>::namespaced(cluster.client.clone(), namespace).get(name).await;
    match got.map_err(|error| cluster.explain(&error, &ask)).and_then(sound_one) {
        Ok(object) => Ok(Some(Some(object))),
        Err(error) if error.is_not_found() => Ok(Some(None)),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error),
    }
}
