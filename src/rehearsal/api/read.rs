//! Get and list.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    call::Call,
    represent::{self, Form},
    selectors::Selector,
    status_error::{ApiError, ApiResult},
};
use crate::{
    cluster::Cluster,
    http::{
        kubeconfig::base64,
        reply::{self, Reply},
    },
    json as fields,
};

/// One object.
pub(crate) fn get(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let object = cluster
        .get(call.resource.stored(), &call.namespace, &call.name)
        .ok_or_else(|| ApiError::not_found(call.resource, &call.name))?;
    Ok(reply::json(200, &represent::one(call, form, &object, true)))
}

/// The objects that a selector shows, a page at a time when a limit is given.
pub(crate) fn list(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let selector = selector(call)?;
    let (version, mut objects) = {
        let store = cluster.store();
        (store.version(), store.list(call.resource.stored(), &call.namespace))
    };
    objects.retain(|object| selector.matches(object));
    let metadata = page(call, version, &mut objects)?;
    Ok(reply::json(200, &represent::many(call, form, &objects, &metadata)))
}

/// The selector of a list or watch.
pub(crate) fn selector(call: &Call) -> ApiResult<Selector> {
    Selector::parse(
        call.resource.stored(),
        call.query.get("labelSelector"),
        call.query.get("fieldSelector"),
    )
}

/// Cuts a page out. The token is the last object's place, which also says from which version the pages are.
fn page(call: &Call, version: u64, objects: &mut Vec<Arc<Value>>) -> ApiResult<Value> {
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let place = |object: &Value| {
        format!(
            "{}/{}",
            fields::text(object, "/metadata/namespace"),
            fields::text(object, "/metadata/name")
        )
    };
    let token = call.query.get("continue");
    if !token.is_empty() {
        let start = objects
            .iter()
            .position(|object| base64(place(object).as_bytes()) == token);
        let Some(start) = start else {
            return Err(ApiError::new(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.",
            ));
        };
        objects.drain(..=start);
    }
    let limit = call.query.get("limit").parse().unwrap_or(0_usize);
    if limit > 0 && objects.len() > limit {
        fields::set(
            &mut metadata,
            "/continue",
            base64(place(&objects[limit - 1]).as_bytes()),
        );
        fields::set(&mut metadata, "/remainingItemCount", objects.len() - limit);
        objects.truncate(limit);
    }
    Ok(metadata)
}
