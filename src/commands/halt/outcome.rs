//! What came of halting runs: as lists show it, and what may still be in place.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::report::RunItem;
use crate::traces::TraceKind;
use crate::traces::halt::Halted;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) items: Vec<RunItem>,
    /// What may still be in place, and the command that takes it away.
    pub(super) left: Vec<(String, String)>,
    /// Runs of which it was proven that nothing is left in any VM.
    pub(super) proven: BTreeSet<String>,
}

impl Outcome {
    pub(super) fn of(cluster: &Cluster, halted: Vec<Halted>) -> Self {
        let is_proven = |halted: &&Halted| halted.trace.kind() == TraceKind::Pods && halted.left.is_empty();
        let proven = halted
            .iter()
            .filter(is_proven)
            .map(|halted| halted.trace.run().to_owned());
        let proven = proven.collect();
        let items = halted.iter().map(Halted::item).collect();
        let left = halted.into_iter().flat_map(|halted| halted.left);
        let left = left.map(|left| (left.what, cluster.again(left.hint).into()));
        Self {
            items,
            proven,
            left: left.collect(),
        }
    }
}
