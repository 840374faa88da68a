//! Deletion: at once, or with a grace period (pods), or when the last finalizer is gone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    call::Call,
    read,
    represent::{self, Form},
    resources::{PODS, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::{
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields, kubevirt, time,
};

/// `DELETE` of an object.
pub(crate) fn delete(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let options = call.options()?;
    let object = cluster
        .get(call.resource.stored(), &call.namespace, &call.name)
        .ok_or_else(|| ApiError::not_found(call.resource, &call.name))?;
    let (left, gone) = end(cluster, call, &options, &object)?;
    if gone && !call.resource.is(&PODS) {
        let details = json!({"name": call.name, "group": call.resource.group, "kind": call.resource.plural, "uid": object["metadata"]["uid"]});
        return Ok(reply::json(
            200,
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        ));
    }
    Ok(reply::json(200, &represent::one(call, form, &left, true)))
}

/// `DELETE` of a collection: every object the selectors show.
pub(crate) fn collection(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let (options, selector) = (call.options()?, read::selector(call)?);
    let mut ended = Vec::new();
    for object in cluster
        .list(call.resource.stored(), &call.namespace)
        .into_iter()
        .filter(|object| selector.matches(object))
    {
        ended.push(end(cluster, call, &options, &object)?.0);
    }
    Ok(reply::json(
        200,
        &represent::many(
            call,
            form,
            &ended,
            &json!({"resourceVersion": cluster.store().version().to_string()}),
        ),
    ))
}

/// Ends an object as far as it may end now; whether it is gone.
fn end(cluster: &Cluster, call: &Call, options: &Value, object: &Arc<Value>) -> ApiResult<(Arc<Value>, bool)> {
    let resource = call.resource.stored();
    let (namespace, name) = (
        fields::text(object, "/metadata/namespace"),
        fields::text(object, "/metadata/name"),
    );
    for (field, words, done) in [
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ] {
        let (asked, there) = (
            fields::text(options, &format!("/preconditions/{field}")),
            fields::text(object, &format!("/metadata/{field}")),
        );
        if !asked.is_empty() && asked != there {
            let why = format!(
                "the {words} in the precondition ({asked}) does not match the {words} in record ({there}). The object might have been {done}"
            );
            return Err(ApiError::conflict_of_kind(call.resource, name, &why));
        }
    }
    let asked = options
        .pointer("/gracePeriodSeconds")
        .and_then(Value::as_u64)
        .or_else(|| call.query.get("gracePeriodSeconds").parse().ok());
    let grace = grace(resource, object, asked);
    if call.dry_run(options)? {
        return Ok((Arc::clone(object), false));
    }
    if fields::text(options, "/propagationPolicy") == "Orphan" || call.query.get("propagationPolicy") == "Orphan" {
        kubevirt::owners::orphan(cluster, fields::text(object, "/metadata/uid"));
    }
    Ok(terminate(cluster, resource, object, grace).map_or_else(
        || (Arc::clone(object), true),
        |left| (left, cluster.get(resource, namespace, name).is_none()),
    ))
}

/// The seconds an object has to end by itself. Only pods have any, and only those with somebody on a node to end them.
fn grace(resource: &Resource, object: &Value, asked: Option<u64>) -> u64 {
    let runs = resource.is(&PODS)
        && !fields::text(object, "/spec/nodeName").is_empty()
        && !matches!(fields::text(object, "/status/phase"), "Succeeded" | "Failed");
    if !runs {
        return 0;
    }
    asked
        .or_else(|| {
            object
                .pointer("/spec/terminationGracePeriodSeconds")
                .and_then(Value::as_u64)
        })
        .unwrap_or(30)
}

/// Marks an object as being deleted, or takes it away when nothing holds it. `seen` is that object as it was: another one that has
/// its name by now stays.
pub(crate) fn terminate(
    cluster: &Cluster,
    resource: &'static Resource,
    seen: &Value,
    grace: u64,
) -> Option<Arc<Value>> {
    let (namespace, name) = (
        fields::text(seen, "/metadata/namespace"),
        fields::text(seen, "/metadata/name"),
    );
    let mut store = cluster.store();
    let before = store.get(resource, namespace, name)?;
    if fields::text(&before, "/metadata/uid") != fields::text(seen, "/metadata/uid") {
        return None;
    }
    if grace == 0 && !fields::present(&before, "/metadata/finalizers") {
        // A pod's end is told before it is gone.
        if resource.is(&PODS) && before.pointer("/metadata/deletionGracePeriodSeconds") != Some(&json!(0)) {
            let mut last = (*before).clone();
            fields::set(&mut last, "/metadata/deletionTimestamp", time::now());
            fields::set(&mut last, "/metadata/deletionGracePeriodSeconds", 0);
            store.put(resource, last);
        }
        return store.remove(resource, namespace, name);
    }
    let mut object = (*before).clone();
    let running = object
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_u64);
    // A deletion under way can be made shorter, not longer.
    if running.is_none_or(|running| grace < running) {
        if running.is_none() || resource.is(&PODS) {
            fields::set(&mut object, "/metadata/deletionTimestamp", time::ahead(grace));
        }
        fields::set(&mut object, "/metadata/deletionGracePeriodSeconds", grace);
    }
    Some(Cluster::write(&mut store, resource, &before, object))
}
