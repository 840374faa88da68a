//! The word on a migration object that its run has ended.

use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::plan::HALTED_BY;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind, MANAGER};

/// Leaves word on an object that its run has ended, for the command that watches it and for everybody's `status`.
pub(crate) async fn mark(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    uid: &str,
    who: &str,
) -> Result<(), ClusterError> {
    let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), namespace);
    let change = json!({"metadata": {"uid": uid, "annotations": {HALTED_BY: who}}});
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(name, &params, &Patch::Merge(change)).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let told = cluster.explain(
                &error,
                &Ask::new("patch", "kubevirt.io", "virtualmachineinstancemigrations").namespace(namespace),
            );
            // Another object has its name, or none.
            let gone = matches!(told.kind, ErrorKind::NotFound | ErrorKind::Conflict);
            if gone { Ok(()) } else { Err(told) }
        }
    }
}
