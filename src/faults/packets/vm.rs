//! One VM in a run: where its fault is, and what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::faults::packets::compile::Reading;
use crate::faults::packets::probes::Probing;
use crate::node::wire::By;
use crate::problem::Problem;

/// Position of a VM in the run.
pub(crate) type VmIndex = usize;
/// Position of a debug pod in the run.
pub(crate) type PodIndex = usize;

/// Compares what the agent read back with what was asked; the error says what differs.
pub(crate) type Check = Box<dyn Fn(&BTreeMap<String, Value>) -> Result<Vec<Reading>, String> + Send + Sync>;

/// Where a VM's fault is put: a VM has one, and one more for every node it moves to.
#[derive(Debug)]
pub(crate) struct Placement {
    pub pod: PodIndex,
    /// The VM's index in that pod's plan.
    pub index: usize,
    pub node: String,
    pub step: Step,
    /// When the step is given up.
    pub limit: Option<Instant>,
}

/// How far a placement has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// The pod does not speak yet, or the launcher is being looked for.
    Waiting,
    Found,
    Arming,
    /// The deadline is armed on the node: only now may `go` be said.
    Ready,
    Going,
    Injected,
    /// Rollback asked for or begun.
    Ending,
    /// Nobody could say what is left: another agent looks.
    Verifying,
    Final(End),
}

/// How a placement ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// Nothing was ever changed.
    Untouched,
    /// The node rolled it back, and read back that nothing is left.
    Restored(By),
    /// Another agent looked, and nothing is left: what it had to remove, e.g. `tap0 netem 7a31:`.
    Swept(Vec<String>),
    Gone,
    Detached,
    Leaked(String),
}

/// One live migration under the fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    pub at: Timestamp,
    pub from: String,
    pub to: String,
    /// Seconds without the fault; absent when it was never put back.
    pub gap: Option<Duration>,
}

/// What ended a VM's fault, from the operator's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Deadline,
    Signal,
    Operator,
    LostOperator,
    Migration,
    Cleanup,
    Gone,
    Error,
}

/// A VM of the run.
pub(crate) struct Vm {
    /// `namespace/name`.
    pub key: String,
    pub placements: Vec<Placement>,
    pub check: Check,
    pub injected_at: Option<(Timestamp, Instant)>,
    pub ended_at: Option<Timestamp>,
    /// Seconds under the fault, summed over its placements, by the nodes' monotonic clocks.
    pub held: f64,
    pub readings: Vec<Reading>,
    pub changed_by_others: Option<String>,
    pub moves: Vec<Move>,
    /// The newest resource version of its VMI that was seen.
    pub version: Option<u64>,
    /// Since when a VM that moved, or may be moving, has been without its fault.
    pub bare_since: Option<(Timestamp, Instant)>,
    /// Until when its VMI may take to say whether it has moved; then it has not.
    pub decide_by: Option<Instant>,
    pub cause: Option<Cause>,
    pub problem: Option<Problem>,
    pub timeline: Vec<(Timestamp, String)>,
    pub probing: Probing,
}

// === impl ===

impl Placement {
    pub(crate) fn new(pod: PodIndex, index: usize, node: &str) -> Self {
        Self {
            pod,
            index,
            node: node.to_owned(),
            step: Step::Waiting,
            limit: None,
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.step, Step::Final(_))
    }

    /// Whether it is not with its pod to say how it ends: it has, or another agent looks.
    pub(crate) fn is_out_of_its_hands(&self) -> bool {
        matches!(self.step, Step::Verifying | Step::Final(_))
    }

    /// Whether something may be in the kernel.
    pub(crate) fn is_touched(&self) -> bool {
        matches!(self.step, Step::Going | Step::Injected | Step::Ending | Step::Verifying)
    }
}

impl Vm {
    pub(crate) fn new(key: &str, placement: Placement, check: Check) -> Self {
        Self {
            key: key.to_owned(),
            placements: vec![placement],
            check,
            injected_at: None,
            ended_at: None,
            held: 0.0,
            readings: Vec::new(),
            changed_by_others: None,
            moves: Vec::new(),
            version: None,
            bare_since: None,
            decide_by: None,
            cause: None,
            problem: None,
            timeline: Vec::new(),
            probing: Probing::default(),
        }
    }

    /// The placement on the node the VM runs on now.
    pub(crate) fn current(&self) -> &Placement {
        // A VM is made with one placement and only ever gets more.
        &self.placements[self.placements.len() - 1]
    }

    pub(crate) fn current_mut(&mut self) -> &mut Placement {
        let last = self.placements.len() - 1;
        &mut self.placements[last]
    }

    /// Every placement has ended, and none is on its way.
    pub(crate) fn is_final(&self) -> bool {
        self.bare_since.is_none() && self.placements.iter().all(Placement::is_final)
    }

    pub(crate) fn leaked(&self) -> Option<&str> {
        self.placements.iter().find_map(|placement| match &placement.step {
            Step::Final(End::Leaked(left)) => Some(left.as_str()),
            _ => None,
        })
    }

    /// The last placement that had something in place, where there was one.
    pub(crate) fn last_end(&self) -> Option<&End> {
        self.placements
            .iter()
            .rev()
            .find_map(|placement| match &placement.step {
                Step::Final(End::Untouched) => None,
                Step::Final(end) => Some(end),
                _ => None,
            })
    }

    /// The fault did not last as long as was asked, or until the operator had seen enough.
    pub(crate) fn ended_early(&self) -> bool {
        self.problem.is_some() || !matches!(self.cause, Some(Cause::Deadline | Cause::Operator))
    }

    /// Adds a line to the VM's timeline.
    pub(crate) fn note(&mut self, at: Timestamp, event: impl Into<String>) {
        self.timeline.push((at, event.into()));
    }

    /// Sets what ended the fault, unless something before already did.
    pub(crate) fn because(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// Records the first thing that went wrong.
    pub(crate) fn fail(&mut self, problem: Problem) {
        self.because(Cause::Error);
        self.problem.get_or_insert(problem);
    }
}
