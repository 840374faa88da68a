//! One thing that a run has left on the cluster.

use std::collections::BTreeSet;

use super::changes::{Changed, sorted};
use super::debug_pods::{DebugPodSeen, LiveRun};
use super::events::{EventSeen, told};
use super::items::item;
use super::migrations::{MigrationRun, MigrationSeen};
use super::uncounted::{Uncounted, tell_apart};
use crate::cluster::VirtualMachineInstance;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::report::{RunItem, Time};

/// A run may leave several: an outage that kills has debug pods and changes VMs.
#[derive(Debug, Clone, PartialEq)]
pub enum Trace {
    /// All debug pods of a run: of netem and filter, and of those that only look or kill.
    Pods(LiveRun),
    /// All migrations of a run that are still kept.
    Migrations(MigrationRun),
    /// One VM that an outage has changed.
    Change(Box<Changed>),
}

/// The kinds there are, in the order of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceKind {
    Pods,
    Migrations,
    Change,
}

// === impl Trace ===

impl Trace {
    /// Everything that these objects tell, sorted by kind and run; and pods of a run that do not count.
    pub(super) fn all(
        pods: impl Iterator<Item = DebugPodSeen>,
        migrations: &[VirtualMachineInstanceMigration],
        machines: &[VirtualMachine],
        instances: &[VirtualMachineInstance],
        namespaces: &PodNamespaces,
    ) -> (Vec<Self>, Vec<Uncounted>) {
        let (runs, uncounted) = tell_apart(pods, namespaces);
        let migrations = MigrationRun::group(migrations.iter().filter_map(MigrationSeen::of));
        let changes = sorted(machines, instances)
            .into_iter()
            .map(|change| Self::Change(change.into()));
        let migrations = migrations.into_iter().map(Self::Migrations);
        let all = runs.into_iter().map(Self::Pods).chain(migrations).chain(changes);
        (all.collect(), uncounted)
    }

    pub fn kind(&self) -> TraceKind {
        match self {
            Self::Pods(_) => TraceKind::Pods,
            Self::Migrations(_) => TraceKind::Migrations,
            Self::Change(_) => TraceKind::Change,
        }
    }

    /// The run's id; of a way back that cannot be read, as the label has it.
    pub fn run(&self) -> &str {
        match self {
            Self::Pods(run) => &run.id,
            Self::Migrations(run) => &run.id,
            Self::Change(change) => &change.run,
        }
    }

    /// `namespace/name` of every VMI it is about.
    pub fn vms(&self) -> BTreeSet<String> {
        match self {
            Self::Pods(run) => run.pods.iter().flat_map(|pod| pod.targets.clone()).collect(),
            Self::Migrations(run) => run.migrations.iter().map(MigrationSeen::vmi_key).collect(),
            Self::Change(change) => [change.key()].into(),
        }
    }

    /// Whether there is something to be ended. Migrations that are over are history that KubeVirt keeps.
    pub fn is_live(&self, now: Time) -> bool {
        match self {
            Self::Migrations(run) => run.is_live(now),
            Self::Pods(_) | Self::Change(_) => true,
        }
    }

    /// As every list shows it; what is left of it is counted from `now`. That a fault is in place is read off `events`: without
    /// them a run of debug pods is only known to run.
    pub fn item(&self, events: &[EventSeen], now: Time) -> RunItem {
        match self {
            Self::Pods(run) => told(item(run, now), events, now),
            Self::Migrations(run) => run.item(now),
            Self::Change(change) => change.item(now),
        }
    }

    /// Whether both are of one run and of one kind.
    pub fn is_like(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.run() == other.run()
    }
}
