//! A VM that moves, goes, or takes too long: the engine's watch over what the agents do not say.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Action, Engine, STEP_LIMIT, VmiSeen};
use super::vm::{Cause, End, Move, Placement, PodIndex, Step, VmIndex};
use crate::cluster::events::Happened;
use crate::node::wire::Word;
use crate::problem::{Problem, Reason};

impl Engine {
    /// The time left of what was asked, counted from the first injection.
    pub(super) fn remaining(&self, vm: VmIndex, now: Instant) -> Duration {
        let since = self.vms[vm].injected_at.map_or(Duration::ZERO, |(_, at)| now - at);
        self.settings.hold.saturating_sub(since)
    }

    pub(super) fn vmi(&mut self, vm: VmIndex, seen: &VmiSeen, now: Instant) {
        let state = &mut self.vms[vm];
        // What a watch tells may be older than what was read meanwhile.
        if seen.version.is_some() && seen.version < state.version {
            return;
        }
        state.version = seen.version.or(state.version);
        if state.is_final() || self.is_winding() {
            return;
        }
        let state = &mut self.vms[vm];
        if state.bare_since.is_some() && (seen.gone || seen.leaving) {
            return self.give_up(vm, Cause::Gone);
        }
        if seen.gone {
            return self.guest_ends(vm, "the VMI has ended or was replaced", now);
        }
        if seen.leaving {
            return self.guest_ends(vm, "the VMI is being deleted", now);
        }
        let moved_to = seen
            .node
            .as_deref()
            .filter(|node| *node != state.current().node)
            .map(str::to_owned);
        if let Some(node) = moved_to {
            self.moved(vm, node, now);
        }
    }

    /// The guest is on its way out, and is not coming back: its fault ends now, not with its network namespace.
    fn guest_ends(&mut self, vm: VmIndex, why: &str, now: Instant) {
        let placement = self.vms[vm].placements.len() - 1;
        match self.vms[vm].current().step {
            Step::Waiting | Step::Found | Step::Arming | Step::Ready => {
                let state = &mut self.vms[vm];
                state.fail(Problem::new(
                    Reason::Gone,
                    format!("{why}; the fault was not put in place"),
                ));
                let Placement { pod, index, .. } = *state.current();
                self.actions.push(Action::Say(pod, Word::Rollback(Some(index))));
                self.finish(vm, placement, End::Untouched);
            }
            Step::Going | Step::Injected => {
                self.vms[vm].note(self.clock, why);
                self.vms[vm].because(Cause::Gone);
                self.roll_back(vm, placement, now);
            }
            Step::Ending | Step::Verifying | Step::Final(_) => {}
        }
    }

    /// The launcher that has the fault is on its way out, and the fault with it. That the VM has moved away from it may not
    /// have been seen yet: its VMI is asked.
    pub(super) fn launcher_ends(&mut self, vm: VmIndex, pod: PodIndex, now: Instant) {
        let state = &mut self.vms[vm];
        if state.is_final() || state.current().pod != pod || self.is_winding() {
            return;
        }
        let why = "its launcher pod is being deleted";
        let state = &mut self.vms[vm];
        if state.current().step != Step::Injected || state.bare_since.is_some() {
            return self.guest_ends(vm, why, now);
        }
        state.note(self.clock, why);
        self.undecided(vm, now);
        let placement = self.vms[vm].placements.len() - 1;
        self.roll_back(vm, placement, now);
    }

    /// The VM has lost its fault, and only its VMI knows whether it runs elsewhere now.
    fn undecided(&mut self, vm: VmIndex, now: Instant) {
        let state = &mut self.vms[vm];
        state.bare_since = Some((self.clock, now));
        state.decide_by = Some(now + STEP_LIMIT);
        self.actions.push(Action::Recheck(vm));
    }

    fn moved(&mut self, vm: VmIndex, node: String, now: Instant) {
        let placement = self.vms[vm].placements.len() - 1;
        let state = &mut self.vms[vm];
        let from = state.current().node.clone();
        if state
            .moves
            .last()
            .is_some_and(|last| last.gap.is_none() && last.to == node)
        {
            return;
        }
        state.note(self.clock, format!("moved from {from} to {node}"));
        let held = matches!(state.current().step, Step::Injected);
        let bare = state.bare_since.is_some();
        if !held && !bare {
            if matches!(state.current().step, Step::Ending | Step::Verifying | Step::Final(_)) {
                return;
            }
            state.fail(
                Problem::new(
                    Reason::Moved,
                    format!("the VM moved from {from} to {node} before the fault was in place"),
                )
                .hint("run the command again"),
            );
            if state.current().step == Step::Going {
                self.roll_back(vm, placement, now);
            } else {
                self.finish(vm, placement, End::Untouched);
            }
            return;
        }
        let remaining = self.remaining(vm, now);
        let state = &mut self.vms[vm];
        let at = self.clock;
        let since = state.bare_since.unwrap_or((at, now));
        state.moves.push(Move {
            at,
            from,
            to: node.clone(),
            gap: None,
        });
        let follow = self.settings.follow && !remaining.is_zero();
        state.decide_by = None;
        state.bare_since = follow.then_some(since);
        if !follow {
            state.because(Cause::Migration);
        }
        if held {
            self.roll_back(vm, placement, now);
        }
        if follow {
            self.actions.push(Action::Place { vm, node, remaining });
        } else if self.vms[vm].is_final() {
            self.give_up(vm, Cause::Migration);
        }
        self.actions.push(Action::Show(vm));
    }

    /// The VM stays without its fault, and nothing of it is left on any node.
    pub(super) fn give_up(&mut self, vm: VmIndex, cause: Cause) {
        let state = &mut self.vms[vm];
        state.bare_since = None;
        state.decide_by = None;
        state.because(cause);
        if state.is_final() {
            state.ended_at = Some(self.clock);
            let told = if state.problem.is_some() {
                Happened::Failed
            } else {
                Happened::Restored
            };
            self.actions.push(Action::Tell(vm, told));
        }
        self.actions.push(Action::Show(vm));
    }

    pub(super) fn placed(&mut self, vm: VmIndex, node: &str, result: Result<PodIndex, Problem>) {
        match result {
            Ok(pod) => {
                if self.pods.len() <= pod {
                    self.pods.resize(pod + 1, super::engine::Life::Starting);
                }
                if self.is_winding() || self.vms[vm].bare_since.is_none() {
                    self.actions.push(Action::Close(pod));
                    return;
                }
                self.vms[vm].placements.push(Placement::new(pod, 0, node));
                self.actions.push(Action::Show(vm));
            }
            Err(problem) => {
                self.vms[vm].fail(problem);
                self.give_up(vm, Cause::Error);
            }
        }
    }

    /// The node says that the network namespace ended under the fault: the VM has moved, or is gone.
    pub(super) fn lost_namespace(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let last = placement + 1 == self.vms[vm].placements.len();
        let state = &mut self.vms[vm];
        let held = matches!(state.placements[placement].step, Step::Injected);
        state.note(
            self.clock,
            format!("the network namespace on {} ended", state.placements[placement].node),
        );
        if last && held && !self.is_winding() && self.vms[vm].bare_since.is_none() {
            self.undecided(vm, now);
            self.finish(vm, placement, End::Gone);
        } else {
            if last && self.vms[vm].bare_since.is_none() {
                self.vms[vm].because(Cause::Gone);
            }
            self.finish(vm, placement, End::Gone);
        }
    }

    /// The next moment at which something is given up.
    pub(super) fn next_limit(&self) -> Option<Instant> {
        let limits = self.vms.iter().flat_map(|vm| {
            let limits = vm.placements.iter().filter_map(|placement| placement.limit);
            let probes = vm.probing.waits.map(|(_, limit)| limit);
            limits.chain(self.rolls_at(vm)).chain(probes).chain(vm.decide_by)
        });
        limits.min()
    }

    /// A VM that moved is rolled back by us when what was asked is over; its node's own deadline is a little later.
    fn rolls_at(&self, vm: &super::vm::Vm) -> Option<Instant> {
        let moved = vm.placements.len() > 1 && vm.current().step == Step::Injected;
        vm.injected_at.filter(|_| moved).map(|(_, at)| at + self.settings.hold)
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.tick_probes(now);
        for vm in 0..self.vms.len() {
            if self.rolls_at(&self.vms[vm]).is_some_and(|at| at <= now) {
                self.vms[vm].because(Cause::Deadline);
                let last = self.vms[vm].placements.len() - 1;
                self.roll_back(vm, last, now);
            }
            if self.vms[vm].decide_by.is_some_and(|limit| limit <= now) {
                self.give_up(vm, Cause::Gone);
            }
            for placement in 0..self.vms[vm].placements.len() {
                if self.vms[vm].placements[placement]
                    .limit
                    .is_some_and(|limit| limit <= now)
                {
                    self.vms[vm].placements[placement].limit = None;
                    self.overdue(vm, placement, now);
                }
            }
        }
    }

    fn overdue(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let here = &self.vms[vm].placements[placement];
        let (pod, index, node) = (here.pod, here.index, here.node.clone());
        match here.step.clone() {
            Step::Ending => self.verify(vm, placement),
            Step::Injected | Step::Going => {
                self.vms[vm].fail(Problem::new(
                    Reason::Overdue,
                    format!("the agent on {node} did not answer in time"),
                ));
                self.roll_back(vm, placement, now);
            }
            Step::Verifying | Step::Final(_) => {}
            Step::Waiting | Step::Found | Step::Arming | Step::Ready => {
                self.vms[vm].fail(Problem::new(
                    Reason::AgentSilent,
                    format!("the agent on {node} did not get ready in time"),
                ));
                self.actions.push(Action::Say(pod, Word::Rollback(Some(index))));
                self.finish(vm, placement, End::Untouched);
            }
        }
    }
}
