//! What has become of a run, as lists and plans say it.

use std::fmt;

use serde::{Serialize, Serializer};

/// The state of a run that somebody has, or had, in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunState {
    /// Its debug pods do not run yet.
    Starting,
    Running,
    /// Its fault is in place, as its Events say.
    Injected,
    /// Nobody watches it; its node ends it.
    Detached,
    Ending,
    /// Its next round is still to come.
    Waiting,
    /// What it changed is there after its end.
    Overdue,
    Finished,
    /// Its debug pod never ran.
    Failed,
    /// Not there any more, in a list that is watched.
    Gone,
    /// Something may still be in place.
    Leaked,
    /// Its debug pod ended without a word on what is in place.
    Unproven,
    /// It was found where this program makes no debug pods.
    NotCounted,
    /// What is there says too little.
    #[default]
    Unknown,
}

// === impl RunState ===

impl RunState {
    /// Its word in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Injected => "injected",
            Self::Detached => "detached",
            Self::Ending => "ending",
            Self::Waiting => "waiting",
            Self::Overdue => "overdue",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Leaked => "leaked",
            Self::Unproven => "unproven",
            Self::NotCounted => "not-counted",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for RunState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}
