//! The part of a `VirtualMachineInstance` that is read; everything else in it is ignored.
//!
//! Written by hand against KubeVirt 0.58 to 1.9: every field may be absent or `null`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Affinity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;
use serde::Deserialize;

use super::crd::kubevirt_kind;
use super::nullable::nullable;
use super::volume::Volume;

/// Label that a VMI carries while it migrates, and afterwards: the node of its last target.
pub(crate) const MIGRATION_TARGET: &str = "kubevirt.io/migrationTargetNodeName";

#[derive(Debug, Clone, Default, Deserialize)]
pub struct VirtualMachineInstance {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: VmiSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: VmiStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmiSpec {
    #[serde(deserialize_with = "nullable")]
    pub domain: Domain,
    #[serde(deserialize_with = "nullable")]
    pub networks: Vec<Network>,
    #[serde(deserialize_with = "nullable")]
    pub volumes: Vec<Volume>,
    pub liveness_probe: Option<VmiProbe>,
    pub readiness_probe: Option<VmiProbe>,
    /// Seconds a clean shutdown may take.
    pub termination_grace_period_seconds: Option<i64>,
    pub eviction_strategy: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub node_selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub tolerations: Vec<Toleration>,
    pub affinity: Option<Affinity>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// Empty with `Exists` is every taint.
    #[serde(deserialize_with = "nullable")]
    pub key: String,
    /// `Exists`, or `Equal`, which is also what empty means.
    #[serde(deserialize_with = "nullable")]
    pub operator: String,
    #[serde(deserialize_with = "nullable")]
    pub value: String,
    /// Empty is every effect.
    #[serde(deserialize_with = "nullable")]
    pub effect: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Domain {
    #[serde(deserialize_with = "nullable")]
    pub devices: Devices,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Devices {
    #[serde(deserialize_with = "nullable")]
    pub interfaces: Vec<InterfaceSpec>,
}

/// `spec.domain.devices.interfaces[]`; exactly one of the binding keys is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterfaceSpec {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    pub bridge: Option<Empty>,
    pub masquerade: Option<Empty>,
    pub sriov: Option<Empty>,
    pub passt_binding: Option<Empty>,
    pub passt: Option<Empty>,
    pub slirp: Option<Empty>,
    pub macvtap: Option<Empty>,
    pub binding: Option<PluginBinding>,
    /// `up`, `down`, `absent`
    pub state: Option<String>,
}

/// An object whose presence is all that matters.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Empty {}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PluginBinding {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Network {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    pub pod: Option<Empty>,
    pub multus: Option<Multus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Multus {
    #[serde(deserialize_with = "nullable")]
    pub default: bool,
}

/// A liveness or readiness probe, as far as it crosses the VM's network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmiProbe {
    pub tcp_socket: Option<TcpSocket>,
    pub http_get: Option<HttpGet>,
    pub period_seconds: Option<u32>,
    pub timeout_seconds: Option<u32>,
    pub failure_threshold: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct TcpSocket {
    pub port: IntOrString,
}

#[derive(Debug, Clone, Deserialize)]
pub struct HttpGet {
    pub port: IntOrString,
    #[serde(default)]
    pub path: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmiStatus {
    /// `Pending`, `Scheduling`, `Scheduled`, `Running`, `Succeeded`, `Failed` …
    #[serde(deserialize_with = "nullable")]
    pub phase: String,
    #[serde(deserialize_with = "nullable")]
    pub node_name: String,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
    /// The primary interface comes first.
    #[serde(deserialize_with = "nullable")]
    pub interfaces: Vec<InterfaceStatus>,
    pub migration_state: Option<MigrationState>,
    /// The node that is to be rid of it.
    pub evacuation_node_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub type_: String,
    /// `True`, `False`, `Unknown`
    #[serde(deserialize_with = "nullable")]
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterfaceStatus {
    /// Network of the spec; empty for a device only the guest knows of.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    pub pod_interface_name: Option<String>,
    pub ip_address: Option<String>,
    /// With `ip_address`; of a guest with an agent all it has.
    #[serde(deserialize_with = "nullable")]
    pub ip_addresses: Vec<String>,
}

/// `status.migrationState`: the migration in flight, or the last one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationState {
    /// UID of the migration object.
    pub migration_uid: Option<String>,
    pub source_node: Option<String>,
    pub source_pod: Option<String>,
    pub target_node: Option<String>,
    pub target_pod: Option<String>,
    pub start_timestamp: Option<Timestamp>,
    pub end_timestamp: Option<Timestamp>,
    /// Also true after a failure: success is `completed && !failed`.
    #[serde(deserialize_with = "nullable")]
    pub completed: bool,
    #[serde(deserialize_with = "nullable")]
    pub failed: bool,
    pub failure_reason: Option<String>,
    /// `PreCopy`, `PostCopy`, `Paused`
    pub mode: Option<String>,
}

impl MigrationState {
    /// Whether the guest runs on the target while its memory still comes over: to cancel that would lose it.
    pub fn is_in_post_copy(&self) -> bool {
        self.mode.as_deref() == Some("PostCopy") && !self.completed
    }
}

kubevirt_kind!(
    VirtualMachineInstance,
    "VirtualMachineInstance",
    "virtualmachineinstances"
);

// === impl VirtualMachineInstance ===

impl VirtualMachineInstance {
    /// Whether the condition of this type is `True`.
    pub fn is(&self, condition: &str) -> bool {
        self.status
            .conditions
            .iter()
            .any(|entry| entry.type_ == condition && entry.status == "True")
    }

    pub fn is_running(&self) -> bool {
        self.status.phase == "Running"
    }

    /// Succeeded or Failed: this guest does not come back.
    pub fn is_final(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// The node the guest runs on; during a live migration that is the source until its end.
    pub fn node(&self) -> Option<&str> {
        Some(self.status.node_name.as_str()).filter(|node| !node.is_empty())
    }

    /// The phase, with a paused guest told apart.
    pub fn shown_phase(&self) -> &str {
        match self.status.phase.as_str() {
            "" => "Pending",
            _ if self.is_running() && self.is_paused() => "Paused",
            phase => phase,
        }
    }

    /// A paused guest stays in phase Running.
    pub fn is_paused(&self) -> bool {
        self.is("Paused")
    }

    /// Whether it carries the annotation that keeps faults off.
    pub fn is_protected(&self) -> bool {
        super::protection::is_protected(&self.metadata)
    }

    /// Whether its node is to be rid of it.
    pub fn is_evacuating(&self) -> bool {
        self.status
            .evacuation_node_name
            .as_ref()
            .is_some_and(|node| !node.is_empty())
    }

    /// The migration in flight: from its hand-over to the nodes until its end.
    pub fn migration(&self) -> Option<&MigrationState> {
        self.status.migration_state.as_ref().filter(|state| {
            state.migration_uid.as_ref().is_some_and(|uid| !uid.is_empty()) && state.end_timestamp.is_none()
        })
    }

    /// Whether a target pod has been chosen and the migration has not ended.
    pub fn is_migrating(&self) -> bool {
        self.migration().is_some()
            || self.status.migration_state.is_none()
                && self.metadata.labels.as_ref().is_some_and(|labels| {
                    // Between the choice of the target and the first migrationState only this label tells.
                    labels
                        .get(MIGRATION_TARGET)
                        .is_some_and(|node| *node != self.status.node_name)
                })
    }

    /// The guest's address on its primary network.
    pub fn ip(&self) -> Option<&str> {
        self.status
            .interfaces
            .first()
            .and_then(|entry| entry.ip_address.as_deref())
            .filter(|ip| !ip.is_empty())
    }
}

#[cfg(test)]
#[path = "vmi_tests.rs"]
mod tests;
