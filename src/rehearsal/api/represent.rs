//! The forms an object is answered in: whole, as rows of a table (kubectl), or its metadata only.

use serde_json::{Value, json};
use std::sync::Arc;

use super::{
    call::Call,
    columns, events,
    resources::{NEW_EVENTS, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::kubevirt::whole;

/// The form a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Full,
    Table,
    Metadata,
}

impl Form {
    /// The first form of an `Accept` header that is served.
    pub(crate) fn of(accept: &str) -> ApiResult<Self> {
        if accept.is_empty() {
            return Ok(Self::Full);
        }
        let known = accept.split(',').find_map(|option| {
            let mut words = option.split(';').map(str::trim);
            let json = matches!(words.next(), Some("application/json" | "*/*" | "application/*"));
            let parameters: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
            let is = |key: &str| {
                parameters
                    .iter()
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| *value)
            };
            match (json, is("as"), is("v")) {
                (true, None, _) => Some(Self::Full),
                (true, Some("Table"), Some("v1")) => Some(Self::Table),
                (true, Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("v1")) => Some(Self::Metadata),
                _ => None,
            }
        });
        known.ok_or_else(|| {
            ApiError::new(
                406,
                "NotAcceptable",
                "only the following media types are accepted: application/json",
            )
        })
    }
}

/// One object in the form asked for. `columns` = with the table's header, which a watch sends once.
pub(crate) fn one(call: &Call, form: Form, object: &Value, columns: bool) -> Value {
    match form {
        Form::Full => outward(call.resource, object),
        Form::Metadata => metadata_only(call.resource, object),
        Form::Table => table(
            call,
            std::iter::once(object),
            &json!({"resourceVersion": object.pointer("/metadata/resourceVersion")}),
            columns,
        ),
    }
}

/// A list in the form asked for.
pub(crate) fn many(call: &Call, form: Form, objects: &[Arc<Value>], metadata: &Value) -> Value {
    match form {
        Form::Table => table(call, objects.iter().map(AsRef::as_ref), metadata, true),
        Form::Metadata => {
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": objects.iter().map(|object| metadata_only(call.resource, object)).collect::<Vec<_>>()})
        }
        Form::Full => {
            let items: Vec<Value> = objects.iter().map(|object| item(call.resource, object)).collect();
            json!({"kind": format!("{}List", call.resource.kind), "apiVersion": call.resource.api_version(), "metadata": metadata, "items": items})
        }
    }
}

/// An item of a list: those of built-in kinds do not say what they are.
fn item(resource: &'static Resource, object: &Value) -> Value {
    let mut item = outward(resource, object);
    if !resource.custom
        && let Some(fields) = item.as_object_mut()
    {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    item
}

/// An object as the group that was asked writes it.
pub(crate) fn outward(resource: &'static Resource, object: &Value) -> Value {
    if resource.is(&NEW_EVENTS) {
        events::outward(object)
    } else {
        whole::of(resource.stored(), object)
    }
}

fn metadata_only(resource: &'static Resource, object: &Value) -> Value {
    let whole = outward(resource, object);
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": whole["metadata"]})
}

fn table<'a>(call: &Call, objects: impl Iterator<Item = &'a Value>, metadata: &Value, header: bool) -> Value {
    let rows: Vec<Value> = objects
        .map(|object| {
            let shown = match call.query.get("includeObject") {
                "Object" => outward(call.resource, object),
                "None" => Value::Null,
                _ => metadata_only(call.resource, object),
            };
            json!({"cells": columns::cells(call.resource.stored(), object), "object": shown})
        })
        .collect();
    let columns = if header {
        columns::header(call.resource.stored())
    } else {
        Vec::new()
    };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": rows})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_served_is_taken() {
        assert_eq!(
            Form::of("application/json;as=Table;v=v1;g=meta.k8s.io,application/json").unwrap(),
            Form::Table
        );
        assert_eq!(
            Form::of("application/vnd.kubernetes.protobuf,application/json").unwrap(),
            Form::Full
        );
        assert_eq!(
            Form::of("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").unwrap(),
            Form::Metadata
        );
        assert_eq!(Form::of("application/vnd.kubernetes.protobuf").unwrap_err().code, 406);
        assert_eq!(Form::of("").unwrap(), Form::Full);
    }
}
