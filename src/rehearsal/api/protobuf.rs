//! The protobuf form of what kubectl's typed client sends in no other: access reviews (`kubectl auth can-i`), of which only the
//! question is read, and `kubectl create namespace`. Answers are JSON, which the same client accepts.

use serde_json::{Value, json};

use crate::json as fields;

/// What every Kubernetes protobuf body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Fields of `ResourceAttributes` by number.
const ATTRIBUTES: &[(u64, &str)] = &[
    (1, "namespace"),
    (2, "verb"),
    (3, "group"),
    (4, "version"),
    (5, "resource"),
    (6, "subresource"),
    (7, "name"),
];

/// Reads a review; nothing when the body is no protobuf.
pub(crate) fn review(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    // Unknown: 2 = the object itself; its 2 = spec.
    let object = field(envelope, 2).unwrap_or_default();
    let mut review = json!({});
    let Some(spec) = field(object, 2) else {
        return Some(review);
    };
    // Resource attributes, or the namespace of a rules review: a message inside is told from a text by whether it can
    // be read as one.
    if let Some(attributes) = field(spec, 1) {
        for (number, name) in ATTRIBUTES {
            if let Some(text) = field(attributes, *number).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                fields::set(&mut review, &format!("/spec/resourceAttributes/{name}"), text);
            }
        }
    }
    Some(review)
}

/// Reads a namespace of which no more is said than its name.
pub(crate) fn namespace(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    // Unknown: 1 = TypeMeta, whose 2 is the kind; 2 = the object, whose 1 is its metadata.
    if field(field(envelope, 1)?, 2)? != b"Namespace" {
        return None;
    }
    let metadata = field(field(envelope, 2)?, 1)?;
    // 11 = labels, 12 = annotations.
    if field(metadata, 11).is_some() || field(metadata, 12).is_some() {
        return None;
    }
    let name = std::str::from_utf8(field(metadata, 1)?).ok()?;
    Some(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

/// The bytes of a field with a length, the last one of that number.
fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let (mut rest, mut found) = (message, None);
    while !rest.is_empty() {
        let (key, after) = number(rest)?;
        rest = match key & 7 {
            0 => number(after)?.1,
            1 => after.get(8..)?,
            2 => {
                let (length, after) = number(after)?;
                let length = usize::try_from(length).ok()?;
                if key >> 3 == wanted {
                    found = Some(after.get(..length)?);
                }
                after.get(length..)?
            }
            5 => after.get(4..)?,
            _ => return None,
        };
    }
    found
}

/// A variable-length number and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    #[test]
    fn a_question_is_read() {
        let attributes = [
            text(1, b"default"),
            text(2, b"create"),
            text(5, b"pods"),
            text(6, b"attach"),
        ]
        .concat();
        let object = [text(1, b""), text(2, &text(1, &attributes))].concat();
        let body = [MAGIC, &text(1, &text(2, b"SelfSubjectAccessReview")), &text(2, &object)].concat();
        assert_eq!(
            review(&body).unwrap(),
            json!({"spec": {"resourceAttributes": {"namespace": "default", "verb": "create", "resource": "pods", "subresource": "attach"}}})
        );
    }

    #[test]
    fn a_namespace_is_read_whole_or_not_at_all() {
        let body = |kind: &[u8], metadata: &[u8]| {
            let object = text(2, &text(1, metadata));
            [MAGIC, &text(1, &text(2, kind)), &object].concat()
        };
        let named = text(1, b"vmchaos");
        let read = namespace(&body(b"Namespace", &named)).unwrap();
        assert_eq!(
            read,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vmchaos"}})
        );
        assert_eq!(namespace(&body(b"Secret", &named)), None);
        assert_eq!(namespace(&body(b"Namespace", &[named, text(11, b"")].concat())), None);
        assert_eq!(namespace(b"{}"), None);
    }

    #[test]
    fn what_is_cut_off_or_no_protobuf_is_not_read_wrongly() {
        assert_eq!(review(b"{}"), None);
        assert_eq!(review(b"k8s\0\x12\xff"), Some(json!({})));
    }
}
