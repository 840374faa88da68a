//! Probes of the VMs (`--probe`): what the agents measured, and where the run waits a moment for them.
//!
//! ```text
//! ready ── a few before ──> go … injected ── (--detach: a few) … restored ── a few after ──> done
//! ```
//! Each wait has a limit of its own, and none is between a fault and its end.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::engine::{Action, Engine};
use super::vm::{PodIndex, Vm, VmIndex};
use crate::node::wire::ProbePhase;

/// Probes of each kind that are waited for before the first change, and after the end.
const NEEDED: usize = 3;
/// A wait is over then, whatever has been answered: `go` has time on the node until 60 s after `ready`.
const LIMIT: Duration = Duration::from_secs(10);

/// One probe of a VM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// When it began, by this machine's clock.
    pub at: Timestamp,
    pub phase: ProbePhase,
    /// Milliseconds until the answer; `None` when there was none.
    pub ms: Option<f64>,
}

/// The probes of one VM.
#[derive(Debug, Default)]
pub(crate) struct Probing {
    /// Its pod's address, of the launcher it runs in now.
    pub address: Option<IpAddr>,
    /// One list a kind, in the order of the plan.
    pub samples: Vec<Vec<Sample>>,
    /// What is waited for, and until when.
    pub(super) waits: Option<(ProbePhase, Instant)>,
}

impl Probing {
    /// Of a VM that is probed in so many ways.
    pub(crate) fn new(kinds: usize, address: Option<IpAddr>) -> Self {
        Self {
            address,
            samples: vec![Vec::new(); kinds],
            waits: None,
        }
    }

    /// The last probe under the fault, of the first kind that has one.
    pub(crate) fn latest(&self) -> Option<&Sample> {
        let mut last = self.samples.iter().filter_map(|samples| samples.last());
        last.find(|sample| sample.phase == ProbePhase::During)
    }

    /// The fewest probes of a phase among the kinds.
    fn count(&self, phase: ProbePhase) -> usize {
        let of = |samples: &Vec<Sample>| samples.iter().filter(|sample| sample.phase == phase).count();
        self.samples.iter().map(of).min().unwrap_or_default()
    }
}

impl Vm {
    /// The same VM, probed.
    #[must_use]
    pub(crate) fn probed(mut self, probing: Probing) -> Self {
        self.probing = probing;
        self
    }
}

/// A result as the agent tells it; times are seconds of the node's uptime.
pub(super) struct Told {
    pub(super) n: usize,
    pub(super) phase: ProbePhase,
    pub(super) at: f64,
    /// When it was told.
    pub(super) now: f64,
    pub(super) ms: Option<f64>,
}

impl Engine {
    /// A result of the VM with that index in a pod's plan.
    pub(super) fn probe_told(&mut self, pod: PodIndex, index: usize, told: &Told) {
        let Some((vm, placement)) = self.find(pod, index) else {
            return;
        };
        let state = &mut self.vms[vm];
        // Of a VM that moved only where it is now counts, and it has no time before its fault there.
        let old = placement + 1 < state.placements.len() || state.bare_since.is_some();
        if old || (placement > 0 && told.phase == ProbePhase::Before) {
            return;
        }
        let Some(samples) = state.probing.samples.get_mut(told.n) else {
            return;
        };
        let ago = SignedDuration::try_from_secs_f64(told.now - told.at).unwrap_or_default();
        let at = self.clock;
        samples.push(Sample {
            at: at.checked_sub(ago).unwrap_or(at),
            phase: told.phase,
            ms: told.ms,
        });
        if told.phase == ProbePhase::During {
            self.actions.push(Action::Show(vm));
        }
        // After a signal somebody waits for the prompt.
        let needed = if self.signals() > 0 { 1 } else { NEEDED };
        let probing = &self.vms[vm].probing;
        if probing.waits.is_some_and(|(phase, _)| probing.count(phase) >= needed) {
            self.waited(vm);
        }
    }

    /// Waits for a few probes of a phase, if the VM is probed at all.
    pub(super) fn await_probes(&mut self, vm: VmIndex, phase: ProbePhase, now: Instant) {
        let limit = match phase {
            // Not past half of the time the fault has.
            ProbePhase::During => LIMIT.min(self.settings.hold / 2),
            _ => LIMIT,
        };
        let probing = &mut self.vms[vm].probing;
        if !probing.samples.is_empty() {
            probing.waits = Some((phase, now + limit));
        }
    }

    pub(super) fn awaits_probes(&self, vm: VmIndex) -> bool {
        self.vms[vm].probing.waits.is_some()
    }

    fn waited(&mut self, vm: VmIndex) {
        if self.vms[vm].probing.waits.take().is_some() {
            self.detach_when_all_hold();
        }
    }

    /// Ends the waits whose limit has passed.
    pub(super) fn tick_probes(&mut self, now: Instant) {
        for vm in 0..self.vms.len() {
            if self.vms[vm].probing.waits.is_some_and(|(_, limit)| limit <= now) {
                self.waited(vm);
            }
        }
    }

    /// Nothing more is heard from where these VMs are probed, or somebody is in a hurry.
    pub(super) fn forget_probes(&mut self, of: impl Fn(&Vm) -> bool) {
        for vm in self.vms.iter_mut().filter(|vm| of(vm)) {
            vm.probing.waits = None;
        }
    }

    pub(super) fn forget_probes_of_pod(&mut self, pod: PodIndex) {
        self.forget_probes(|vm| vm.current().pod == pod);
    }

    /// A VM was found again on another node.
    pub(crate) fn set_address(&mut self, vm: VmIndex, address: Option<IpAddr>) {
        self.vms[vm].probing.address = address;
    }
}
