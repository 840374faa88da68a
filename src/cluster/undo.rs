//! The way back on a VM: written before anything is changed, gone by whoever finds it.
//!
//! ```text
//! mark: annotation, and where asked for run strategy Manual, in one patch ──> the change ──> carry_back: field, guest, annotation
//! ```
//! Every patch holds only for the version that was read, so that nothing of somebody else's is overwritten.

mod holder;

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use self::holder::{ANNOTATION_PATH, Held, LABEL_PATH, set};
pub(crate) use self::holder::{Holder, HolderKind, LABEL};
use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind};
use super::lifecycle::{Action, act};
use super::manifest::vmis;
use super::vmi::VirtualMachineInstance;
use super::watch::{self, Change};
use crate::command_line::CommandLine;
use crate::fault::RunField;
use crate::fault::undo::{Restore, UNDO, Undo};

/// How often a step is tried, with pauses from 100 ms that double: half a minute in all, also where nothing is answered.
const TRIES: u32 = 9;
const TRIED_FOR: Duration = Duration::from_secs(30);
/// A guest that is still shutting down cannot be started; it is waited for.
const SHUTDOWN: Duration = Duration::from_secs(60);

/// KubeVirt takes about a second to say that a guest goes on again.
const UNPAUSED: Duration = Duration::from_secs(15);

/// How the way back went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Back {
    /// Everything is as it was.
    Done,
    /// Somebody else has set the run strategy meanwhile: it was left alone.
    Theirs { now: RunField },
}

/// Writes the way back, and in the same patch sets the run field to `field` where that is not left to KubeVirt.
pub(crate) async fn mark(
    cluster: &Cluster,
    holder: &Holder,
    undo: &Undo,
    field: Option<&RunField>,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let mut tries = Tries::begin();
    loop {
        let held = holder.read(cluster).await?.ok_or_else(|| gone(holder))?;
        if held.unreadable {
            return Err(unreadable(cluster, holder));
        }
        if let Some(other) = held.undo.filter(|other| other.run != undo.run) {
            return Err(ClusterError::new(
                ErrorKind::Conflict,
                format!("{} has an outage of run {} in place", holder.name, other.run),
            )
            .hint(
                CommandLine::new("kubectl vmchaos halt")
                    .arg(&other.run)
                    .to("to end it: ")
                    .to_string(),
            ));
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
        changes.push(json!({"op": "add", "path": ANNOTATION_PATH, "value": undo.text()}));
        changes.push(json!({"op": "add", "path": LABEL_PATH, "value": undo.run}));
        if let Some(field) = field {
            changes.extend(set(&held.field, field));
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

/// A way back that another version wrote, or that somebody has edited.
fn unreadable(cluster: &Cluster, holder: &Holder) -> ClusterError {
    ClusterError::new(
        ErrorKind::Conflict,
        format!(
            "{} carries a way back that this version cannot read (annotation {UNDO})",
            holder.name
        ),
    )
    .hint(cluster.again(holder.look_command()).to_string())
}

/// Asks for everything that the way back of a run would change, with `dryRun=All`.
pub(crate) async fn would_carry_back(cluster: &Cluster, holder: &Holder, run: &str) -> Result<(), ClusterError> {
    let Some(held) = holder.read(cluster).await? else {
        return Ok(());
    };
    let Some(undo) = way_back(&held, run, None).map_err(|Unreadable| unreadable(cluster, holder))? else {
        return Ok(());
    };
    let restore = undo.restore(&held.field);
    let mut changes = match &restore {
        Restore::Put(field) => set(&held.field, field),
        _ => Vec::new(),
    };
    changes.extend(unmark(&held));
    holder.patch(cluster, &held.version, changes, true).await?;
    if undo.paused {
        unless_needless(act(cluster, Action::Unpause, &holder.namespace, &holder.name, None, true).await)?;
    }
    if undo.needs_start() && restore != Restore::Theirs {
        unless_needless(act(cluster, Action::Start, &holder.namespace, &holder.name, None, true).await)?;
    }
    Ok(())
}

/// Goes the way back of a run on a VM: its run strategy, its guest, and last the annotation. Safe to repeat; passing errors
/// are tried again for half a minute. `own` is what the run itself knows of it, and goes by where the annotation was lost;
/// to anybody else a lost one says that the way back was gone.
pub(crate) async fn carry_back(
    cluster: &Cluster,
    holder: &Holder,
    run: &str,
    own: Option<&Undo>,
) -> Result<Back, ClusterError> {
    let mut tries = Tries::begin();
    loop {
        match go_back(cluster, holder, run, own).await {
            Err(error) if (is_stale(&error) || passes(&error)) && tries.again().await => {}
            ended => return ended,
        }
    }
}

async fn go_back(cluster: &Cluster, holder: &Holder, run: &str, own: Option<&Undo>) -> Result<Back, ClusterError> {
    let Some(held) = holder.read(cluster).await? else {
        return Ok(Back::Done);
    };
    let Some(undo) = way_back(&held, run, own).map_err(|Unreadable| unreadable(cluster, holder))? else {
        return Ok(Back::Done);
    };
    let restore = undo.restore(&held.field);
    if let Restore::Put(field) = &restore {
        holder
            .patch(cluster, &held.version, set(&held.field, field), false)
            .await?;
    }
    if undo.paused {
        unpause(cluster, &holder.namespace, &holder.name).await?;
    }
    if undo.needs_start() && restore != Restore::Theirs {
        start(cluster, &holder.namespace, &holder.name).await?;
    }
    // Somebody may have gone this way, and the next run have begun, meanwhile.
    let is_ours = |held: &Held| held.undo.as_ref().is_none_or(|undo| undo.run == run);
    let held_now = holder.read(cluster).await?;
    if let Some(held) = held_now.filter(|held| !held.marks.is_empty() && is_ours(held)) {
        holder.patch(cluster, &held.version, unmark(&held), false).await?;
    }
    Ok(match restore {
        Restore::Theirs => Back::Theirs { now: held.field },
        _ => Back::Done,
    })
}

/// There is a way back, and not one that this version can read.
#[derive(Debug, PartialEq)]
struct Unreadable;

/// The way back of a run, where there is one to go: never another run's.
fn way_back<'a>(held: &'a Held, run: &str, own: Option<&'a Undo>) -> Result<Option<&'a Undo>, Unreadable> {
    match (&held.undo, own) {
        (Some(undo), _) => Ok(Some(undo).filter(|undo| undo.run == run)),
        (None, Some(own)) => Ok(Some(own)),
        (None, None) if held.unreadable => Err(Unreadable),
        (None, None) => Ok(None),
    }
}

/// The operations that take annotation and label off, or the one of them that is there.
fn unmark(held: &Held) -> Vec<Value> {
    let remove = |path: &&str| json!({"op": "remove", "path": path});
    held.marks.iter().map(remove).collect()
}

/// Lets a guest go on, and waits until its VMI says that it does: KubeVirt's answer comes before that.
async fn unpause(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), ClusterError> {
    unless_needless(act(cluster, Action::Unpause, namespace, name, None, false).await)?;
    match wait_while(cluster, namespace, name, UNPAUSED, VirtualMachineInstance::is_paused).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ClusterError::new(
            ErrorKind::Timeout,
            format!(
                "VMI {name} was unpaused, and is still paused {} s later",
                UNPAUSED.as_secs()
            ),
        )),
        // Who may unpause it and not watch it has done what is to be done.
        Err(error) if error.kind == ErrorKind::Forbidden => Ok(()),
        Err(error) => Err(error),
    }
}

/// Waits for the end of a guest that is shutting down: until then KubeVirt says that it runs already, and starts nothing.
async fn shut_down(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), ClusterError> {
    let still = VirtualMachineInstance::is_being_deleted;
    if wait_while(cluster, namespace, name, SHUTDOWN, still).await? {
        return Ok(());
    }
    Err(ClusterError::new(
        ErrorKind::Timeout,
        format!("the guest of {name} is still shutting down, and cannot be started before it has ended"),
    ))
}

/// Waits until no VMI of this name is as `still` says; false when that was not seen within `limit`.
async fn wait_while(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    limit: Duration,
    still: impl Fn(&VirtualMachineInstance) -> bool,
) -> Result<bool, ClusterError> {
    let mut changes = watch::vmis(cluster, namespace, Some(name));
    let over = async {
        while let Some(change) = changes.next().await {
            let is_so = match change? {
                Change::Listed(all) => all.iter().any(&still),
                Change::Applied(vmi) => still(&vmi),
                Change::Deleted(_) => false,
            };
            if !is_so {
                return Ok(true);
            }
        }
        Ok(false)
    };
    timeout(limit, over).await.unwrap_or(Ok(false))
}

/// Starts a VM whose guest has ended, or is ending.
async fn start(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), ClusterError> {
    let started = |vmi: &VirtualMachineInstance| !vmi.is_being_deleted() && !vmi.is_final();
    let ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").namespace(namespace);
    let there = vmis(cluster, namespace).get_opt(name).await;
    let there = there.map_err(|error| cluster.explain(&error, &ask))?;
    match there {
        Some(vmi) if started(&vmi) => return Ok(()),
        Some(vmi) if vmi.is_being_deleted() => shut_down(cluster, namespace, name).await?,
        _ => {}
    }
    unless_needless(act(cluster, Action::Start, namespace, name, None, false).await)
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

/// Not an answer but a problem on the way.
fn passes(error: &ClusterError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::Refused | ErrorKind::Timeout | ErrorKind::Other
    )
}

/// How often something was tried, and since when.
struct Tries(u32, Instant);

impl Tries {
    fn begin() -> Self {
        Self(0, Instant::now())
    }

    /// Waits before the next try; false when there is none.
    async fn again(&mut self) -> bool {
        self.0 += 1;
        if self.0 >= TRIES || self.1.elapsed() >= TRIED_FOR {
            return false;
        }
        sleep(Duration::from_millis(50) * 2_u32.pow(self.0)).await;
        true
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
