//! An evacuation: a launcher was asked to go, and its guest is migrated away.

use serde_json::{Value, json};

use super::{admission, vmi_life};
use crate::{
    api::resources::{PODS, VMIMS},
    cluster::Cluster,
    json as fields,
};

/// Notes that a VMI has to leave the node of its launcher, and migrates it.
pub(crate) fn begin(cluster: &Cluster, vmi: &Value, pod: &Value) {
    let node = fields::text(pod, "/spec/nodeName");
    let namespace = fields::text(vmi, "/metadata/namespace");
    vmi_life::edit(cluster, vmi, |vmi| fields::set(vmi, "/status/evacuationNodeName", node));
    cluster.edit(&PODS, namespace, fields::text(pod, "/metadata/name"), |pod| {
        let mark = "/metadata/annotations/descheduler.alpha.kubernetes.io~1eviction-in-progress";
        fields::set(pod, mark, "kubevirt");
    });
    let mut migration = json!({
        "metadata": {"generateName": "kubevirt-evacuation-", "namespace": namespace, "annotations": {"kubevirt.io/evacuationMigration": node}},
        "spec": {"vmiName": vmi["metadata"]["name"]},
    });
    // Where it cannot be migrated, or is being already, the evacuation waits.
    let made = admission::on_create(cluster, &VMIMS, &mut migration)
        .and_then(|()| cluster.create(&VMIMS, namespace, migration));
    if let Ok(made) = made {
        let message = format!("Created Migration {}", fields::text(&made, "/metadata/name"));
        cluster.event(vmi, "Normal", "SuccessfulCreate", &message, "evacuation-controller");
    }
}
