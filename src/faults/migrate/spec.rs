//! What `migrate` was asked for, and a VM that can be moved.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::Serializer;

use crate::fault::Time;

/// How long a run of migrations goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Until every VM of the pool had its turn.
    Once,
    Rounds(u32),
    /// Until it is interrupted.
    Endless,
    /// No round begins later than this after the first.
    For(Time),
}

/// Where the VMs are to go; with nothing set it is the scheduler's choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destination {
    pub node: Option<String>,
    /// Labels of the node.
    pub selector: BTreeMap<String, String>,
}

/// Live migrations as asked for: the part of a run that its document shows as `fault`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateSpec {
    pub extent: Extent,
    /// VMs a round, all at once.
    pub parallel: u32,
    /// From the end of a round to the next, drawn between the two; `None` is no pause.
    pub interval: Option<(Time, Time)>,
    /// From the creation of a migration object to its end.
    pub timeout: Time,
    pub destination: Destination,
}

/// A VMI that can be migrated, as found last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Eligible {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub node: String,
    /// Nodes that could take it, sorted; `None` when nodes may not be listed.
    pub to: Option<Vec<String>>,
}

// === impl ===

impl Destination {
    /// Whether the scheduler is told anything.
    pub fn is_asked(&self) -> bool {
        self.node.is_some() || !self.selector.is_empty()
    }

    /// `kubernetes.io/os=linux,zone=a`
    pub fn selector_text(&self) -> String {
        let pairs: Vec<String> = self
            .selector
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join(",")
    }
}

impl Eligible {
    /// `namespace/name`, as it is shown everywhere.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// One flat object: the flags with canonical values.
impl Serialize for MigrateSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Flat<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            rounds: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            duration: Option<String>,
            parallel: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            interval_min: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            interval_max: Option<Time>,
            timeout: Time,
            #[serde(skip_serializing_if = "Option::is_none")]
            to_node: Option<&'a str>,
            #[serde(skip_serializing_if = "String::is_empty")]
            node_selector: String,
        }
        let (rounds, duration) = match self.extent {
            Extent::Once => (None, None),
            Extent::Rounds(rounds) => (Some(rounds), None),
            Extent::Endless => (Some(0), None),
            Extent::For(time) => (None, Some(time)),
        };
        Flat {
            rounds,
            duration: duration.map(Time::in_seconds),
            parallel: self.parallel,
            interval_min: self.interval.map(|(min, _)| min),
            interval_max: self.interval.map(|(_, max)| max),
            timeout: self.timeout,
            to_node: self.destination.node.as_deref(),
            node_selector: self.destination.selector_text(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_one_flat_object_with_units() {
        let mut spec = MigrateSpec {
            extent: Extent::Rounds(3),
            parallel: 2,
            interval: Some((Time::from_millis(120_000), Time::from_millis(600_000))),
            timeout: Time::from_millis(300_000),
            destination: Destination {
                node: None,
                selector: [("zone".to_owned(), "a".to_owned())].into(),
            },
        };
        let expected = serde_json::json!({
            "rounds": 3, "parallel": 2, "intervalMin": "120s", "intervalMax": "600s", "timeout": "300s",
            "nodeSelector": "zone=a",
        });
        assert_eq!(serde_json::to_value(&spec).unwrap(), expected);
        spec.extent = Extent::For(Time::from_millis(60_000));
        assert_eq!(serde_json::to_value(&spec).unwrap()["duration"], "60s");
    }
}
