//! What the state machine of a run of outages is told, and what it wants done.

use super::VmiState;
use super::vm::{Done, Effect};
use crate::cluster::events::Happened;
use crate::cluster::watch::Change;
use crate::problem::Problem;
use crate::run::machine::Outside;

/// Position in the plan.
pub(crate) type VmIndex = usize;

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// To the VMIs that an outage watches.
    Change(VmIndex, Change<VmiState>),
    /// They cannot be watched any more.
    Blind(VmIndex, Problem),
    /// Answer to [`Action::Do`].
    Done(VmIndex, Done),
    Outside(Outside),
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

/// What the engine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Watch the VMIs of this outage, until [`Action::Leave`].
    Watch(VmIndex),
    Leave(VmIndex),
    Do(VmIndex, Effect),
    /// Its state has changed.
    Show(VmIndex),
    /// Leave an Event on its VMI.
    Tell(VmIndex, Happened),
}
