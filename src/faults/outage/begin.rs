//! Begins an outage: the way back is written first, where there is one, then the one request follows that the mode is.

use jiff::Timestamp;

use super::back::{holder, is_uncertain};
use super::vm::Done;
use crate::cluster::lifecycle::{Action, act, delete_pod, delete_vmi};
use crate::cluster::undo::mark;
use crate::cluster::{Cluster, ClusterError, ErrorKind, manifest};
use crate::fault::Launcher;
use crate::faults::outage::plan::{OutagePlan, PlannedOutage};
use crate::faults::outage::spec::{Mode, OutageTarget, Owner};
use crate::problem::Reason;

/// What is asked of the API server for one VMI.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request<'a> {
    Delete,
    DeletePod { pod: Option<&'a Launcher>, grace: u32 },
    Act { action: Action, grace: Option<u32> },
}

// === impl Request ===

impl<'a> Request<'a> {
    /// `None` for a kill, which is done on the node.
    pub(super) fn of(plan: &OutagePlan, target: &'a OutageTarget) -> Option<Self> {
        let grace = plan.spec.grace_period;
        let act = |action, grace| Some(Self::Act { action, grace });
        match plan.spec.mode {
            Mode::Kill => None,
            Mode::Delete => Some(Self::Delete),
            Mode::Pod => Some(Self::DeletePod {
                pod: target.launcher.as_ref(),
                grace: grace.unwrap_or(0),
            }),
            Mode::Pause => act(Action::Pause, None),
            Mode::Stop => act(Action::Stop, grace),
            Mode::Reset => act(Action::Reset, None),
        }
    }

    fn has_dry_run(self) -> bool {
        !matches!(self, Self::Act { action, .. } if !action.has_dry_run())
    }

    async fn send(self, cluster: &Cluster, target: &OutageTarget, dry_run: bool) -> Result<(), ClusterError> {
        let (namespace, name) = (&target.namespace, &target.name);
        match self {
            Self::Delete => delete_vmi(cluster, namespace, name, &target.uid, dry_run).await,
            Self::DeletePod { pod: Some(pod), grace } => {
                delete_pod(cluster, namespace, &pod.name, &pod.uid, Some(grace), dry_run).await
            }
            Self::DeletePod { pod: None, .. } => {
                Err(ClusterError::new(ErrorKind::NotFound, "its launcher pod is not known"))
            }
            Self::Act { action, grace } => act(cluster, action, namespace, name, grace, dry_run).await,
        }
    }
}

/// Asks for everything that would be changed, with `dryRun=All`; a request that has none is left out, and a kill's pod was asked
/// about when its namespace was chosen.
pub(crate) async fn dry_run(cluster: &Cluster, plan: &OutagePlan, vm: &PlannedOutage) -> Result<(), ClusterError> {
    write_way_back(cluster, plan, &vm.target, true).await?;
    if let Some(request) = Request::of(plan, &vm.target).filter(|request| request.has_dry_run()) {
        request.send(cluster, &vm.target, true).await?;
    }
    let made_again = vm.target.owner == Owner::Nobody && plan.spec.mode.ends_guest() && !plan.spec.no_recover;
    if !made_again {
        return Ok(());
    }
    match manifest::create(cluster, &vm.target.namespace, &vm.manifest, true).await {
        // It is there still: that its name is taken says that it would be admitted.
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        asked => asked,
    }
}

/// The way back, where there is one, is written before anything is done.
pub(super) async fn mark_first(cluster: &Cluster, plan: &OutagePlan, target: &OutageTarget) -> Result<(), Done> {
    write_way_back(cluster, plan, target, false)
        .await
        .map_err(|error| Done::Refused {
            marked: plan.spec.is_held() && is_uncertain(&error),
            problem: error.problem(Reason::Refused),
        })
}

/// With Manual, where the restart is to be disabled; KubeVirt's own stop sets the run strategy itself.
async fn write_way_back(
    cluster: &Cluster,
    plan: &OutagePlan,
    target: &OutageTarget,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let Some(undo) = plan.undo(target, format!("{:.3}", Timestamp::now())) else {
        return Ok(());
    };
    let during = undo.strategy.as_ref().map(|strategy| &strategy.during);
    let set = during.filter(|_| plan.spec.disable_auto_restart);
    mark(cluster, &holder(target), &undo, set, dry_run).await
}

/// Sends the request of an outage whose way back is written.
pub(super) async fn ask(cluster: &Cluster, plan: &OutagePlan, target: &OutageTarget, request: Request<'_>) -> Done {
    match request.send(cluster, target, false).await {
        Ok(()) => Done::Acted,
        Err(error) if is_uncertain(&error) => Done::Uncertain(error.problem(Reason::NoAnswer)),
        Err(error) => Done::Refused {
            marked: plan.spec.is_held(),
            problem: error.problem(Reason::Refused),
        },
    }
}
