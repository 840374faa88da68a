//! What happened to one VMI of a run.

use serde::Serialize;
use serde_json::Value;

use super::{ExitCode, ProbeReport, RecoveryReport, RecoveryStep, Seconds, Time};
use crate::problem::Problem;

/// One VMI of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct TargetReport {
    pub namespace: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The launcher pod the VMI ran in when the run was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<InterfaceReport>,
    /// Nodes it could be migrated to when the run was planned, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<String>>,
    /// Absent in a dry run, and until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<TargetState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_by: Option<RecoveredBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<Verified>,
    /// One a kind that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Event>,
    pub error: Option<Problem>,
}

/// An interface the fault was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceReport {
    pub network: String,
    /// The tap; empty, and then absent, where no fault reaches the interface.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    pub binding: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetState {
    /// The fault was there and is verified gone.
    Restored,
    /// It came back after an outage.
    Recovered,
    Migrated,
    /// The fault is there and ends by itself.
    Detached,
    /// The guest, or its network namespace, ended under the fault.
    Gone,
    Failed,
    Leaked,
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    Deadline,
    /// The command rolled it back on its own account, as when another VM of a serial run failed.
    Operator,
    Signal,
    LostOperator,
    Migration,
    /// Somebody's `halt` or `cleanup`.
    Cleanup,
    Gone,
    Error,
}

/// Who brought a VMI back after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecoveredBy {
    Platform,
    #[serde(rename = "vmchaos")]
    VmChaos,
}

/// A migration to another node under the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    pub at: Time,
    pub from: String,
    pub to: String,
    /// How long the VM was without the fault; absent when it was not put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_seconds: Option<Seconds>,
}

/// A fault on one device, as asked for and as the kernel told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    pub device: String,
    /// `tc` or `nft`.
    pub engine: String,
    pub asked: String,
    pub read: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// What somebody else changed there meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by_others: Option<String>,
}

/// A step of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    pub at: Time,
    /// A short word, e.g. `injected`, or a word and what it is about.
    pub event: String,
    /// Which step of a recovery it is, for the tables.
    #[serde(skip)]
    pub recovery: Option<RecoveryStep>,
}

// === impl TargetReport ===

impl TargetReport {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Adds a step to the timeline.
    pub fn event_at(&mut self, at: Time, event: impl Into<String>) {
        self.timeline.push(Event {
            at,
            event: event.into(),
            recovery: None,
        });
    }

    /// Ends as failed; a state set before, such as leaked, stays.
    pub fn fail(&mut self, error: Problem) {
        self.state.get_or_insert(TargetState::Failed);
        self.ended_by.get_or_insert(EndedBy::Error);
        self.error = Some(error);
    }

    /// What this target alone would end the command with.
    pub fn exit_code(&self) -> ExitCode {
        use TargetState as S;
        let ended_early = self
            .ended_by
            .is_some_and(|by| !matches!(by, EndedBy::Deadline | EndedBy::Operator | EndedBy::Signal));
        match self.state {
            Some(S::Leaked) => ExitCode::Leaked,
            _ if self.is_unrecovered() => ExitCode::Unrecovered,
            Some(S::Failed | S::Gone) => ExitCode::Failed,
            // Also where it ended before it was in place.
            Some(S::Restored | S::Skipped) if ended_early => ExitCode::Failed,
            None if self.error.is_some() => ExitCode::Refused,
            _ => ExitCode::Done,
        }
    }

    /// The fault was as asked, but the VM did not come back, or did not move, in time; or it was to come back by itself and
    /// needed us.
    fn is_unrecovered(&self) -> bool {
        matches!(self.state, Some(TargetState::Failed | TargetState::Recovered))
            && self.error.as_ref().is_some_and(|error| error.reason.is_unrecovered())
    }
}

impl TargetState {
    pub fn word(self) -> String {
        word(self)
    }
}

impl EndedBy {
    pub fn word(self) -> String {
        word(self)
    }
}

impl RecoveredBy {
    pub fn word(self) -> String {
        word(self)
    }
}

/// A unit variant as it stands in the document; tables and documents must never disagree.
pub(super) fn word<T: Serialize>(variant: T) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
