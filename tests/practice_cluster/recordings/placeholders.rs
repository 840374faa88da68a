//! What stands for that which is another one in every run: `tests/cluster/placeholders.go` has the same kinds.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

/// Name, pattern, and whether one is told from another.
const KINDS: [(&str, &str, bool); 15] = [
    (
        "TIME",
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)",
        false,
    ),
    (
        "UID",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        true,
    ),
    ("HASH", r"\b[0-9a-f]{64}\b", false),
    ("MAC", r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", true),
    ("IP", r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", true),
    ("IP6", r"\bf[de][0-9a-f]{2}:[0-9a-f:]+", true),
    ("NODE", r"\bnode-\d+\b", true),
    ("REGISTRY", r"quay\.io/kubevirt\b", false),
    ("LAUNCHER", r"\bvirt-launcher-GUEST-[a-z0-9]{5}\b", true),
    ("EVACUATION", r"\bkubevirt-evacuation-[a-z0-9]{5}\b", true),
    ("VERSION", r"\bv1\.\d+\.\d+\b", false),
    // Drawn by KubeVirt.
    ("SECONDS", r"^\d{3}s$", false),
    // How often a kubelet tells which containers have come so far is a matter of time.
    (
        "CONTAINERS",
        r"\[(guest-console-log|container-disk-binary|compute|volume)[a-z -]*\]",
        false,
    ),
    ("PORTS", r"\b\d{5},\d{5}\b", false),
    ("EVENT", r"\b[0-9a-f]{16}$", false),
];

/// What was replaced so far.
pub(super) struct Placeholders {
    guest: String,
    kinds: Vec<(&'static str, Regex, bool)>,
    seen: HashMap<&'static str, HashMap<String, usize>>,
}

impl Placeholders {
    pub(super) fn new(guest: &str) -> Self {
        Self {
            guest: guest.to_owned(),
            kinds: KINDS
                .map(|(name, pattern, numbered)| (name, Regex::new(pattern).unwrap(), numbered))
                .into(),
            seen: HashMap::new(),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.guest, "GUEST");
        for (name, pattern, numbered) in &self.kinds {
            let seen = self.seen.entry(name).or_default();
            text = pattern
                .replace_all(&text, |found: &regex::Captures<'_>| {
                    let next = seen.len() + 1;
                    let number = *seen.entry(found[0].to_owned()).or_insert(next);
                    if *numbered {
                        format!("{name}-{number}")
                    } else {
                        (*name).to_owned()
                    }
                })
                .into_owned();
        }
        text
    }

    /// An object's fields are read in the order of their names, so that numbers do not depend on how it was written.
    pub(super) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(all) => all.iter().map(|one| self.value(one)).collect(),
            Value::Object(fields) => {
                let mut names: Vec<_> = fields.keys().collect();
                names.sort();
                let replaced = names
                    .into_iter()
                    .map(|name| (self.text(name), self.value(&fields[name])));
                Value::Object(replaced.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}
