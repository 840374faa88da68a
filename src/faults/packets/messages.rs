//! What the state machine of a fault on packets is told, and what it wants done.

use std::time::Duration;

use super::vm::{PodIndex, VmIndex};
use crate::cluster::events::Happened;
use crate::node::session::Heard;
use crate::node::wire::Word;
use crate::problem::Problem;
use crate::run::machine::Outside;
use crate::run::sweep::Swept;

/// What a VMI looks like now, to a run that has a fault on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VmiSeen {
    /// Finished, no longer there, or another guest under the same name.
    pub gone: bool,
    /// Being deleted: the guest may still run, and is not coming back.
    pub leaving: bool,
    pub node: Option<String>,
    /// Its resource version, where it was seen: larger is newer.
    pub version: Option<u64>,
}

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    Heard(PodIndex, Heard),
    Vmi(VmIndex, VmiSeen),
    /// The launcher that a debug pod has the VM's fault in is being deleted, or has ended.
    LauncherEnds(VmIndex, PodIndex),
    /// Answer to [`Action::Place`]: the pod opened on the new node, with the VM as its only one.
    Placed(VmIndex, String, Result<PodIndex, Problem>),
    /// Answer to [`Action::Verify`]: what was found and is gone now, or what is left.
    Verified(VmIndex, usize, Result<Swept, String>),
    /// The debug pods cannot be watched: nothing that depends on it is begun, and what is there is rolled back.
    Blind(Problem),
    Outside(Outside),
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Say(PodIndex, Word),
    /// Let go of a session that has not begun its dialogue.
    Close(PodIndex),
    /// Find the VM's launcher on this node and open a session there, for the remaining time.
    Place {
        vm: VmIndex,
        node: String,
        remaining: Duration,
    },
    /// Read the VMI now: its launcher is gone, or on its way out.
    Recheck(VmIndex),
    /// Look into the VM's network namespace with a fresh agent: nobody could say what is left there.
    Verify {
        vm: VmIndex,
        placement: usize,
    },
    /// The VM's state has changed.
    Show(VmIndex),
    /// Say it where the VMI's owner looks: as an Event.
    Tell(VmIndex, Happened),
}
