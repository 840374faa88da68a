//! Whether anything will bring a VMI back after an outage, and what we do where nothing does. Pure.
//!
//! | the VM's run strategy | VMI deleted | VMI Failed | VMI Succeeded |
//! |---|---|---|---|
//! | Always | again | again | again |
//! | `RerunOnFailure`, KubeVirt up to 1.1 | again | again | stays |
//! | `RerunOnFailure`, KubeVirt from 1.2 | stays | again | stays |
//! | Once | again | stays | stays |
//! | Manual | stays | stays | stays |
//!
//! Source: `syncRunStrategy` in KubeVirt's `pkg/virt-controller/watch/vm/vm.go`, 0.58 to 1.9. A VMI without an owner is gone
//! for good; one of a replica set is replaced under a new name.

use crate::cluster::kubevirt::Release;
use crate::faults::outage::spec::{Mode, OutageSpec, OutageTarget, Owner};

/// The first KubeVirt whose `RerunOnFailure` leaves a deleted VMI away.
const RERUNS_FAILURES_ONLY: Release = (1, 2);

/// Who is to bring a VMI back, and why that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prediction {
    pub by: Comeback,
    /// For a person, e.g. `KubeVirt starts it again (run strategy Always)`.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comeback {
    Platform,
    Us,
}

/// How the guest ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Deleted,
    Failed,
    Succeeded,
}

/// What is there of a VMI that is to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Absent,
    /// The old one, Succeeded or Failed.
    Finished,
    /// A new one.
    New,
}

/// What we do to bring a VMI back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Help {
    /// Delete the finished VMI, which is in the way.
    Remove,
    /// Start the VM.
    Start,
    /// Make the VMI again from its manifest.
    Create,
}

/// Whether `RerunOnFailure` makes a VMI again that was deleted. Such a KubeVirt's stop makes Halted of it, as of Always.
pub(crate) fn reruns_deleted(release: Option<Release>) -> bool {
    release.is_some_and(|release| release < RERUNS_FAILURES_ONLY)
}

/// What will become of this VMI; `release` is KubeVirt's major and minor version, where it is known.
pub(crate) fn predict(spec: &OutageSpec, target: &OutageTarget, release: Option<Release>) -> Prediction {
    let us = |why: String| Prediction { by: Comeback::Us, why };
    let platform = |why: String| Prediction {
        by: Comeback::Platform,
        why,
    };
    let end = match spec.mode {
        Mode::Pause => return us(format!("paused for {}, then unpaused by this command", spec.duration)),
        Mode::Reset if target.agent => return platform("the guest boots again in the same VMI".to_owned()),
        Mode::Reset => {
            return platform(
                "the guest boots again in the same VMI; it has no guest agent that would tell when".to_owned(),
            );
        }
        Mode::Stop => return us(format!("stopped for {}, then started by this command", spec.duration)),
        Mode::Delete => End::Deleted,
        Mode::Kill => End::Failed,
        Mode::Pod if spec.grace_period.unwrap_or(0) == 0 => End::Failed,
        Mode::Pod => End::Succeeded,
    };
    match &target.owner {
        Owner::Vm(field) if spec.disable_auto_restart => us(format!(
            "run strategy Manual for {}, then {} again by this command",
            spec.duration,
            field.in_force()
        )),
        Owner::Vm(field) => of_vm(field.in_force(), end, release),
        Owner::ReplicaSet { name, .. } => platform(format!("replica set {name} replaces it by a VMI of another name")),
        Owner::Nobody => us("nothing but this command brings it back: no VM is behind this VMI".to_owned()),
        Owner::Other { kind, name } => platform(format!("its owner, {kind} {name}, is expected to make another one")),
    }
}

fn of_vm(strategy: &str, end: End, release: Option<Release>) -> Prediction {
    let reruns_deleted = reruns_deleted(release);
    let again = match (strategy, end) {
        ("Always", _) | ("RerunOnFailure", End::Failed) | ("Once", End::Deleted) => true,
        ("RerunOnFailure", End::Deleted) => reruns_deleted,
        _ => false,
    };
    if again {
        return Prediction {
            by: Comeback::Platform,
            why: format!("KubeVirt starts it again (run strategy {strategy})"),
        };
    }
    let why = match (strategy, end) {
        ("RerunOnFailure", End::Deleted) if release.is_none() => {
            "starts it again only before KubeVirt 1.2, and which version this is may not be read".to_owned()
        }
        ("RerunOnFailure", End::Deleted) => "starts only a guest that failed again (KubeVirt 1.2 and later)".to_owned(),
        ("RerunOnFailure", _) => "starts only a guest that failed again, and this one shuts down".to_owned(),
        ("Once", _) => "leaves a guest that has ended alone".to_owned(),
        _ => "starts nothing by itself".to_owned(),
    };
    Prediction {
        by: Comeback::Us,
        why: format!("the VM stays stopped: run strategy {strategy} {why}; this command brings it back"),
    }
}

/// The next thing to do for a VMI that is not coming back by itself; `None` when there is nothing but to wait.
pub(crate) fn help(owner: &Owner, sight: Sight) -> Option<Help> {
    let starts_by_itself = |strategy: &str| matches!(strategy, "Always" | "Once");
    match (owner, sight) {
        (_, Sight::New) | (Owner::ReplicaSet { .. } | Owner::Other { .. }, _) => None,
        // `start` is refused for both; once nothing is in the way they begin anew.
        (Owner::Vm(field), sight) if starts_by_itself(field.in_force()) => {
            (sight == Sight::Finished).then_some(Help::Remove)
        }
        (Owner::Vm(_), _) => Some(Help::Start),
        (Owner::Nobody, Sight::Finished) => Some(Help::Remove),
        (Owner::Nobody, Sight::Absent) => Some(Help::Create),
    }
}

// === impl Help ===

impl Help {
    /// What is being done, for a person.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Remove => "deleting the finished VMI",
            Self::Start => "starting the VM",
            Self::Create => "making the VMI again from its manifest",
        }
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
