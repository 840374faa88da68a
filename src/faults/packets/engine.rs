//! The run's state machine. Pure: inputs in, actions out; whoever drives it owns sessions, watches and the screen.
//!
//! ```text
//! Gathering ── all found ──> Batch (arm ── all ready ──> go ──> hold ──> final) ── next batch … ──> Done
//!     └───────── a failure, a signal ─────────> Winding (roll back what was touched) ─────────────────┘
//! ```
//! A batch is every VM at once (parallel) or one VM (serial). `go` is said only to what has reported `ready`, which
//! the node does when the deadline is armed.
//!
//! It owns what is known of each VM and of each debug pod. Only the driver's task calls it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::vm::{Cause, End, Placement, PodIndex, Step, Vm, VmIndex};
use crate::cluster::events::Happened;
use crate::node::session::SessionEvent;
use crate::node::wire::Word;
use crate::problem::Problem;
use crate::run::machine::{Machine, Moment, Outside};
use crate::run::sweep::Swept;

/// What a VMI looks like now, to a run that has a fault on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VmiSeen {
    /// Finished, no longer there, or another guest under the same name.
    pub gone: bool,
    /// Being deleted: the guest may still run, and is not coming back.
    pub leaving: bool,
    pub node: Option<String>,
    /// Its resource version, where it was seen: larger is newer.
    pub version: Option<u64>,
}

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    Session(PodIndex, SessionEvent),
    Vmi(VmIndex, VmiSeen),
    /// The launcher that a debug pod has the VM's fault in is being deleted, or has ended.
    LauncherEnds(VmIndex, PodIndex),
    /// Answer to [`Action::Place`]: the pod opened on the new node, with the VM as its only one.
    Placed(VmIndex, String, Result<PodIndex, Problem>),
    /// Answer to [`Action::Verify`]: what was found and is gone now, or what is left.
    Verified(VmIndex, usize, Result<Swept, String>),
    /// The debug pods cannot be watched: nothing that depends on it is begun, and what is there is rolled back.
    Blind(Problem),
    Outside(Outside),
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Say(PodIndex, Word),
    /// Let go of a session that has not begun its dialogue.
    Close(PodIndex),
    /// Find the VM's launcher on this node and open a session there, for the remaining time.
    Place {
        vm: VmIndex,
        node: String,
        remaining: Duration,
    },
    /// Read the VMI now: its launcher is gone, or on its way out.
    Recheck(VmIndex),
    /// Look into the VM's network namespace with a fresh agent: nobody could say what is left there.
    Verify {
        vm: VmIndex,
        placement: usize,
    },
    /// The VM's state has changed.
    Show(VmIndex),
    /// Say it where the VMI's owner looks: as an Event.
    Tell(VmIndex, Happened),
}

/// How long the agent may take for a step that takes it a fraction of a second.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(15);
/// How long it may take to look for the VMs, which it does before anything else: a slow node takes long.
pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// From the loss of the wire to the verdict: 7 s of silence, 1 s of drain, the kubelet's status, and a margin.
pub(super) const VERDICT_LIMIT: Duration = Duration::from_secs(30);

/// What the user asked of the run as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub serial: bool,
    pub detach: bool,
    /// Put the fault on the new node when a VM migrates; otherwise the VM's run ends.
    pub follow: bool,
    pub hold: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Starting,
    Talking,
    Lost,
    Over,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Gathering,
    Batch(Vec<VmIndex>),
    Winding,
}

/// The state of one run.
pub(crate) struct Engine {
    pub(super) settings: Settings,
    pub(super) vms: Vec<Vm>,
    pub(super) pods: Vec<Life>,
    pub(super) stage: Stage,
    pub(super) signals: u32,
    /// Said of the batch that is under way.
    pub(super) enough: bool,
    /// The time of the input that is being taken, for people.
    pub(super) clock: Timestamp,
    pub(super) actions: Vec<Action>,
}

// === impl Machine ===

impl Machine for Engine {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Moment) -> Vec<Action> {
        self.clock = now.clock;
        let now = now.at;
        match input {
            Input::Session(pod, event) => self.session_event(pod, event, now),
            Input::Vmi(vm, seen) => self.vmi(vm, &seen, now),
            Input::LauncherEnds(vm, pod) => self.launcher_ends(vm, pod, now),
            Input::Placed(vm, node, result) => self.placed(vm, &node, result),
            Input::Verified(vm, placement, result) => self.verified(vm, placement, result),
            Input::Blind(problem) => {
                self.vms
                    .iter_mut()
                    .filter(|vm| !vm.is_final())
                    .for_each(|vm| vm.fail(problem.clone()));
                self.wind(Cause::Error, now);
            }
            Input::Outside(Outside::Signal) => self.signal(now),
            Input::Outside(Outside::Enough) => self.enough(now),
            Input::Outside(Outside::Tick) => self.tick(now),
        }
        self.advance(now);
        std::mem::take(&mut self.actions)
    }

    fn wake_at(&self) -> Option<Instant> {
        self.next_limit()
    }

    fn is_done(&self) -> bool {
        (0..self.vms.len()).all(|vm| self.vms[vm].is_final() && !self.awaits_probes(vm))
    }
}

// === impl Engine ===

impl Engine {
    /// A run over VMs whose placements name pods `0..pods`.
    pub(crate) fn new(settings: Settings, vms: Vec<Vm>, pods: usize) -> Self {
        let pods = vec![Life::Starting; pods];
        Self {
            settings,
            vms,
            pods,
            stage: Stage::Gathering,
            signals: 0,
            enough: false,
            clock: Timestamp::UNIX_EPOCH,
            actions: Vec::new(),
        }
    }

    pub(crate) fn vms(&self) -> &[Vm] {
        &self.vms
    }

    /// Signals received so far.
    pub(crate) fn signals(&self) -> u32 {
        self.signals
    }

    /// VMs whose turn it is.
    pub(super) fn members(&self) -> Vec<VmIndex> {
        match &self.stage {
            Stage::Batch(members) => members.clone(),
            Stage::Gathering | Stage::Winding => Vec::new(),
        }
    }

    pub(crate) fn is_winding(&self) -> bool {
        self.stage == Stage::Winding
    }

    /// Debug pods that had something in place of which nobody can say that it is gone.
    pub(crate) fn unproven_pods(&self) -> BTreeSet<PodIndex> {
        let placements = self.vms.iter().flat_map(|vm| &vm.placements);
        let unproven = placements.filter(|placement| matches!(placement.step, Step::Final(End::Leaked(_))));
        unproven.map(|placement| placement.pod).collect()
    }

    pub(crate) fn into_vms(self) -> Vec<Vm> {
        self.vms
    }

    fn advance(&mut self, now: Instant) {
        match self.stage.clone() {
            Stage::Winding => {}
            Stage::Gathering => {
                if self.vms.iter().any(|vm| vm.problem.is_some()) {
                    self.wind(Cause::Error, now);
                } else if self.vms.iter().all(|vm| vm.current().step == Step::Found) {
                    self.next_batch(now);
                }
            }
            Stage::Batch(members) => self.advance_batch(&members, now),
        }
    }

    fn advance_batch(&mut self, members: &[VmIndex], now: Instant) {
        let step = |engine: &Self, vm: VmIndex| engine.vms[vm].placements[0].step.clone();
        let before_go = |step: &Step| matches!(step, Step::Arming | Step::Ready | Step::Found);
        let waiting = members.iter().any(|&vm| before_go(&step(self, vm)));
        let failed = members.iter().any(|&vm| self.vms[vm].problem.is_some());
        if waiting && failed {
            // All are ready before the first change, or nothing is injected.
            self.wind(Cause::Error, now);
        } else if members
            .iter()
            .all(|&vm| step(self, vm) == Step::Ready && !self.awaits_probes(vm))
        {
            self.go(members, now);
        } else if members.iter().all(|&vm| self.vms[vm].is_final()) {
            if self.settings.serial && members.iter().any(|&vm| self.vms[vm].ended_early()) {
                self.wind(Cause::Error, now);
            } else {
                self.next_batch(now);
            }
        }
    }

    fn next_batch(&mut self, now: Instant) {
        let waiting = (0..self.vms.len()).filter(|&vm| self.vms[vm].current().step == Step::Found);
        let members: Vec<VmIndex> = if self.settings.serial {
            waiting.take(1).collect()
        } else {
            waiting.collect()
        };
        if members.is_empty() {
            return;
        }
        for &vm in &members {
            let placement = self.vms[vm].current_mut();
            placement.step = Step::Arming;
            placement.limit = Some(now + STEP_LIMIT);
        }
        self.enough = false;
        self.say_to(&members, Word::Arm);
        self.stage = Stage::Batch(members);
    }

    fn go(&mut self, members: &[VmIndex], now: Instant) {
        self.say_to(members, Word::Go);
        for &vm in members {
            let placement = self.vms[vm].current_mut();
            placement.step = Step::Going;
            placement.limit = Some(now + STEP_LIMIT);
        }
    }

    /// One word a pod where a batch has all of a pod's VMs, one a VM otherwise.
    fn say_to(&mut self, members: &[VmIndex], word: impl Fn(Option<usize>) -> Word) {
        if self.settings.serial {
            for &vm in members {
                let Placement { pod, index, .. } = *self.vms[vm].current();
                self.actions.push(Action::Say(pod, word(Some(index))));
            }
        } else {
            for pod in 0..self.pods.len() {
                if members.iter().any(|&vm| self.vms[vm].current().pod == pod) {
                    self.actions.push(Action::Say(pod, word(None)));
                }
            }
        }
    }

    /// A placement has ended, one way or another.
    pub(super) fn finish(&mut self, vm: VmIndex, placement: usize, end: End) {
        let state = &mut self.vms[vm];
        if state.placements[placement].is_final() {
            return;
        }
        let told = match &end {
            End::Leaked(_) => Some(Happened::Failed),
            End::Restored(_) | End::Swept(_) if state.injected_at.is_some() => Some(Happened::Restored),
            _ => None,
        };
        state.placements[placement].step = Step::Final(end);
        state.placements[placement].limit = None;
        if state.is_final() {
            state.ended_at = Some(self.clock);
            if let Some(told) = told {
                let told = if state.problem.is_some() {
                    Happened::Failed
                } else {
                    told
                };
                self.actions.push(Action::Tell(vm, told));
            }
        }
        self.actions.push(Action::Show(vm));
    }
}
