//! The words of an outage's way: where it is, what is to be done, what came of it, when.

use crate::faults::outage::recovery::Help;
use crate::problem::Problem;
use crate::run::machine::Moment;

/// What is to be done for a VMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The way back, where there is one, and then the outage itself.
    Act,
    /// What was changed is put back.
    Undo,
    Help(Help),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    Acted,
    /// The server may have done it, or not.
    Uncertain(Problem),
    /// Nothing was done; whether the way back was written, and has to be taken off.
    Refused {
        problem: Problem,
        marked: bool,
    },
    /// A signal came first, and nothing was done; `marked` as above.
    NotBegun {
        marked: bool,
    },
    Undone,
    /// Somebody else has changed it meanwhile, or it could not be done.
    NotUndone(Problem),
    Helped(Help),
    /// Somebody, or the platform, was faster.
    NotNeeded,
    NotHelped(Problem),
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its turn has not come.
    Waiting,
    /// Its VMI has not been seen yet.
    Looking,
    /// The request is under way, or the old guest is.
    Acting,
    /// The guest is gone, or frozen, and nothing is done about it.
    Down,
    Undoing,
    Helping,
    /// It is waited for what we, or the platform, began.
    Returning,
    Over(Outcome),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is back; the problem is that the platform was to do it and did not.
    Recovered(Option<Problem>),
    /// Nothing was done to it.
    Skipped,
    /// Nothing of ours is in place.
    Failed(Problem),
    /// Something of ours may be.
    Leaked(Problem),
}

/// When each thing was first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub acted: Option<Moment>,
    /// The old guest is gone, frozen or reset.
    pub gone: Option<Moment>,
    /// What was changed is being put back.
    pub undone: Option<Moment>,
    pub helped: Option<Moment>,
    pub scheduled: Option<Moment>,
    pub running: Option<Moment>,
    pub ready: Option<Moment>,
    pub agent: Option<Moment>,
    pub recovered: Option<Moment>,
}

// === impl Times ===

impl Times {
    /// The words of what was seen of the guest so far, in the order of a recovery.
    pub(crate) fn seen(&self) -> Vec<&'static str> {
        let all = [
            (self.gone, "gone"),
            (self.scheduled, "scheduled"),
            (self.running, "running"),
            (self.ready, "ready"),
            (self.agent, "agent"),
        ];
        all.into_iter()
            .filter_map(|(moment, word)| moment.map(|_| word))
            .collect()
    }
}
