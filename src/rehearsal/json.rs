//! Short hands for reading and writing JSON objects whose shape is Kubernetes': a missing field reads as empty, a
//! written field makes its parents.

use serde_json::{Map, Value};

/// The text at a JSON pointer, empty when it is missing or no text.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer, empty when it is missing.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether the field is there and neither null nor empty.
pub(crate) fn present(object: &Value, pointer: &str) -> bool {
    match object.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::String(words)) => !words.is_empty(),
        Some(_) => true,
    }
}

/// Writes a field by its JSON pointer and makes the objects on the way.
pub(crate) fn set(object: &mut Value, pointer: &str, value: impl Into<Value>) {
    let mut here = object;
    let mut steps = pointer.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        let key = step.replace("~1", "/").replace("~0", "~");
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Some(fields) = here.as_object_mut() else { return };
        if steps.peek().is_none() {
            fields.insert(key, value.into());
            return;
        }
        here = fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
}

/// Takes a field away by its JSON pointer; nothing happens when it is not there.
pub(crate) fn unset(object: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    object.pointer_mut(parent)?.as_object_mut()?.shift_remove(&key)
}

/// One step of a JSON pointer, escaped (label and annotation keys hold slashes).
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_written_field_makes_its_parents_and_keys_may_hold_slashes() {
        let mut object = json!({});
        set(
            &mut object,
            &format!("/metadata/labels/{}", escape("kubevirt.io/nodeName")),
            "node-1",
        );
        assert_eq!(
            object,
            json!({"metadata": {"labels": {"kubevirt.io/nodeName": "node-1"}}})
        );
        assert_eq!(
            unset(&mut object, "/metadata/labels/kubevirt.io~1nodeName"),
            Some(json!("node-1"))
        );
        assert!(!present(&object, "/metadata/labels"));
        assert_eq!(text(&object, "/metadata/name"), "");
    }
}
