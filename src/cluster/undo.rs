//! The way back on a VM: written before anything is changed, gone by whoever finds it.
//!
//! ```text
//! mark: annotation, and where asked for run strategy Manual, in one patch ──> the change ──> carry_back: field, guest, annotation
//! ```
//! Every patch holds only for the version that was read, so that nothing of somebody else's is overwritten.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::client::{Cluster, MANAGER};
use super::error::{Ask, ClusterError, ErrorKind};
use super::lifecycle::{Action, act, in_time};
use super::manifest::vmis;
use super::vm::VirtualMachine;
use super::vmi::VirtualMachineInstance;
use super::watch::{self, Change};
use crate::fault::RunField;
use crate::fault::undo::{Restore, UNDO, Undo};

/// Label by which what holds a way back is found; its value is the run's id.
pub const LABEL: &str = "vmchaos.dev/run";
/// How often a step is tried, with pauses from 100 ms that double: half a minute in all.
const TRIES: u32 = 9;
/// A guest that is still shutting down cannot be started; it is waited for.
const SHUTDOWN: Duration = Duration::from_secs(60);

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

/// How the way back went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// Everything is as it was.
    Done,
    /// Somebody else has set the run strategy meanwhile: it was left alone.
    Theirs { now: RunField },
}

/// What is read of a holder.
struct Held {
    version: String,
    undo: Option<Undo>,
    has_annotations: bool,
    has_labels: bool,
    field: RunField,
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

    fn plural(&self) -> &'static str {
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

    async fn read(&self, cluster: &Cluster) -> Result<Option<Held>, ClusterError> {
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
            let undo = metadata.annotations.as_ref().and_then(|all| all.get(UNDO));
            Held {
                version: metadata.resource_version.unwrap_or_default(),
                undo: undo.and_then(|text| Undo::parse(text)),
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
        in_time(cluster, &self.ask("get"), answer).await
    }

    async fn patch(
        &self,
        cluster: &Cluster,
        version: &str,
        changes: Vec<Value>,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        let mut operations = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
        operations.extend(changes);
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let path = format!(
            "/apis/kubevirt.io/v1/namespaces/{}/{}/{}?fieldManager={MANAGER}{dry}",
            self.namespace,
            self.plural(),
            self.name
        );
        let request = http::Request::patch(path)
            .header(http::header::CONTENT_TYPE, "application/json-patch+json")
            .body(Value::Array(operations).to_string().into_bytes())
            .map_err(|error| ClusterError::new(ErrorKind::Other, format!("could not patch {}: {error}", self.name)))?;
        in_time(cluster, &self.ask("patch"), cluster.client.request::<Value>(request))
            .await
            .map(drop)
    }
}

/// Writes the way back, and in the same patch sets the run strategy to `strategy` where that is not left to KubeVirt.
pub async fn mark(
    cluster: &Cluster,
    holder: &Holder,
    undo: &Undo,
    strategy: Option<&str>,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let mut tries = Tries::default();
    loop {
        let held = holder.read(cluster).await?.ok_or_else(|| gone(holder))?;
        if let Some(other) = held.undo.filter(|other| other.run != undo.run) {
            return Err(ClusterError::new(
                ErrorKind::Conflict,
                format!("{} has an outage of run {} in place", holder.name, other.run),
            )
            .hint(format!("to end it: kubectl vmchaos halt {}", other.run)));
        }
        let before = undo.strategy.as_ref().map(|strategy| &strategy.before);
        if before.is_some_and(|before| *before != held.field) {
            return Err(ClusterError::new(
                ErrorKind::Conflict,
                format!(
                    "the run strategy of {} was changed meanwhile; nothing was done to it",
                    holder.name
                ),
            ));
        }
        let mut changes = Vec::new();
        for (has, map) in [(held.has_annotations, "annotations"), (held.has_labels, "labels")] {
            if !has {
                changes.push(json!({"op": "add", "path": format!("/metadata/{map}"), "value": {}}));
            }
        }
        changes.push(json!({"op": "add", "path": "/metadata/annotations/vmchaos.dev~1undo", "value": undo.text()}));
        changes.push(json!({"op": "add", "path": "/metadata/labels/vmchaos.dev~1run", "value": undo.run}));
        if let Some(strategy) = strategy {
            changes.extend(set(&held.field, &RunField::RunStrategy(strategy.to_owned())));
        }
        match holder.patch(cluster, &held.version, changes, dry_run).await {
            Ok(()) => return Ok(()),
            Err(error) if is_stale(&error) && tries.again().await => {}
            Err(error) => return Err(error),
        }
    }
}

fn gone(holder: &Holder) -> ClusterError {
    ClusterError::new(
        ErrorKind::NotFound,
        format!("{} {} is not there", holder.plural(), holder.name),
    )
}

/// The operations that make one run field of another.
fn set(now: &RunField, then: &RunField) -> Vec<Value> {
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

/// Goes the way back of a run on a VM: its run strategy, its guest, and last the annotation. Safe to repeat; passing errors
/// are tried again for half a minute.
pub async fn carry_back(cluster: &Cluster, holder: &Holder, run: &str) -> Result<Back, ClusterError> {
    let mut tries = Tries::default();
    loop {
        match go_back(cluster, holder, run).await {
            Err(error) if (is_stale(&error) || passes(&error)) && tries.again().await => {}
            ended => return ended,
        }
    }
}

async fn go_back(cluster: &Cluster, holder: &Holder, run: &str) -> Result<Back, ClusterError> {
    let Some(held) = holder.read(cluster).await? else {
        return Ok(Back::Done);
    };
    let Some(undo) = held.undo.filter(|undo| undo.run == run) else {
        return Ok(Back::Done);
    };
    let restore = undo.restore(&held.field);
    if let Restore::Put(field) = &restore {
        holder
            .patch(cluster, &held.version, set(&held.field, field), false)
            .await?;
    }
    if undo.paused {
        unless_needless(act(cluster, Action::Unpause, &holder.namespace, &undo.vmi, None, false).await)?;
    }
    if undo.needs_start() && restore != Restore::Theirs {
        start(cluster, &holder.namespace, &undo.vmi).await?;
    }
    let Some(held) = holder.read(cluster).await?.filter(|held| held.undo.is_some()) else {
        return Ok(Back::Done);
    };
    let without = [
        "/metadata/annotations/vmchaos.dev~1undo",
        "/metadata/labels/vmchaos.dev~1run",
    ];
    let removals = without.map(|path| json!({"op": "remove", "path": path})).to_vec();
    holder.patch(cluster, &held.version, removals, false).await?;
    Ok(match restore {
        Restore::Theirs => Back::Theirs { now: held.field },
        _ => Back::Done,
    })
}

/// Starts a VM whose guest has ended, or is ending.
async fn start(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), ClusterError> {
    let started = |vmi: &VirtualMachineInstance| !vmi.is_being_deleted() && !vmi.is_final();
    let there = read::<VirtualMachineInstance>(cluster, namespace, name).await?;
    match there {
        Some(vmi) if started(&vmi) => return Ok(()),
        Some(vmi) if vmi.is_being_deleted() => {
            let mut changes = watch::vmis(cluster, namespace, Some(name), None);
            let ended = async {
                while let Some(change) = changes.next().await {
                    let still = match change? {
                        Change::Listed(all) => all.iter().any(VirtualMachineInstance::is_being_deleted),
                        Change::Applied(vmi) => vmi.is_being_deleted(),
                        Change::Deleted(_) => false,
                    };
                    if !still {
                        break;
                    }
                }
                Ok::<(), ClusterError>(())
            };
            // One that takes longer answers for itself below.
            if let Ok(ended) = timeout(SHUTDOWN, ended).await {
                ended?;
            }
        }
        _ => {}
    }
    unless_needless(act(cluster, Action::Start, namespace, name, None, false).await)
}

async fn read<K>(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<K>, ClusterError>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api = Api::<K>::namespaced(cluster.client.clone(), namespace);
    let ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").namespace(namespace);
    in_time(cluster, &ask, api.get_opt(name)).await
}

/// KubeVirt refuses with 409 to start what runs and to unpause what is not paused, and with 404 what is gone.
fn unless_needless(answer: Result<(), ClusterError>) -> Result<(), ClusterError> {
    match answer {
        Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::NotFound) => Ok(()),
        answer => answer,
    }
}

/// The object is not as it was read.
fn is_stale(error: &ClusterError) -> bool {
    matches!(error.kind, ErrorKind::Conflict | ErrorKind::Invalid)
}

/// Not an answer but a trouble on the way.
fn passes(error: &ClusterError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::Refused | ErrorKind::Timeout | ErrorKind::Other
    )
}

/// How often something was tried.
#[derive(Default)]
struct Tries(u32);

impl Tries {
    /// Waits before the next try; false when there is none.
    async fn again(&mut self) -> bool {
        self.0 += 1;
        if self.0 >= TRIES {
            return false;
        }
        sleep(Duration::from_millis(50) * 2_u32.pow(self.0)).await;
        true
    }
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
