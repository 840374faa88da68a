//! A live migration in the document of its run.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

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
    pub result: MigrationResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationResult {
    Succeeded,
    Failed,
    /// Not over in time, and cancelled.
    Timeout,
    /// By a signal or somebody's `halt`: the VM is where it was.
    Cancelled,
    /// Its end was not seen: it may still be under way.
    Unknown,
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

// === impl MigrationResult ===

impl fmt::Display for MigrationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        })
    }
}

impl Serialize for MigrationResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Migration ===

impl Migration {
    /// A failure counts also when the VM moved in a later round.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.result {
            MigrationResult::Succeeded => ExitCode::Done,
            MigrationResult::Cancelled => ExitCode::Failed,
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
