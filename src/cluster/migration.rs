//! The part of a `VirtualMachineInstanceMigration` that is read.

use jiff::Timestamp;
use kube::api::ObjectMeta;
use serde::Deserialize;

use super::kind::kubevirt_kind;
use super::nullable::nullable;
use super::vmi::{Condition, MigrationState};

#[derive(Debug, Clone, Default, Deserialize)]
pub struct VirtualMachineInstanceMigration {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: MigrationSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: MigrationStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationSpec {
    #[serde(deserialize_with = "nullable")]
    pub vmi_name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationStatus {
    /// Empty, `Pending`, `Scheduling`, `Scheduled`, `PreparingTarget`, `TargetReady`, `Running`, `Succeeded`, `Failed`;
    /// a watch may miss the fast ones.
    #[serde(deserialize_with = "nullable")]
    pub phase: String,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
    #[serde(deserialize_with = "nullable")]
    pub phase_transition_timestamps: Vec<PhaseTransition>,
    /// Complete once the phase is final; before that mostly the source pod alone.
    pub migration_state: Option<MigrationState>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTransition {
    #[serde(default, deserialize_with = "nullable")]
    pub phase: String,
    #[serde(default)]
    pub phase_transition_timestamp: Option<Timestamp>,
}

kubevirt_kind!(
    VirtualMachineInstanceMigration,
    "VirtualMachineInstanceMigration",
    "virtualmachineinstancemigrations"
);

// === impl VirtualMachineInstanceMigration ===

impl VirtualMachineInstanceMigration {
    pub fn is_final(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }
}

#[cfg(test)]
mod tests {
    use super::VirtualMachineInstanceMigration;

    fn read(text: &str) -> VirtualMachineInstanceMigration {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_examples_of_kubevirt_1_9_are_read() {
        let pending = read(include_str!("../../tests/fixtures/kubevirt-1.9/vmim-pending.json"));
        assert_eq!((pending.status.phase.as_str(), pending.is_final()), ("Pending", false));
        let done = read(include_str!("../../tests/fixtures/kubevirt-1.9/vmim-succeeded.json"));
        assert_eq!((done.spec.vmi_name.as_str(), done.is_final()), ("testvm", true));
        let state = done.status.migration_state.unwrap();
        assert!(state.completed && !state.failed && state.end_timestamp.is_some());
        assert!(
            done.status
                .phase_transition_timestamps
                .iter()
                .any(|entry| entry.phase == "Running")
        );
    }
}
