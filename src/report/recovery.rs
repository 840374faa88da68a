//! What was to bring a VMI back after an outage, and what came back.

use serde::Serialize;

use super::RecoveredBy;

/// What is known of a VMI's recovery, from the plan on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryReport {
    /// Who was expected to bring it back; absent for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<RecoveredBy>,
    /// Why that was expected.
    pub why: String,
    /// Kind and name of what keeps it running, e.g. `VirtualMachine web-1`; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The run strategy in force before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_strategy: Option<String>,
    /// The file in which the VMI's manifest is kept.
    pub manifest: String,
    /// Volumes whose data does not outlast the guest, with their kinds, e.g. `root (containerDisk)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loses: Vec<String>,
    /// The command that brings it back, or undoes what was changed, should this one be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Name and UID of the VMI that came back, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_uid: Option<String>,
}

/// What is seen of a VMI that goes and comes back, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryStep {
    /// The API server took what ends it.
    Accepted,
    Gone,
    Scheduled,
    Running,
    Ready,
    /// The guest's agent answers.
    Agent,
}

// === impl RecoveryReport ===

impl RecoveryReport {
    /// In a sentence; `by` is who really did it.
    pub fn words(&self, by: Option<RecoveredBy>) -> String {
        let expected = match self.predicted {
            Some(RecoveredBy::Platform) => "expected by itself",
            Some(RecoveredBy::VmChaos) => "expected by this command",
            None => "not expected",
        };
        let mut words = format!("recovery {expected}: {}", self.why);
        match by {
            Some(RecoveredBy::Platform) => words.push_str("; it came back by itself"),
            Some(RecoveredBy::VmChaos) => words.push_str("; this command brought it back"),
            None => {}
        }
        if let Some(name) = self.new_name.as_ref().filter(|_| by.is_some()) {
            words.push_str(" as ");
            words.push_str(name);
        }
        words
    }
}
