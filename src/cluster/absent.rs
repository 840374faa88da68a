//! What to say about VMIs and namespaces that are not there.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;

use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind};
use super::vm::VirtualMachine;
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::Unfit;

/// An empty list is also what a namespace that does not exist answers; only a clear 404 is an error.
pub(super) async fn namespaces_exist(
    cluster: &Cluster,
    namespaces: impl Iterator<Item = &String>,
) -> Result<(), ClusterError> {
    let api = Api::<Namespace>::all(cluster.client.clone());
    let gets = namespaces.map(|name| {
        let api = &api;
        async move { (name, api.get_metadata(name).await) }
    });
    for (name, got) in join_all(gets).await {
        let Err(error) = got else { continue };
        if cluster
            .explain(&error, &Ask::new("get", "", "namespaces").name(name))
            .is_not_found()
        {
            return Err(
                ClusterError::new(ErrorKind::NotFound, format!("namespaces \"{name}\" not found")).hint(format!(
                    "to see which there are: {}",
                    cluster.again("kubectl get namespaces")
                )),
            );
        }
    }
    Ok(())
}

/// Named VMIs that are not there: a VM that does not run, or nothing at all.
pub(super) async fn absentees(cluster: &Cluster, absent: &[&(String, String)]) -> (Vec<Unfit>, Vec<String>) {
    let gets = absent.iter().map(|(namespace, name)| async move {
        (
            namespace,
            name,
            Api::<VirtualMachine>::namespaced(cluster.client.clone(), namespace)
                .get(name)
                .await,
        )
    });
    let (mut stopped, mut missing) = (Vec::new(), Vec::new());
    for (namespace, name, vm) in join_all(gets).await {
        match vm {
            Ok(vm) => stopped.push(Unfit {
                namespace: namespace.clone(),
                name: name.clone(),
                reason: escape(&format!("is not running (VM is {})", vm.printable_status())),
                hint: Some(
                    cluster
                        .again(CommandLine::new("virtctl start").arg(name).flag("-n", namespace))
                        .into(),
                ),
            }),
            Err(_) => missing.push(escape(&format!(
                "virtualmachineinstances.kubevirt.io \"{name}\" not found in namespace \"{namespace}\""
            ))),
        }
    }
    (stopped, missing)
}
