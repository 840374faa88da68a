//! Events have two APIs over one set of objects, with other names for the same fields. They are kept in the words of
//! the older one.

use serde_json::{Value, json};

use crate::json as fields;

/// Older name, newer name.
static NAMES: &[Pair] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// An event of the newer API in the older one's words.
pub(crate) fn inward(event: &Value) -> Value {
    rename(event, "v1", |(old, new)| (*new, *old))
}

/// An event in the newer API's words.
pub(crate) fn outward(event: &Value) -> Value {
    rename(event, "events.k8s.io/v1", |(old, new)| (*old, *new))
}

type Pair = (&'static str, &'static str);

/// Renames the fields; `order` says which of a pair is the old name and which the new one.
fn rename(event: &Value, api_version: &str, order: fn(&'static Pair) -> Pair) -> Value {
    let mut out = json!({"kind": "Event", "apiVersion": api_version});
    for (key, value) in event.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "kind" | "apiVersion") {
            let name = NAMES
                .iter()
                .map(order)
                .find(|(from, _)| from == key)
                .map_or(key.as_str(), |(_, to)| to);
            fields::set(&mut out, &format!("/{name}"), value.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same() {
        let new = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {"name": "x"}, "regarding": {"name": "web-1"}, "note": "hello", "reason": "VMChaosInjected", "reportingController": "kubectl-vmchaos"});
        let old = inward(&new);
        assert_eq!(
            (
                fields::text(&old, "/message"),
                fields::text(&old, "/involvedObject/name"),
                fields::text(&old, "/reportingComponent")
            ),
            ("hello", "web-1", "kubectl-vmchaos")
        );
        assert_eq!(outward(&old), new);
    }
}
