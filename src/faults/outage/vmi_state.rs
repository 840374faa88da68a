//! A VMI as the last event of the watch showed it.

use crate::cluster::VirtualMachineInstance;

/// What matters of a VMI for its recovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct VmiState {
    pub uid: String,
    pub name: String,
    pub node: String,
    /// UID of what controls it.
    pub owner: Option<String>,
    pub phase: String,
    pub leaving: bool,
    pub paused: bool,
    pub ready: bool,
    pub agent: bool,
}

// === impl VmiState ===

impl VmiState {
    pub(crate) fn of(vmi: &VirtualMachineInstance) -> Self {
        let owners = vmi.metadata.owner_references.iter().flatten();
        Self {
            uid: vmi.uid().to_owned(),
            name: vmi.name().to_owned(),
            node: crate::escape::escape(&vmi.status.node_name),
            owner: owners
                .filter(|owner| owner.controller == Some(true))
                .map(|owner| owner.uid.clone())
                .next(),
            phase: crate::escape::escape(&vmi.status.phase),
            leaving: vmi.is_being_deleted(),
            paused: vmi.is_paused(),
            ready: vmi.is("Ready"),
            agent: vmi.is("AgentConnected"),
        }
    }

    /// Succeeded or Failed: this guest does not come back.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Scheduled or past it.
    pub(crate) fn is_scheduled(&self) -> bool {
        matches!(self.phase.as_str(), "Scheduled" | "Running")
    }

    pub(crate) fn is_running(&self) -> bool {
        self.phase == "Running"
    }
}
