//! What runs leave on the cluster, whoever started them and from whatever machine. `status` shows it, `halt` ends it, and before a
//! new run the guards and the plan check it.
//!
//! ```text
//! debug pods ──────── LiveRun ─────┐
//! migrations ──────── MigrationRun ┼── Trace ── item ──> status, the plan's other runs
//! ways back of VMs ── Changed ─────┘      └──── halt ──> Halted: what was said, what is left
//! Events ──────────── EventSeen: on which VMs a fault is in place, also when nothing else of the run is there any more
//! ```
//! All namespaces are listed, or, where that is not permitted, each namespace that may be; [`View`] says which those were.
//!
//! The cluster owns all of it. What is found here is a copy from one moment, which belongs to the command that asked and is not
//! changed: `follow` sends a new copy after each change. The objects are written by the command of their run and its agents;
//! from outside, only by `halt`, in the task of the `halt` command.

mod beside;
pub mod changes;
pub mod debug_pods;
mod delete_pods;
pub mod events;
mod follow;
pub(crate) mod halt;
mod halt_migrations;
mod halt_pods;
pub mod items;
mod lists;
pub mod migrations;
mod named;
pub(crate) mod prove;
mod trace;
pub(crate) mod uncounted;
mod view;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;

use self::lists::{EVENTS, INSTANCES, MACHINES, MIGRATIONS, PODS, gather, or_none};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};
use crate::traces::debug_pods::{DebugPodSeen, LiveRun};
use crate::traces::events::EventSeen;
use crate::traces::uncounted::Uncounted;

pub use beside::beside;
pub use follow::{follow, follow_changes, follow_events, follow_migrations};
pub use named::named;
pub use trace::{Trace, TraceKind};
pub use view::View;

/// What was found, and what could not be seen.
#[derive(Debug, Clone)]
pub struct Found {
    /// Of pods where this program makes debug pods; of migrations, also those that are over; of outages.
    pub traces: Vec<Trace>,
    /// Pods elsewhere that say they are of a run.
    pub uncounted: Vec<Uncounted>,
    /// Where pods count.
    pub namespaces: PodNamespaces,
    pub view: View,
    pub migrations_view: View,
    /// Of VMs, and of VMIs without one.
    pub changes_views: [View; 2],
}

// === impl Found ===

impl Found {
    /// Runs of debug pods.
    pub fn pods(&self) -> impl Iterator<Item = &LiveRun> {
        self.traces.iter().filter_map(|trace| match trace {
            Trace::Pods(run) => Some(run),
            _ => None,
        })
    }

    /// Whether anything of a run is there for a VMI, given as `namespace/name`.
    pub fn has(&self, key: &str) -> bool {
        self.traces.iter().any(|trace| trace.vms().contains(key))
    }
}

/// All runs in one namespace, or in all that may be looked into. Pods count in that one namespace, in `pod_namespace` (a flag's),
/// and where this program makes them by itself.
pub async fn look(
    cluster: &Cluster,
    namespace: Option<&str>,
    pod_namespace: Option<&str>,
) -> Result<Found, ClusterError> {
    let (namespaces, pods, migrations, machines, instances) = tokio::join!(
        PodNamespaces::read(cluster, pod_namespace),
        gather::<Pod>(cluster, namespace, pod_namespace, &PODS),
        gather::<VirtualMachineInstanceMigration>(cluster, namespace, None, &MIGRATIONS),
        gather::<VirtualMachine>(cluster, namespace, None, &MACHINES),
        gather::<VirtualMachineInstance>(cluster, namespace, None, &INSTANCES),
    );
    let (pods, view) = pods?;
    let (migrations, migrations_view) = or_none(migrations)?;
    let (machines, of_machines) = or_none(machines)?;
    let (instances, of_instances) = or_none(instances)?;
    let namespaces = namespaces.and(namespace);
    let pods = pods.iter().filter_map(DebugPodSeen::of);
    let (traces, uncounted) = Trace::all(pods, &migrations, &machines, &instances, &namespaces);
    Ok(Found {
        traces,
        uncounted,
        namespaces,
        view,
        migrations_view,
        changes_views: [of_machines, of_instances],
    })
}

/// What the Events of runs say, and where they could be read.
pub async fn events(cluster: &Cluster) -> Result<(Vec<EventSeen>, View), ClusterError> {
    let (events, view) = gather::<Event>(cluster, None, None, &EVENTS).await?;
    Ok((events.iter().filter_map(EventSeen::of).collect(), view))
}
