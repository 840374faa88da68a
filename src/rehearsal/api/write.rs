//! Create, update and patch, with the rules all kinds share: names, preconditions, dry runs, what a status subresource
//! keeps apart, admission.

use std::sync::Arc;

use serde_json::Value;

use super::{
    admission,
    call::Call,
    events, patch as patches, pod_defaults,
    represent::{self, Form},
    resources::{EVENTS, NAMESPACES, NEW_EVENTS, PODS, Resource},
    status_error::{ApiError, ApiResult},
    validation,
};
use crate::{
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
    kubevirt::{self, whole},
    time,
};

/// Metadata only the server writes.
const SERVERS: &[&str] = &[
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// `POST` to a collection.
pub(crate) fn create(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let object = call.object()?;
    created(cluster, call, object, false)
}

fn created(cluster: &Cluster, call: &Call, object: Value, apply: bool) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let (resource, dry_run) = (call.resource.stored(), call.dry_run(&Value::Null)?);
    let mut object = inward(call, object)?;
    if resource.namespaced && cluster.get(&NAMESPACES, "", &call.namespace).is_none() {
        return Err(ApiError::not_found(&NAMESPACES, &call.namespace));
    }
    // A status can be given at creation only where it is part of the object itself.
    if resource.sub("status").is_some() {
        fields::unset(&mut object, "/status");
    }
    cluster.stamp(resource, &call.namespace, &mut object)?;
    validation::metadata(resource, &object)?;
    if resource.is(&PODS) {
        validation::pod(&object)?;
        pod_defaults::fill(&mut object);
    }
    let mut warnings = Vec::new();
    admission::admit(cluster, resource, &call.namespace, &object, &mut warnings)?;
    kubevirt::admission::on_create(cluster, resource, &mut object)?;
    if !call.manager().is_empty() {
        patches::sign(
            &mut object,
            &resource.api_version(),
            &call.manager(),
            apply,
            &time::now(),
        );
    }
    let object = if dry_run {
        cluster.store().prune(resource, &mut object);
        let name = fields::text(&object, "/metadata/name");
        if cluster.get(resource, &call.namespace, name).is_some() {
            return Err(ApiError::already_exists(resource, name));
        }
        Arc::new(object)
    } else {
        cluster.create(resource, &call.namespace, object)?
    };
    let mut reply = reply::json(201, &represent::one(call, form, &object, true));
    for warning in warnings {
        reply::warn(&mut reply, &warning);
    }
    Ok(reply)
}

/// `PUT` to an object or its status.
pub(crate) fn update(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let object = inward(call, call.object()?)?;
    let name = fields::text(&object, "/metadata/name");
    if name != call.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name
        )));
    }
    if call.resource.custom && fields::text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(ApiError::invalid(
            call.resource,
            name,
            "metadata.resourceVersion",
            "Invalid value: 0: must be specified for an update",
        ));
    }
    changed(cluster, call, "Update", move |_| Ok(object))
}

/// `PATCH` of an object or its status; applying to what is not there creates it.
pub(crate) fn patch(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let document = call.object()?;
    let apply = call.content_type == "application/apply-patch+yaml";
    if apply {
        if call.query.get("fieldManager").is_empty() {
            return Err(ApiError::new(
                422,
                "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        if call.sub.is_empty()
            && cluster
                .get(call.resource.stored(), &call.namespace, &call.name)
                .is_none()
        {
            let mut object = document;
            fields::set(&mut object, "/metadata/name", call.name.as_str());
            return created(cluster, call, object, true);
        }
    }
    changed(cluster, call, if apply { "Apply" } else { "Update" }, |before| {
        let mut object = before.clone();
        patches::patch(call.resource, &mut object, &document, &call.content_type)?;
        Ok(object)
    })
}

/// Writes what `change` makes of the object, in one step with the checks.
fn changed(
    cluster: &Cluster,
    call: &Call,
    operation: &str,
    change: impl FnOnce(&Value) -> ApiResult<Value>,
) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let (resource, dry_run) = (call.resource.stored(), call.dry_run(&Value::Null)?);
    let object = {
        let mut store = cluster.store();
        let before = store
            .get(resource, &call.namespace, &call.name)
            .ok_or_else(|| ApiError::not_found(call.resource, &call.name))?;
        let kept = before;
        let before = Arc::new(whole::of(resource, &kept));
        let mut object = change(&before)?;
        preconditions(call.resource, &before, &object)?;
        keep(resource, &call.sub, &before, &mut object);
        validation::metadata(resource, &object)?;
        if resource.is(&PODS) && call.sub.is_empty() {
            pod_defaults::only_allowed_changes(&before, &object)?;
        }
        kubevirt::admission::on_update(resource, &before, &mut object, &call.user)?;
        if object != *before && !call.manager().is_empty() {
            patches::sign(
                &mut object,
                &resource.api_version(),
                &call.manager(),
                operation == "Apply",
                &time::now(),
            );
        }
        if dry_run {
            store.prune(resource, &mut object);
            Arc::new(object)
        } else {
            Cluster::write(&mut store, resource, &kept, whole::kept(resource, &kept, object))
        }
    };
    Ok(reply::json(200, &represent::one(call, form, &object, true)))
}

/// The version and the uid that the writer saw must be those that are there.
fn preconditions(resource: &Resource, before: &Value, object: &Value) -> ApiResult<()> {
    let name = fields::text(before, "/metadata/name");
    let differs = |field: &str| {
        let seen = fields::text(object, field);
        !seen.is_empty() && seen != fields::text(before, field)
    };
    if differs("/metadata/uid") {
        let (seen, there) = (
            fields::text(object, "/metadata/uid"),
            fields::text(before, "/metadata/uid"),
        );
        return Err(ApiError::conflict(
            resource,
            name,
            &format!("Precondition failed: UID in precondition: {seen}, UID in object meta: {there}"),
        ));
    }
    if differs("/metadata/resourceVersion") {
        return Err(ApiError::modified(resource, name));
    }
    Ok(())
}

/// Keeps what this request may not change: the server's own metadata, and either the status or everything else.
fn keep(resource: &'static Resource, sub: &str, before: &Value, object: &mut Value) {
    if sub == "status" {
        let status = object.get("status").cloned().unwrap_or_default();
        *object = before.clone();
        fields::set(object, "/status", status);
        return;
    }
    for field in ["apiVersion", "kind"] {
        fields::set(object, &format!("/{field}"), before[field].clone());
    }
    for field in SERVERS.iter().chain(&["name", "namespace", "resourceVersion"]) {
        let pointer = format!("/metadata/{field}");
        match before.pointer(&pointer) {
            Some(value) => fields::set(object, &pointer, value.clone()),
            None => drop(fields::unset(object, &pointer)),
        }
    }
    if resource.sub("status").is_some() {
        match before.get("status") {
            Some(status) => fields::set(object, "/status", status.clone()),
            None => drop(fields::unset(object, "/status")),
        }
    }
}

/// A body as it is kept: of the right kind and namespace, in the words of the stored group.
fn inward(call: &Call, object: Value) -> ApiResult<Value> {
    let (version, kind) = (fields::text(&object, "/apiVersion"), fields::text(&object, "/kind"));
    if !object.is_object() {
        return Err(ApiError::bad_request(
            "the object provided is unrecognized (must be of type JSON or YAML)",
        ));
    }
    if (!kind.is_empty() && kind != call.resource.kind)
        || (!version.is_empty() && version != call.resource.api_version())
    {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({version}, kind {kind}) does not match the expected API version ({}, kind {})",
            call.resource.api_version(),
            call.resource.kind
        )));
    }
    let namespace = fields::text(&object, "/metadata/namespace");
    if call.resource.namespaced && !namespace.is_empty() && namespace != call.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let mut object = if call.resource.is(&NEW_EVENTS) {
        events::inward(&object)
    } else {
        object
    };
    fields::unset(&mut object, &format!("/{}", whole::IN_BRIEF));
    let stored = call.resource.stored();
    fields::set(&mut object, "/apiVersion", stored.api_version());
    fields::set(&mut object, "/kind", stored.kind);
    if stored.is(&EVENTS) && call.resource.is(&NEW_EVENTS) && !fields::present(&object, "/firstTimestamp") {
        fields::set(&mut object, "/firstTimestamp", Value::Null);
        fields::set(&mut object, "/lastTimestamp", Value::Null);
    }
    Ok(object)
}
