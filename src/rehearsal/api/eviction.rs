//! `pods/eviction`. A launcher's eviction is turned into a migration by KubeVirt, which refuses it for the moment;
//! other pods are deleted.

use serde_json::json;

use super::{
    call::Call,
    delete,
    resources::{PODS, VMIS},
    status_error::{ApiError, ApiResult},
};
use crate::{
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
    kubevirt::evacuation,
};

/// Evicts a pod.
pub(crate) fn evict(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let eviction = call.object()?;
    let pod = cluster
        .get(&PODS, &call.namespace, &call.name)
        .ok_or_else(|| ApiError::not_found(&PODS, &call.name))?;
    let asked = fields::text(&eviction, "/deleteOptions/preconditions/uid");
    if !asked.is_empty() && asked != fields::text(&pod, "/metadata/uid") {
        let there = fields::text(&pod, "/metadata/uid");
        return Err(ApiError::conflict(
            &PODS,
            &call.name,
            &format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {there}"),
        ));
    }
    let vmi = fields::text(&pod, "/metadata/annotations/kubevirt.io~1domain");
    let evacuated = cluster
        .get(&VMIS, &call.namespace, vmi)
        .filter(|vmi| fields::text(vmi, "/spec/evictionStrategy") == "LiveMigrate");
    if let Some(vmi) = evacuated {
        let again = fields::present(&vmi, "/status/evacuationNodeName");
        if !again && !call.dry_run(&eviction["deleteOptions"])? {
            evacuation::begin(cluster, &vmi, &pod);
        }
        let name = fields::text(&vmi, "/metadata/name");
        let triggered = format!("Eviction triggered evacuation of VMI \"{}/{name}\"", call.namespace);
        let message = if again {
            format!("Evacuation in progress: {triggered}")
        } else {
            triggered
        };
        return Err(ApiError::webhook(
            "virt-launcher-eviction-interceptor.kubevirt.io",
            429,
            "",
            &message,
        ));
    }
    if !call.dry_run(&eviction["deleteOptions"])? {
        let grace = eviction
            .pointer("/deleteOptions/gracePeriodSeconds")
            .or_else(|| pod.pointer("/spec/terminationGracePeriodSeconds"))
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(30);
        delete::terminate(cluster, &PODS, &pod, grace);
    }
    Ok(reply::json(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}
