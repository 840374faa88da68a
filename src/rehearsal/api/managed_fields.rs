//! `metadata.managedFields`: who wrote which field. They are a third of a real object, and of no use to anybody here: they are
//! made from the object when it is answered.

use serde_json::{Map, Value, json};

use crate::json as fields;

/// Who writes a part of an object.
pub(crate) struct Manager {
    pub(crate) name: &'static str,
    pub(crate) subresource: &'static str,
    /// Pointers to what it writes; what does not begin with one of them is not its.
    pub(crate) writes: &'static [&'static str],
    /// What of that it does not write.
    pub(crate) but: &'static [&'static str],
}

/// Adds who wrote what. `typed` is a built-in kind, whose lists have keys.
pub(crate) fn add(object: &mut Value, managers: &[Manager], typed: bool) {
    let mut entries = fields::list(object, "/metadata/managedFields").to_vec();
    let time = object["metadata"]["creationTimestamp"].clone();
    for manager in managers {
        let mut written = set(object, "", manager, typed);
        // The object as a whole is nobody's.
        for part in ["f:metadata", "f:spec", "f:status"] {
            if (typed || part == "f:metadata")
                && let Some(part) = written.get_mut(part).and_then(Value::as_object_mut)
            {
                part.shift_remove(".");
            }
        }
        if written.as_object().is_none_or(|written| written.len() < 2) {
            continue;
        }
        if let Some(written) = written.as_object_mut() {
            written.shift_remove(".");
        }
        let mut entry = json!({"apiVersion": object["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": written, "manager": manager.name, "operation": "Update", "time": time});
        if !manager.subresource.is_empty() {
            fields::set(&mut entry, "/subresource", manager.subresource);
        }
        entries.push(entry);
    }
    fields::set(object, "/metadata/managedFields", entries);
}

/// Takes the entries of these managers away again.
pub(crate) fn remove(object: &mut Value, managers: &[Manager]) {
    let mut entries = fields::list(object, "/metadata/managedFields").to_vec();
    entries.retain(|entry| {
        !managers
            .iter()
            .any(|manager| manager.name == fields::text(entry, "/manager"))
    });
    if entries.is_empty() {
        fields::unset(object, "/metadata/managedFields");
    } else {
        fields::set(object, "/metadata/managedFields", entries);
    }
}

/// The set of fields below a value that a manager writes, as `FieldsV1`.
fn set(value: &Value, at: &str, manager: &Manager, typed: bool) -> Value {
    let mut found = Map::new();
    match value {
        Value::Object(all) => {
            for (field, value) in all {
                let place = format!("{at}/{}", fields::escape(field));
                let inside = manager.writes.iter().any(|writes| place.starts_with(writes));
                let above = manager.writes.iter().any(|writes| writes.starts_with(&place));
                if (inside || above) && !manager.but.contains(&place.as_str()) {
                    let below = set(value, &place, manager, typed);
                    if inside || below.as_object().is_some_and(|below| below.len() > 1) {
                        found.insert(format!("f:{field}"), below);
                    }
                }
            }
        }
        Value::Array(all) => {
            let list = at.rsplit('/').next().unwrap_or_default();
            for one in all {
                let key = match (list, typed) {
                    ("ownerReferences", _) => "uid",
                    ("finalizers", _) => {
                        found.insert(format!("v:{one}"), json!({}));
                        continue;
                    }
                    ("containers" | "initContainers" | "env" | "volumes", true) => "name",
                    ("volumeMounts", true) => "mountPath",
                    ("conditions", true) => "type",
                    ("podIPs", true) => "ip",
                    _ => return json!({}),
                };
                let place = format!("{at}/{}", fields::escape(fields::text(one, &format!("/{key}"))));
                if manager.but.contains(&place.as_str())
                    || !manager.writes.iter().any(|writes| place.starts_with(writes))
                {
                    continue;
                }
                let below = if list == "ownerReferences" {
                    json!({})
                } else {
                    set(one, &place, manager, typed)
                };
                found.insert(format!("k:{}", json!({key: one[key]})), below);
            }
        }
        _ => return json!({}),
    }
    if !found.is_empty() {
        found.insert(".".to_owned(), json!({}));
    }
    Value::Object(found)
}
