//! What outages have changed about VMs, read off the way back that each carries: whoever did it, from whatever machine.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;

use super::super::halt::Left;
use super::back::put_back_command;
use crate::cluster::undo::{Back, Holder, HolderKind, carry_back, would_carry_back};
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};
use crate::escape::escape;
use crate::fault::undo::{UNDO, Undo};
use crate::fault::{RunField, Time as Span};
use crate::report::{RunItem, Seconds, Time};

/// A VM, or a VMI without one, that an outage has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub holder: Holder,
    pub undo: Undo,
}

/// Those that carry a way back, sorted by run, namespace and name.
pub fn sorted(machines: &[VirtualMachine], instances: &[VirtualMachineInstance]) -> Vec<Changed> {
    let of_machines = machines.iter().filter_map(Changed::of_vm);
    let mut all: Vec<Changed> = of_machines
        .chain(instances.iter().filter_map(Changed::of_vmi))
        .collect();
    all.sort_by(|a, b| (&a.undo.run, &a.holder).cmp(&(&b.undo.run, &b.holder)));
    all
}

// === impl Changed ===

impl Changed {
    pub fn of_vm(vm: &VirtualMachine) -> Option<Self> {
        Self::of(HolderKind::Vm, &vm.metadata)
    }

    pub fn of_vmi(vmi: &VirtualMachineInstance) -> Option<Self> {
        Self::of(HolderKind::Vmi, &vmi.metadata)
    }

    fn of(kind: HolderKind, metadata: &ObjectMeta) -> Option<Self> {
        Some(Self {
            undo: Undo::parse(metadata.annotations.as_ref()?.get(UNDO)?)?,
            holder: Holder::of(kind, metadata),
        })
    }

    /// `namespace/name` of the VMI.
    pub fn key(&self) -> String {
        escape(&format!("{}/{}", self.holder.namespace, self.undo.vmi))
    }

    /// As a list shows it; nobody knows whether the command that did it still runs.
    pub fn item(&self, now: Time) -> RunItem {
        let undo = &self.undo;
        let started: Option<Timestamp> = undo.at.parse().ok();
        let duration = Span::parse_wait(&undo.duration).ok().map(Span::as_duration);
        let ends = started
            .zip(duration)
            .and_then(|(started, duration)| started.checked_add(SignedDuration::try_from(duration).ok()?).ok());
        let left = ends.and_then(|ends| Duration::try_from(ends.duration_since(now.0)).ok());
        RunItem {
            id: escape(&undo.run),
            fault: "outage".to_owned(),
            effect: Some(escape(&undo.words())),
            state: if left.is_some() { "running" } else { "overdue" }.to_owned(),
            user: undo.user.as_deref().map(escape),
            reason: undo.reason.as_deref().map(escape),
            started_at: started.map(Time),
            duration_seconds: duration.map(Seconds),
            left_seconds: left.map(Seconds),
            targets: vec![self.key()],
            nodes: Some(escape(&undo.node))
                .filter(|node| !node.is_empty())
                .into_iter()
                .collect(),
            pods: Vec::new(),
            detail: left
                .is_none()
                .then(|| "its time is over, and no timer undoes it: halt does".to_owned()),
        }
    }

    /// Asks the server whether it would let it be put right; nothing is changed.
    pub async fn would_put_right(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        would_carry_back(cluster, &self.holder, &self.undo.run).await
    }

    /// Puts it right; what may still be in place, and the command that removes that.
    pub async fn put_right(&self, cluster: &Cluster) -> Result<(), (Left, String)> {
        let left = |what: String| Left {
            what: format!("{}: {what}", self.key()),
            again: self.undo.run.clone(),
        };
        match carry_back(cluster, &self.holder, &self.undo.run).await {
            Ok(Back::Done) => Ok(()),
            Ok(Back::Theirs { now }) => {
                let before = self.undo.strategy.as_ref().map(|strategy| strategy.before.clone());
                let before = before.unwrap_or(RunField::Neither);
                let what = format!(
                    "somebody else set its run strategy to {} meanwhile, and it was left so; before the run it was {}",
                    escape(now.in_force()),
                    escape(before.in_force())
                );
                let command = put_back_command(&self.holder.namespace, &self.holder.name, &now, &before);
                Err((left(what), command))
            }
            Err(ClusterError { message, .. }) => {
                let again = format!("kubectl vmchaos halt {}", self.undo.run);
                Err((
                    left(format!("{} could not be undone: {message}", self.undo.words())),
                    again,
                ))
            }
        }
    }
}
