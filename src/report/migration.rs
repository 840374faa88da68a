//! A live migration in the document of its run.

use std::borrow::Cow;

use serde::Serialize;

use super::{ExitCode, Seconds, Time};

/// A round of migrations to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledRound {
    /// From 1.
    pub round: u64,
    /// From the end of the round before.
    pub after_seconds: Seconds,
    /// `namespace/name` of each.
    pub vmis: Vec<String>,
}

/// One live migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// `namespace/name`.
    pub vmi: String,
    /// Absent where the server took none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    pub phases: Vec<Phase>,
    /// e.g. `PreCopy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// [`Migration::SUCCEEDED`], [`Migration::CANCELLED`], [`Migration::UNKNOWN`], or e.g. `failed`, `timeout`.
    pub result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
}

/// A phase of a migration and when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phase {
    pub phase: Cow<'static, str>,
    pub at: Time,
    /// How long it was in it; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Seconds>,
}

// === impl Migration ===

impl Migration {
    pub const SUCCEEDED: &'static str = "succeeded";
    /// By a signal or somebody's `halt`: the VM is where it was.
    pub const CANCELLED: &'static str = "cancelled";
    /// Its end was not seen: it may still be under way.
    pub const UNKNOWN: &'static str = "unknown";

    /// A failure counts also when the VM moved in a later round.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.result.as_str() {
            Self::SUCCEEDED => ExitCode::Done,
            Self::CANCELLED => ExitCode::Failed,
            _ => ExitCode::Unrecovered,
        }
    }

    /// From the creation of the migration object to its end.
    pub fn took(&self) -> Option<Seconds> {
        let span = self.ended_at?.0.duration_since(self.created_at.0);
        Some(Seconds(span.unsigned_abs()))
    }

    /// How long it was in each phase, e.g. `Pending 0.1s, Running 2.5s`.
    pub(super) fn phase_times(&self) -> String {
        let lasting = self
            .phases
            .iter()
            .filter_map(|phase| Some((&phase.phase, phase.seconds?)));
        let words: Vec<String> = lasting.map(|(phase, seconds)| format!("{phase} {seconds}")).collect();
        words.join(", ")
    }
}
