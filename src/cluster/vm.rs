//! The part of a `VirtualMachine` that is read: what keeps its VMI running, and how it stands.

use kube::api::ObjectMeta;
use serde::Deserialize;

use super::crd::kubevirt_kind;
use super::nullable::nullable;
use super::vmi::{Condition, VmiSpec};
use crate::fault::RunField;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct VirtualMachine {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: VmSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: VmStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmSpec {
    /// `Always`, `RerunOnFailure`, `Once`, `Manual`, `Halted`, `WaitAsReceiver`
    pub run_strategy: Option<String>,
    /// The deprecated form; excludes `runStrategy`.
    pub running: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub template: Template,
}

/// What its VMIs are made from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    #[serde(deserialize_with = "nullable")]
    pub spec: VmiSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmStatus {
    /// `Running`, `Stopped`, `Starting`, `CrashLoopBackOff` …
    pub printable_status: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub ready: bool,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
}

kubevirt_kind!(VirtualMachine, "VirtualMachine", "virtualmachines");

// === impl VirtualMachine ===

impl VirtualMachine {
    /// The field that says whether it runs.
    pub fn run_field(&self) -> RunField {
        match (&self.spec.run_strategy, self.spec.running) {
            (Some(strategy), _) => RunField::RunStrategy(strategy.clone()),
            (None, Some(running)) => RunField::Running(running),
            (None, None) => RunField::Neither,
        }
    }

    /// As `kubectl get vm` shows it; `Unknown` before KubeVirt has looked at it.
    pub fn printable_status(&self) -> &str {
        self.status
            .printable_status
            .as_deref()
            .filter(|status| !status.is_empty())
            .unwrap_or("Unknown")
    }
}

#[cfg(test)]
mod tests {
    use super::VirtualMachine;
    use serde_json::json;

    fn vm(spec: &serde_json::Value) -> VirtualMachine {
        serde_json::from_value(json!({ "metadata": { "name": "a" }, "spec": spec, "status": null })).unwrap()
    }

    #[test]
    fn the_old_and_the_new_field_say_the_same() {
        assert_eq!(vm(&json!({ "runStrategy": "Manual" })).run_field().in_force(), "Manual");
        assert_eq!(vm(&json!({ "running": true })).run_field().in_force(), "Always");
        assert_eq!(vm(&json!({ "running": false })).run_field().in_force(), "Halted");
        assert_eq!(vm(&json!(null)).run_field().in_force(), "Halted");
    }

    #[test]
    fn the_example_of_kubevirt_1_9_is_read() {
        let vm: VirtualMachine =
            serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vm.json")).unwrap();
        assert_eq!(vm.metadata.name.as_deref(), Some("testvm"));
        assert_eq!(vm.run_field().in_force(), "Always");
    }
}
