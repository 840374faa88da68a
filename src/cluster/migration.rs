//! A `VirtualMachineInstanceMigration`: the part of it that is read, and making and cancelling one.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource as _;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::crd::kubevirt_kind;
use super::error::{Ask, ClusterError};
use super::lifecycle::only;
use super::nullable::nullable;
use super::objects::sound_one;
use super::vmi::{Condition, MigrationState, VirtualMachineInstance};
use super::{Cluster, MANAGER};

/// A cancellation waits no longer for a look at its VMI.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

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
    /// Labels the target node must have (KubeVirt 1.6; older ones drop the field).
    #[serde(deserialize_with = "nullable")]
    pub added_node_selector: BTreeMap<String, String>,
}

/// A migration to be made. Its `spec.priority` (KubeVirt 1.7) is virt-controller's alone and never set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMigration {
    pub namespace: String,
    pub vmi: String,
    /// The object's name begins with it.
    pub prefix: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub node_selector: BTreeMap<String, String>,
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

    /// Whether the condition of this type is `True`.
    pub fn is(&self, condition: &str) -> bool {
        let is = |entry: &Condition| entry.type_ == condition && entry.status == "True";
        self.status.conditions.iter().any(is)
    }

    pub fn annotation(&self, name: &str) -> Option<&str> {
        let annotations = self.metadata.annotations.as_ref()?;
        annotations
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        let labels = self.metadata.labels.as_ref()?;
        labels.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

// === impl NewMigration ===

impl NewMigration {
    fn object(&self) -> Value {
        let mut object = json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstanceMigration",
            "metadata": {
                "generateName": self.prefix, "namespace": self.namespace, "labels": self.labels, "annotations": self.annotations,
            },
            "spec": {"vmiName": self.vmi},
        });
        if !self.node_selector.is_empty() {
            object["spec"]["addedNodeSelector"] = json!(self.node_selector);
        }
        object
    }
}

fn ask(verb: &'static str, namespace: &str) -> Ask {
    Ask::new(verb, "kubevirt.io", "virtualmachineinstancemigrations").namespace(namespace)
}

/// Makes a migration; with `dry_run` only asks whether the server would take it.
pub async fn create(
    cluster: &Cluster,
    new: &NewMigration,
    dry_run: bool,
) -> Result<VirtualMachineInstanceMigration, ClusterError> {
    let params = PostParams {
        dry_run,
        field_manager: Some(MANAGER.to_owned()),
    };
    let path = VirtualMachineInstanceMigration::url_path(&(), Some(&new.namespace));
    let body = new.object().to_string().into_bytes();
    let explain = |error: &kube::Error| cluster.explain(error, &ask("create", &new.namespace));
    let request = Request::new(path)
        .create(&params, body)
        .map_err(|error| explain(&kube::Error::BuildRequest(error)))?;
    let made = cluster.client.request(request).await;
    made.map_err(|error| explain(&error)).and_then(sound_one)
}

/// The VMI of this migration, where it is past the point at which it can be cancelled. Read now: a watch may be behind.
/// `None` also where nobody could tell within 5 s.
pub async fn in_post_copy(
    cluster: &Cluster,
    namespace: &str,
    vmi: &str,
    uid: &str,
) -> Option<Box<VirtualMachineInstance>> {
    let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), namespace);
    let vmi = timeout(LOOK_LIMIT, api.get_opt(vmi)).await.ok()?.ok()??;
    let state = vmi.status.migration_state.as_ref()?;
    let ours = state.migration_uid.as_deref() == Some(uid) && state.is_in_post_copy();
    ours.then(|| Box::new(vmi))
}

/// Cancels a migration, unless another object has its name by now; with `dry_run` only asks.
pub async fn delete(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    uid: &str,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), namespace);
    match api.delete(name, &only(uid, dry_run)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(cluster.explain(&error, &ask("delete", namespace).name(name))),
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
