//! What came of halting runs: as lists show it, and what may still be in place.

use crate::cluster::Cluster;
use crate::report::RunItem;
use crate::traces::halt::Halted;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) items: Vec<RunItem>,
    /// What may still be in place, and the command that takes it away.
    pub(super) left: Vec<(String, String)>,
}

impl Outcome {
    pub(super) fn of(cluster: &Cluster, halted: Vec<Halted>) -> Self {
        let items = halted.iter().map(Halted::item).collect();
        let left = halted.into_iter().flat_map(|halted| halted.left);
        let left = left.map(|left| (left.what, cluster.again(left.hint).into()));
        Self {
            items,
            left: left.collect(),
        }
    }
}
