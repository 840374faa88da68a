//! What outages have changed about VMs, read off the way back that each carries: whoever did it, from whatever machine.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;

use crate::cluster::undo::{Back, Holder, HolderKind, LABEL, carry_back, would_carry_back};
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};
use crate::escape::escape;
use crate::fault::undo::{UNDO, Undo};
use crate::fault::{RunField, Time as Span};
use crate::faults::outage;
use crate::faults::outage::back::{put_back_command, strategy_of_others};
use crate::problem::Problem;
use crate::report::{RunItem, RunState, Seconds, Time};
use crate::traces::halt::{left, once_more};

/// What is said of a way back that cannot be read.
const UNREADABLE: &str = "its way back (annotation vmchaos.dev/undo) was not written by this version, or was edited, and cannot be \
     followed: the version that wrote it undoes it, or somebody by hand";

/// A VM, or a VMI without one, that an outage has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub holder: Holder,
    /// Id of the run; where the way back cannot be read, as the label has it.
    pub run: String,
    /// `None` for a way back that this version cannot read.
    pub undo: Option<Undo>,
}

/// Those that carry a way back, sorted by run, namespace and name.
pub fn sorted(machines: &[VirtualMachine], instances: &[VirtualMachineInstance]) -> Vec<Changed> {
    let of_machines = machines.iter().filter_map(Changed::of_vm);
    let mut all: Vec<Changed> = of_machines
        .chain(instances.iter().filter_map(Changed::of_vmi))
        .collect();
    all.sort_by(|a, b| (&a.run, &a.holder).cmp(&(&b.run, &b.holder)));
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
        let holder = Holder::of(kind, metadata);
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(LABEL));
        // They are written together, so that one that names another run was edited: it is shown by its label, by which it is
        // found, and not followed.
        let undo = Undo::parse(metadata.annotations.as_ref()?.get(UNDO)?, &holder.name);
        let undo = undo.filter(|undo| label.is_none_or(|run| *run == undo.run));
        let run = label.cloned().or_else(|| undo.as_ref().map(|undo| undo.run.clone()));
        Some(Self {
            run: run.unwrap_or_default(),
            undo,
            holder,
        })
    }

    /// `namespace/name` of the VMI, whose name its VM has too.
    pub fn key(&self) -> String {
        escape(&format!("{}/{}", self.holder.namespace, self.holder.name))
    }

    /// As a list shows it; nobody knows whether the command that did it still runs.
    pub fn item(&self, now: Time) -> RunItem {
        let Some(undo) = &self.undo else {
            return RunItem {
                id: escape(&self.run),
                fault: outage::COMMAND.to_owned(),
                state: RunState::Unknown,
                targets: vec![self.key()],
                detail: Some(UNREADABLE.to_owned()),
                ..RunItem::default()
            };
        };
        let started: Option<Timestamp> = undo.at.parse().ok();
        let duration = Span::parse_wait(&undo.duration).ok().map(Span::as_duration);
        let ends = started
            .zip(duration)
            .and_then(|(started, duration)| started.checked_add(SignedDuration::try_from(duration).ok()?).ok());
        let left = ends.and_then(|ends| Duration::try_from(ends.duration_since(now.0)).ok());
        RunItem {
            id: escape(&undo.run),
            fault: outage::COMMAND.to_owned(),
            effect: Some(escape(&undo.words())),
            state: if left.is_some() {
                RunState::Running
            } else {
                RunState::Overdue
            },
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
    pub(super) async fn would_put_right(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        would_carry_back(cluster, &self.holder, &self.run).await
    }

    /// Puts it right; otherwise what may still be in place.
    pub(super) async fn put_right(&self, cluster: &Cluster) -> Result<(), Problem> {
        let left = |what: String, hint| left(&format!("{}: {what}", self.key()), hint);
        let Some(undo) = &self.undo else {
            let look = self.holder.look_command().to("to see it: ");
            return Err(left(UNREADABLE.to_owned(), look));
        };
        match carry_back(cluster, &self.holder, &self.run, None).await {
            Ok(Back::Done) => Ok(()),
            Ok(Back::Theirs { now }) => {
                let before = undo.strategy.as_ref().map(|strategy| strategy.before.clone());
                let before = before.unwrap_or(RunField::Neither);
                let what = strategy_of_others(&now, &before, "the run");
                let command = put_back_command(&self.holder.namespace, &self.holder.name, &now, &before);
                Err(left(what, command.to("to remove it: ")))
            }
            Err(ClusterError { message, .. }) => {
                let what = format!("{} could not be undone: {message}", undo.words());
                Err(left(what, once_more(&self.run, &[])))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_way_back_that_names_another_run_than_its_label_is_found_by_the_label_and_not_followed() {
        let marked = |run: &str| {
            let undo = json!({"run": run, "mode": "pause", "at": "2026-11-20T12:00:00.000Z", "duration": "60s",
                "vmi": "web-1", "paused": true});
            serde_json::from_value(
                json!({"metadata": {"name": "web-1", "namespace": "shop", "labels": {LABEL: "k3f9ab"},
                "annotations": {UNDO: undo.to_string()}}}),
            )
            .unwrap()
        };
        let changed = |run: &str| Changed::of_vmi(&marked(run)).unwrap();
        assert!(changed("k3f9ab").undo.is_some());
        let renamed = changed("zzz999");
        assert_eq!((renamed.run.as_str(), renamed.undo), ("k3f9ab", None));
    }

    fn vm(name: &str, run: &str, undo: &str) -> VirtualMachine {
        let object = json!({"metadata": {"name": name, "namespace": "shop", "labels": {LABEL: run},
            "annotations": {UNDO: undo}}, "spec": {}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_carries_a_way_back_is_sorted_by_run() {
        let unmarked =
            serde_json::from_value(json!({"metadata": {"name": "z", "namespace": "shop"}, "spec": {}})).unwrap();
        let machines = [vm("b", "k2", "?"), vm("c", "k1", "?"), unmarked, vm("a", "k2", "?")];
        let runs: Vec<String> = sorted(&machines, &[]).iter().map(Changed::key).collect();
        assert_eq!(runs, ["shop/c", "shop/a", "shop/b"]);
    }

    #[test]
    fn a_way_back_that_cannot_be_read_is_shown_as_what_it_is() {
        let item = Changed::of_vm(&vm("a", "k3f9ab", "?")).unwrap().item(Time::now());
        assert_eq!((item.id.as_str(), item.fault.as_str()), ("k3f9ab", "outage"));
        assert_eq!(
            (item.state.word(), item.targets),
            ("unknown", vec!["shop/a".to_owned()])
        );
        assert_eq!(item.detail.as_deref(), Some(UNREADABLE));
    }
}
