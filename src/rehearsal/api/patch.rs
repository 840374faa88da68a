//! The four ways to change part of an object: JSON patch, merge patch, strategic merge (by the usual list keys) and
//! apply.

use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

use super::{
    resources::Resource,
    status_error::{ApiError, ApiResult},
};
use crate::json as fields;

/// Changes `object` as the patch of that content type says.
pub(crate) fn patch(resource: &Resource, object: &mut Value, patch: &Value, content_type: &str) -> ApiResult<()> {
    match content_type {
        "application/merge-patch+json" => merge(object, patch, false),
        "application/strategic-merge-patch+json" if !resource.custom => merge(object, patch, true),
        "application/apply-patch+yaml" => merge(object, patch, true),
        "application/json-patch+json" => return operations(resource, object, patch),
        other => {
            let known = if resource.custom {
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            } else {
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
            };
            return Err(ApiError::new(
                415,
                "UnsupportedMediaType",
                format!(
                    "the body of the request was in an unknown format - accepted media types include: {known} (got {other})"
                ),
            ));
        }
    }
    Ok(())
}

/// Merge patch of RFC 7386; with `lists`, lists of named things are merged by name instead of replaced.
fn merge(object: &mut Value, patch: &Value, lists: bool) {
    let Some(changes) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Some(target) = object.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() {
            target.shift_remove(key);
        } else if let (true, Some(items), Some(Value::Array(old))) = (lists, change.as_array(), target.get_mut(key)) {
            merge_list(old, items);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), change, lists);
        }
    }
}

/// Kubernetes' merge keys in the order they are tried; a list without one is replaced.
fn merge_list(old: &mut Vec<Value>, new: &[Value]) {
    let Some(key) = ["name", "uid", "type", "containerPort"]
        .into_iter()
        .find(|key| !new.is_empty() && new.iter().all(|item| item.get(key).is_some()))
    else {
        if new.iter().all(Value::is_string) && old.iter().all(Value::is_string) && !new.is_empty() {
            old.extend(
                new.iter()
                    .filter(|item| !old.contains(item))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            return;
        }
        *old = new.to_vec();
        return;
    };
    for item in new {
        let place = old.iter().position(|one| one.get(key) == item.get(key));
        if item.get("$patch").and_then(Value::as_str) == Some("delete") {
            if let Some(place) = place {
                old.remove(place);
            }
        } else if let Some(place) = place {
            merge(&mut old[place], item, true);
        } else {
            old.push(item.clone());
        }
    }
}

/// JSON patch of RFC 6902, refused in the words of an API server.
fn operations(resource: &Resource, object: &mut Value, patch: &Value) -> ApiResult<()> {
    let name = fields::text(object, "/metadata/name").to_owned();
    let refused = |why: String| {
        ApiError::new(
            422,
            "Invalid",
            format!("{} \"{name}\" is invalid: {why}", resource.qualified()),
        )
    };
    let operations: Patch = serde_json::from_value(patch.clone()).map_err(|error| {
        ApiError::bad_request(format!(
            "json: cannot unmarshal into Go value of type jsonpatch.Patch: {error}"
        ))
    })?;
    for operation in &operations.0 {
        json_patch::patch(object, std::slice::from_ref(operation)).map_err(|error| {
            let place = operation.path();
            refused(match (operation, error.kind) {
                (PatchOperation::Test(_), _) => format!("testing path {place} failed"),
                (_, why) => format!(
                    "{} operation does not apply: doc is missing path: \"{place}\": {why}",
                    word(operation)
                ),
            })
        })?;
    }
    Ok(())
}

fn word(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}

/// Notes who wrote the object last, as `metadata.managedFields` (without the field sets, which nobody here compares).
pub(crate) fn sign(object: &mut Value, api_version: &str, manager: &str, apply: bool, now: &str) {
    let operation = if apply { "Apply" } else { "Update" };
    let mut managers: Vec<Value> = fields::list(object, "/metadata/managedFields").to_vec();
    managers
        .retain(|entry| fields::text(entry, "/manager") != manager || fields::text(entry, "/operation") != operation);
    managers.push(json!({"manager": manager, "operation": operation, "apiVersion": api_version, "time": now, "fieldsType": "FieldsV1", "fieldsV1": {}}));
    fields::set(object, "/metadata/managedFields", managers);
}

#[cfg(test)]
mod tests {
    use super::{
        super::resources::{PODS, VMIS},
        *,
    };

    #[test]
    fn a_merge_patch_replaces_lists_and_takes_nulls_away() {
        let mut object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        patch(
            &PODS,
            &mut object,
            &json!({"a": {"c": [3]}, "d": null}),
            "application/merge-patch+json",
        )
        .unwrap();
        assert_eq!(object, json!({"a": {"b": 1, "c": [3]}}));
    }

    #[test]
    fn a_strategic_patch_merges_named_lists_and_is_not_for_custom_resources() {
        let mut object = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}});
        patch(
            &PODS,
            &mut object,
            &json!({"spec": {"containers": [{"name": "a", "image": "2"}]}}),
            "application/strategic-merge-patch+json",
        )
        .unwrap();
        assert_eq!(
            object,
            json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b"}]}})
        );
        assert_eq!(
            patch(&VMIS, &mut object, &json!({}), "application/strategic-merge-patch+json")
                .unwrap_err()
                .code,
            415
        );
    }

    #[test]
    fn json_patches_test_before_they_change() {
        let mut object = json!({"metadata": {"name": "x", "labels": {"a/b": "1"}}, "l": [1, 2]});
        let change =
            |object: &mut Value, operations: Value| patch(&PODS, object, &operations, "application/json-patch+json");
        change(&mut object, json!([{"op": "add", "path": "/l/1", "value": 9}, {"op": "remove", "path": "/metadata/labels/a~1b"}, {"op": "move", "from": "/l/0", "path": "/first"}])).unwrap();
        assert_eq!(
            object,
            json!({"metadata": {"name": "x", "labels": {}}, "l": [9, 2], "first": 1})
        );
        assert_eq!(
            change(&mut object, json!([{"op": "test", "path": "/first", "value": 2}]))
                .unwrap_err()
                .code,
            422
        );
    }
}
