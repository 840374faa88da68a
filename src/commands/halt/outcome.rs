//! What came of halting runs: as lists show it, and what may still be in place.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::problem::Problem;
use crate::report::RunItem;
use crate::traces::TraceKind;
use crate::traces::halt::Halted;

/// Said before whatever may still be in place.
pub(super) const LEFT: &str = "something may still be in place";

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) items: Vec<RunItem>,
    /// What may still be in place, and the command that takes it away.
    pub(super) left: Vec<Problem>,
    /// Runs, and VMIs as `namespace/name`, of which it was proven that nothing of the run is left in the VM.
    pub(super) proven: BTreeSet<(String, String)>,
}

impl Outcome {
    pub(super) fn of(cluster: &Cluster, halted: Vec<Halted>) -> Self {
        let is_proven = |halted: &&Halted| halted.trace.kind() == TraceKind::Pods && halted.left.is_empty();
        let proven = halted.iter().filter(is_proven).map(|halted| &halted.trace);
        let vms = proven.flat_map(|trace| trace.vms().into_iter().map(|vmi| (trace.run().to_owned(), vmi)));
        let proven = vms.collect();
        let items = halted.iter().map(Halted::item).collect();
        let left = halted.into_iter().flat_map(|halted| halted.left);
        let left = left.map(|mut left| {
            left.hint = left.hint.map(|hint| cluster.lead(hint));
            left.context(LEFT)
        });
        Self {
            items,
            proven,
            left: left.collect(),
        }
    }
}
