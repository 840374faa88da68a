//! What a plan comes to, in short: what the guards judge.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a plan comes to, whichever fault it is of.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The fault's command, e.g. `netem`.
    pub fault: &'static str,
    pub vms: Vec<Place>,
    /// VMIs that match and can take the fault.
    pub matched: usize,
    pub lasts: Lasts,
    /// What is typed to say that this cluster is meant: the context's name, where there is one.
    pub typed_name: String,
    /// What the cluster goes by: names of the context and the cluster, URL of the API server.
    pub goes_by: Vec<String>,
    /// VMs that lose data with it.
    pub losing: Vec<Place>,
}

/// A VMI and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub namespace: String,
    pub name: String,
    pub node: String,
}

/// For how long a fault was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lasts {
    /// It is over at once, or as soon as the platform lets it be.
    #[default]
    Moment,
    For(Duration),
    /// So many rounds, with pauses of up to this between them all in all.
    Pauses(Duration),
    Endless,
}

// === impl Place ===

impl Place {
    /// `namespace/name`
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

// === impl Facts ===

impl Facts {
    /// How many of its VMs are in each namespace, or on each node.
    pub(super) fn by(&self, of: fn(&Place) -> &String) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for place in &self.vms {
            *counts.entry(of(place).as_str()).or_default() += 1;
        }
        counts
    }
}
