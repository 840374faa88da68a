//! What owners do: a replica set keeps its number of VMIs, and what an owner leaves behind goes after it.

use serde_json::{Value, json};

use crate::{
    api::{
        delete,
        resources::{PODS, REPLICA_SETS, Resource, VMIMS, VMIS},
    },
    cluster::Cluster,
    json as fields,
};

/// Kinds that have owners here.
const OWNED: [&Resource; 3] = [&PODS, &VMIS, &VMIMS];

fn is_owned(object: &Value, uid: &str) -> bool {
    fields::list(object, "/metadata/ownerReferences")
        .iter()
        .any(|owner| fields::text(owner, "/uid") == uid)
}

/// Deletes what belonged to an object that is gone.
pub(crate) fn collect(cluster: &Cluster, uid: &str) {
    for resource in OWNED {
        for object in cluster
            .list(resource, "")
            .into_iter()
            .filter(|object| is_owned(object, uid) && !fields::present(object, "/metadata/deletionTimestamp"))
        {
            let finished = matches!(fields::text(&object, "/status/phase"), "Succeeded" | "Failed");
            let grace = if resource.is(&PODS) && !finished {
                object
                    .pointer("/spec/terminationGracePeriodSeconds")
                    .and_then(Value::as_u64)
                    .unwrap_or(30)
            } else {
                0
            };
            delete::terminate(cluster, resource, &object, grace);
        }
    }
}

/// Takes the owner off its dependents, so that they outlive it.
pub(crate) fn orphan(cluster: &Cluster, uid: &str) {
    for resource in OWNED {
        for object in cluster
            .list(resource, "")
            .into_iter()
            .filter(|object| is_owned(object, uid))
        {
            cluster.edit(
                resource,
                fields::text(&object, "/metadata/namespace"),
                fields::text(&object, "/metadata/name"),
                |object| {
                    let mut owners = fields::list(object, "/metadata/ownerReferences").to_vec();
                    owners.retain(|owner| fields::text(owner, "/uid") != uid);
                    fields::set(object, "/metadata/ownerReferences", owners);
                },
            );
        }
    }
}

/// Looks after the replica set that a VMI belongs to.
pub(crate) fn replicate_for(cluster: &Cluster, vmi: &Value) {
    let owner = fields::list(vmi, "/metadata/ownerReferences")
        .iter()
        .find(|owner| fields::text(owner, "/kind") == REPLICA_SETS.kind);
    let namespace = fields::text(vmi, "/metadata/namespace");
    let set = owner.and_then(|owner| cluster.get(&REPLICA_SETS, namespace, fields::text(owner, "/name")));
    if let Some(set) = set {
        replicate(cluster, &set);
    }
}

/// Deletes the VMIs of a replica set that have ended, and makes as many as it lacks, each under a new name.
pub(crate) fn replicate(cluster: &Cluster, set: &Value) {
    let (namespace, name) = (
        fields::text(set, "/metadata/namespace"),
        fields::text(set, "/metadata/name"),
    );
    let uid = fields::text(set, "/metadata/uid");
    let mut there = 0;
    for vmi in cluster
        .list(&VMIS, namespace)
        .into_iter()
        .filter(|vmi| is_owned(vmi, uid) && !fields::present(vmi, "/metadata/deletionTimestamp"))
    {
        if super::vmi::is_final(&vmi) {
            delete::terminate(cluster, &VMIS, &vmi, 0);
        } else {
            there += 1;
        }
    }
    let wanted = set.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    for _ in there..wanted {
        let mut vmi = json!({
            "metadata": {
                "generateName": name,
                "labels": set.pointer("/spec/template/metadata/labels").cloned().unwrap_or_else(|| json!({})),
                "finalizers": ["foregroundDeleteVirtualMachine"],
                "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": REPLICA_SETS.kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true}],
            },
            "spec": set.pointer("/spec/template/spec").cloned().unwrap_or_default(),
        });
        super::vmi_defaults::of_vmi(&mut vmi);
        // Names are drawn; one that is taken is drawn again at the next change.
        let _ = cluster.create(&VMIS, namespace, vmi);
    }
}
