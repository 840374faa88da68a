//! What runs leave on the cluster, whoever started them and from whatever machine. `status` shows it, `halt` ends it, and before a
//! new run the guards and the plan check it.
//!
//! ```text
//! debug pods ──────── LiveRun ─────┐
//! migrations ──────── MigrationRun ┼── Trace ── item ──> status, the plan's other runs
//! ways back of VMs ── Changed ─────┘      └──── halt ──> Halted: what was said, what is left
//! Events ──────────── EventSeen: on which VMs a fault is in place, also when nothing else of the run is there any more
//! ```
//! `finder` lists the first three, once for everybody who asks. All namespaces are listed, or, where that is not permitted, each
//! namespace that may be; [`View`] says which those were.
//!
//! The cluster owns all of it. What is found here is a copy from one moment, which belongs to the command that asked and is not
//! changed: `follow` sends a new copy after each change. The objects are written by the command of their run and its agents;
//! from outside, only by `halt`, in the task of the `halt` command.

mod beside;
pub mod changes;
pub mod debug_pods;
mod delete_pods;
pub mod events;
mod finder;
mod follow;
pub(crate) mod halt;
mod halt_migrations;
mod halt_pods;
pub mod items;
mod lists;
pub mod migrations;
mod named;
mod names;
pub(crate) mod prove;
mod snapshot;
mod trace;
pub(crate) mod uncounted;
mod view;

use k8s_openapi::api::events::v1::Event;

use self::finder::Finder;
use self::lists::{EVENTS, Places, gather};
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::{Cluster, ClusterError};
use crate::traces::debug_pods::LiveRun;
use crate::traces::events::EventSeen;

pub use beside::beside;
pub use finder::Views;
pub use follow::follow;
pub use named::named;
pub(crate) use names::runs_by_name;
pub use snapshot::Snapshot;
pub use trace::{Trace, TraceKind};
pub use view::View;

/// What was found, and what could not be seen.
#[derive(Debug, Clone)]
pub struct Found {
    /// Without Events.
    pub now: Snapshot,
    /// Where pods count.
    pub namespaces: PodNamespaces,
    pub views: Views,
}

// === impl Found ===

impl Found {
    /// Runs of debug pods.
    pub fn pods(&self) -> impl Iterator<Item = &LiveRun> {
        self.now.traces.iter().filter_map(|trace| match trace {
            Trace::Pods(run) => Some(run),
            _ => None,
        })
    }

    /// Whether anything of a run is there for a VMI, given as `namespace/name`.
    pub fn has(&self, key: &str) -> bool {
        self.now.traces.iter().any(|trace| trace.vms().contains(key))
    }
}

/// All runs in one namespace, or in all that may be looked into. Pods count in that one namespace, in `pod_namespace` (a flag's),
/// and where this program makes them by itself.
pub async fn look(
    cluster: &Cluster,
    namespace: Option<&str>,
    pod_namespace: Option<&str>,
) -> Result<Found, ClusterError> {
    let finder = Finder::of_runs(cluster, namespace, pod_namespace);
    let (namespaces, lists) = tokio::join!(PodNamespaces::read(cluster, pod_namespace), Box::pin(finder.lists()));
    let (namespaces, lists) = (namespaces.and(namespace), lists?);
    let (traces, uncounted) = lists.traces(|_| true, &namespaces);
    Ok(Found {
        now: Snapshot {
            traces,
            uncounted,
            events: Vec::new(),
        },
        namespaces,
        views: lists.views,
    })
}

/// What the Events of runs say, and where they could be read.
pub async fn events(cluster: &Cluster) -> Result<(Vec<EventSeen>, View), ClusterError> {
    let (events, view) = gather::<Event>(cluster, &Places::All(None), &EVENTS).await?;
    Ok((events.iter().filter_map(EventSeen::of).collect(), view))
}
