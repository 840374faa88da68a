//! Garbage collection: what an owner leaves behind goes after it.

use serde_json::Value;

use crate::rehearsal::{
    api::{
        delete,
        resources::{PODS, Resource, VMIMS, VMIS},
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
            delete::terminate(
                cluster,
                resource,
                fields::text(&object, "/metadata/namespace"),
                fields::text(&object, "/metadata/name"),
                grace,
            );
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
