//! The runs there are, read off their debug pods alone: whoever started them, from whatever machine.
//!
//! ```text
//! pods with our label ── DebugPodSeen::of (pure) ──> by run ──> LiveRun ──> status, halt
//! ```
//! A pod says who, why, what, on which VMs and for how long in its annotations, and how it ended in its termination
//! message. Nothing else is needed, so that `halt` works where everything else is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, Pod};

#[cfg(doc)]
use crate::cluster::pod_namespace::PodNamespaces;
use crate::fault::Time;
use crate::name::{is_key, is_label_value};
use crate::node::pod::{CONTAINER, LABEL_FAULT, LABEL_MANAGED_BY, LABEL_RUN, MANAGED_BY};
use crate::node::pod_state::PodState;
use crate::node::verdict::Verdict;
use crate::plan::pod_options::{DETACH, FAULT, REASON, TARGETS, TOTAL, USER};
use crate::run::{node_check, sweep};

/// A pod with the labels of a run's debug pod.
///
/// Whether it counts as one is a matter of its namespace ([`PodNamespaces`]). What it says of itself is shown, and says which
/// VMs to look into; how and where that is done is not taken from it.
#[derive(Debug, Clone, PartialEq)]
pub struct DebugPodSeen {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub run: String,
    /// The fault's command, e.g. `netem`; `check` for a look at a node.
    pub fault: String,
    pub node: String,
    pub state: PodState,
    /// Told to end, and not gone yet.
    pub leaving: bool,
    /// When its container started, else when it was created.
    pub since: Option<Timestamp>,
    pub user: Option<String>,
    pub reason: Option<String>,
    /// The fault in words.
    pub what: Option<String>,
    /// `namespace/name` of each VMI.
    pub targets: Vec<String>,
    /// How many of the targets it names are no names that a VMI can have.
    pub odd_targets: usize,
    /// How long all of the run may take, without the pods' start.
    pub total: Option<Duration>,
    pub detached: bool,
}

/// Of what a pod says in words, so much is shown: no name and no reason is longer.
const LONGEST_WORDS: usize = 512;

/// All debug pods of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveRun {
    pub id: String,
    /// Sorted by namespace and name; never empty.
    pub pods: Vec<DebugPodSeen>,
}

/// Where a debug pod is in its life. The order is that of what needs attention most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// It said itself that something is left.
    Leaked,
    /// It ended without a verdict: nobody knows what it left.
    Unproven,
    /// Told to end; it is rolling back.
    Ending,
    Running,
    /// The command is gone on purpose; only the deadline or `halt` ends it.
    Detached,
    Starting,
    /// It never ran, so that it changed nothing.
    NeverRan,
    /// Everything it did is undone.
    Finished,
}

// === impl DebugPodSeen ===

impl DebugPodSeen {
    /// Reads a pod; `None` when it does not carry our labels and is therefore none of our business.
    pub fn of(pod: &Pod) -> Option<Self> {
        let labels = pod.metadata.labels.as_ref()?;
        if labels.get(LABEL_MANAGED_BY).map(String::as_str) != Some(MANAGED_BY) {
            return None;
        }
        let run = labels.get(LABEL_RUN).filter(|run| is_label_value(run))?.clone();
        let annotation = |name: &str| {
            let annotations = pod.metadata.annotations.as_ref()?;
            annotations.get(name).filter(|text| !text.is_empty())
        };
        let words = |name: &str| annotation(name).map(|text| text.chars().take(LONGEST_WORDS).collect());
        let spec = pod.spec.as_ref();
        let named = annotation(TARGETS).into_iter().flat_map(|all| all.split(','));
        let (targets, odd): (Vec<&str>, Vec<&str>) = named.filter(|key| !key.is_empty()).partition(|key| is_key(key));
        Some(Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            run,
            fault: labels.get(LABEL_FAULT).cloned().unwrap_or_default(),
            node: spec.and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
            state: PodState::of(pod),
            leaving: pod.metadata.deletion_timestamp.is_some(),
            since: started(pod).or(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)),
            user: words(USER),
            reason: words(REASON),
            what: words(FAULT),
            targets: targets.into_iter().map(str::to_owned).collect(),
            odd_targets: odd.len(),
            total: annotation(TOTAL).and_then(|text| seconds(text)),
            detached: annotation(DETACH).is_some_and(|text| text == "true"),
        })
    }

    /// `namespace/name`
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    pub fn life(&self) -> Life {
        match &self.state {
            PodState::Ended {
                verdict: None,
                exit_code,
                why,
            } if *exit_code < 0 && is_kubelets_refusal(why) => Life::NeverRan,
            PodState::Ended { verdict, .. } | PodState::Deleted { verdict } => match verdict {
                Some(verdict) if verdict.run != self.run => Life::Unproven,
                Some(verdict) if verdict.is_clean() => Life::Finished,
                Some(verdict) if verdict.all_told_are_clean() => Life::Unproven,
                Some(_) => Life::Leaked,
                None => Life::Unproven,
            },
            _ if self.leaving => Life::Ending,
            PodState::Running if self.detached => Life::Detached,
            PodState::Running => Life::Running,
            PodState::Pending | PodState::Starting { .. } => Life::Starting,
        }
    }

    /// Whether it only looks, or removes what others left: nothing of its own can stay behind.
    pub fn changes_nothing(&self) -> bool {
        self.fault == node_check::FAULT || self.name.contains(sweep::SUFFIX)
    }

    /// Whether it may have something in place on its VMs, or put it there yet.
    pub fn may_change(&self) -> bool {
        !self.changes_nothing() && !matches!(self.life(), Life::Finished | Life::NeverRan)
    }

    /// When the node ends it at the latest, by the clock of whoever wrote the status.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let total = jiff::SignedDuration::try_from(self.total?).ok()?;
        self.since?.checked_add(total).ok()
    }
}

// === impl LiveRun ===

impl LiveRun {
    /// Groups pods by run, in the order of the runs' ids.
    pub fn group(pods: impl IntoIterator<Item = DebugPodSeen>) -> Vec<Self> {
        let mut runs: BTreeMap<String, Vec<DebugPodSeen>> = BTreeMap::new();
        for pod in pods {
            runs.entry(pod.run.clone()).or_default().push(pod);
        }
        runs.into_iter()
            .map(|(id, mut pods)| {
                pods.sort_by_key(DebugPodSeen::key);
                Self { id, pods }
            })
            .collect()
    }

    /// What of its pods needs attention most.
    pub fn life(&self) -> Life {
        self.pods.iter().map(DebugPodSeen::life).min().unwrap_or(Life::Finished)
    }

    /// Whether something of it may be in place, or come to be.
    pub fn is_live(&self) -> bool {
        !matches!(self.life(), Life::Finished | Life::NeverRan)
    }
}

impl Verdict {
    /// Whether it says of every VM that nothing of ours is left, or that none was armed.
    pub fn is_clean(&self) -> bool {
        let all_are_told = match self.armed {
            Some(open) => open == 0,
            None => !self.vms.is_empty() || self.more > 0,
        };
        all_are_told && self.all_told_are_clean()
    }

    fn all_told_are_clean(&self) -> bool {
        self.vms.iter().all(|(_, state, ..)| state.is_clean())
    }
}

/// Whether the kubelet turned the pod away, so that no container ever ran. An eviction, or the pod's deadline, looks the
/// same but for its reason, and may have come after a container.
fn is_kubelets_refusal(why: &str) -> bool {
    let reason = why.split(':').next().unwrap_or_default();
    reason.starts_with("OutOf")
        || [
            "NodeAffinity",
            "NodeName",
            "UnexpectedAdmissionError",
            "TopologyAffinityError",
        ]
        .contains(&reason)
}

fn started(pod: &Pod) -> Option<Timestamp> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let state = statuses
        .iter()
        .find(|status| status.name == CONTAINER)?
        .state
        .as_ref()?;
    match state {
        ContainerState {
            running: Some(running), ..
        } => running.started_at.as_ref().map(|time| time.0),
        ContainerState {
            terminated: Some(end), ..
        } => end.started_at.as_ref().map(|time| time.0),
        _ => None,
    }
}

/// `120s`, `2m`; a serial run of many VMs may take longer than any flag allows.
fn seconds(text: &str) -> Option<Duration> {
    if let Some(seconds) = text.strip_suffix('s').and_then(|number| number.parse::<u64>().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    Time::parse_wait(text).ok().map(Time::as_duration)
}

#[cfg(test)]
#[path = "debug_pods_tests.rs"]
mod tests;
