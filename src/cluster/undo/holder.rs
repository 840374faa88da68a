//! The object that holds a way back: a VM, or a VMI without one; read, and patched as it was read.

use kube::api::{Api, ObjectMeta};
use serde_json::{Value, json};

use super::super::error::{Ask, ClusterError, ErrorKind};
use super::super::manifest::vmis;
use super::super::path;
use super::super::vm::VirtualMachine;
use super::super::{Cluster, MANAGER};
use crate::command_line::CommandLine;
use crate::fault::RunField;
use crate::fault::undo::{UNDO, Undo};

/// Label by which what holds a way back is found; its value is the run's id.
pub(crate) const LABEL: &str = "vmchaos.dev/run";
/// Where JSON Patch finds the two.
pub(super) const ANNOTATION_PATH: &str = "/metadata/annotations/vmchaos.dev~1undo";
pub(super) const LABEL_PATH: &str = "/metadata/labels/vmchaos.dev~1run";

/// The object that holds a way back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    pub kind: HolderKind,
    pub namespace: String,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderKind {
    Vm,
    /// A VMI without a VM.
    Vmi,
}

/// What is read of a holder.
pub(super) struct Held {
    pub(super) version: String,
    pub(super) undo: Option<Undo>,
    /// There is a way back, and not one that this version can read.
    pub(super) unreadable: bool,
    /// Paths of what marks it as changed by a run.
    pub(super) marks: Vec<&'static str>,
    pub(super) has_annotations: bool,
    pub(super) has_labels: bool,
    pub(super) field: RunField,
}

// === impl Holder ===

impl Holder {
    /// Empty names are only in objects no server would send.
    pub fn of(kind: HolderKind, metadata: &ObjectMeta) -> Self {
        Self {
            kind,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// What somebody types to see what it carries.
    pub fn look_command(&self) -> CommandLine {
        CommandLine::new(match self.kind {
            HolderKind::Vm => "kubectl get vm",
            HolderKind::Vmi => "kubectl get vmi",
        })
        .arg(&self.name)
        .flag("-n", &self.namespace)
        .own("-o yaml")
    }

    pub(super) fn plural(&self) -> &'static str {
        match self.kind {
            HolderKind::Vm => "virtualmachines",
            HolderKind::Vmi => "virtualmachineinstances",
        }
    }

    fn ask(&self, verb: &'static str) -> Ask {
        Ask::new(verb, "kubevirt.io", self.plural())
            .namespace(&self.namespace)
            .name(&self.name)
    }

    pub(super) async fn read(&self, cluster: &Cluster) -> Result<Option<Held>, ClusterError> {
        let field = match self.kind {
            HolderKind::Vm => {
                let api = Api::<VirtualMachine>::namespaced(cluster.client.clone(), &self.namespace);
                self.got(cluster, api.get_opt(&self.name))
                    .await?
                    .map(|vm| (vm.run_field(), vm.metadata))
            }
            HolderKind::Vmi => self
                .got(cluster, vmis(cluster, &self.namespace).get_opt(&self.name))
                .await?
                .map(|vmi| (RunField::Neither, vmi.metadata)),
        };
        Ok(field.map(|(field, metadata)| {
            let text = metadata.annotations.as_ref().and_then(|all| all.get(UNDO));
            let undo = text.and_then(|text| Undo::parse(text, &self.name));
            let label = metadata.labels.as_ref().and_then(|all| all.get(LABEL));
            Held {
                version: metadata.resource_version.unwrap_or_default(),
                unreadable: text.is_some() && undo.is_none(),
                undo,
                marks: [text.map(|_| ANNOTATION_PATH), label.map(|_| LABEL_PATH)]
                    .into_iter()
                    .flatten()
                    .collect(),
                has_annotations: metadata.annotations.is_some(),
                has_labels: metadata.labels.is_some(),
                field,
            }
        }))
    }

    async fn got<T>(
        &self,
        cluster: &Cluster,
        answer: impl Future<Output = kube::Result<Option<T>>>,
    ) -> Result<Option<T>, ClusterError> {
        answer.await.map_err(|error| cluster.explain(&error, &self.ask("get")))
    }

    pub(super) async fn patch(
        &self,
        cluster: &Cluster,
        version: &str,
        changes: Vec<Value>,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        let mut operations = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
        operations.extend(changes);
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let path = path::object("kubevirt.io/v1", &self.namespace, self.plural(), &self.name, None);
        let request = http::Request::patch(format!("{path}?fieldManager={MANAGER}{dry}"))
            .header(http::header::CONTENT_TYPE, "application/json-patch+json")
            .body(Value::Array(operations).to_string().into_bytes())
            .map_err(|error| ClusterError::new(ErrorKind::Other, format!("could not patch {}: {error}", self.name)))?;
        let answer = cluster.client.request::<Value>(request).await;
        answer
            .map(drop)
            .map_err(|error| cluster.explain(&error, &self.ask("patch")))
    }
}

/// The operations that make one run field of another.
pub(super) fn set(now: &RunField, then: &RunField) -> Vec<Value> {
    let path = |field: &RunField| match field {
        RunField::RunStrategy(_) => Some("/spec/runStrategy"),
        RunField::Running(_) => Some("/spec/running"),
        RunField::Neither => None,
    };
    let mut changes: Vec<Value> = Vec::new();
    if let Some(path) = path(now).filter(|before| path(then) != Some(before)) {
        changes.push(json!({"op": "remove", "path": path}));
    }
    match then {
        RunField::RunStrategy(strategy) => {
            changes.push(json!({"op": "add", "path": "/spec/runStrategy", "value": strategy}));
        }
        RunField::Running(running) => changes.push(json!({"op": "add", "path": "/spec/running", "value": running})),
        RunField::Neither => {}
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_is_made_of_the_other() {
        let strategy = |name: &str| RunField::RunStrategy(name.into());
        assert_eq!(
            set(&RunField::Running(true), &strategy("Manual")),
            [
                json!({"op": "remove", "path": "/spec/running"}),
                json!({"op": "add", "path": "/spec/runStrategy", "value": "Manual"}),
            ]
        );
        assert_eq!(
            set(&strategy("Manual"), &RunField::Running(true)),
            [
                json!({"op": "remove", "path": "/spec/runStrategy"}),
                json!({"op": "add", "path": "/spec/running", "value": true}),
            ]
        );
        assert_eq!(
            set(&strategy("Halted"), &strategy("Once")),
            [json!({"op": "add", "path": "/spec/runStrategy", "value": "Once"})]
        );
    }
}
