//! What the agents say, and what it means for the VMs, as the engine takes it.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::time::Instant;

use super::engine::{Action, Engine, LOOK_LIMIT, Life, STEP_LIMIT};
use super::vm::{Cause, End, PodIndex, Step, VmIndex};
use crate::cluster::events::Happened;
use crate::faults::packets::probes::Told;
use crate::node::session::SessionEvent;
use crate::node::wire::{By, Event, Line, ProbePhase, Word};
use crate::problem::{Problem, Reason};
use crate::run::words;

impl Engine {
    pub(super) fn session_event(&mut self, pod: PodIndex, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Created { .. } => {}
            SessionEvent::Waiting(why) => self.each_in(pod, |engine, vm, _| {
                engine.vms[vm].note(engine.clock, format!("the debug pod waits: {why}"));
            }),
            SessionEvent::Attached => {
                self.pods[pod] = Life::Talking;
                self.each_in(pod, |engine, vm, placement| {
                    engine.vms[vm].placements[placement].limit = Some(now + LOOK_LIMIT);
                });
                if self.is_winding() {
                    self.actions.push(Action::Say(pod, Word::Rollback(None)));
                }
            }
            SessionEvent::Line(line) => self.event(pod, line, now),
            SessionEvent::NotStarted { error } => {
                self.pods[pod] = Life::Over;
                let problem = words::not_started(&error);
                self.each_in(pod, |engine, vm, placement| {
                    engine.vms[vm].bare_since = None;
                    engine.vms[vm].fail(problem.clone());
                    engine.finish(vm, placement, End::Untouched);
                });
            }
            SessionEvent::WireLost => {
                self.pods[pod] = Life::Lost;
                self.forget_probes_of_pod(pod);
                self.each_in(pod, |engine, vm, placement| engine.wire_lost(vm, placement, now));
            }
            SessionEvent::Over(state) => {
                self.pods[pod] = Life::Over;
                self.forget_probes_of_pod(pod);
                self.each_in(pod, |engine, vm, placement| engine.pod_over(vm, placement, &state));
            }
        }
    }

    /// Calls `f` for every placement in this pod that it still has a say in.
    fn each_in(&mut self, pod: PodIndex, mut f: impl FnMut(&mut Self, VmIndex, usize)) {
        for vm in 0..self.vms.len() {
            for placement in 0..self.vms[vm].placements.len() {
                let here = &self.vms[vm].placements[placement];
                if here.pod == pod && !here.is_out_of_its_hands() {
                    f(self, vm, placement);
                }
            }
        }
    }

    pub(super) fn find(&self, pod: PodIndex, index: usize) -> Option<(VmIndex, usize)> {
        self.vms.iter().enumerate().find_map(|(vm, state)| {
            let here = |placement: &super::vm::Placement| placement.pod == pod && placement.index == index;
            state.placements.iter().position(here).map(|placement| (vm, placement))
        })
    }

    fn event(&mut self, pod: PodIndex, line: Line, now: Instant) {
        let event = line.event;
        if let Event::Probe { vm, n, phase, at, ms } = event {
            let told = Told {
                n,
                phase,
                at,
                now: line.t,
                ms,
            };
            return self.probe_told(pod, vm, &told);
        }
        if event == Event::Detached {
            self.each_in(pod, |engine, vm, placement| {
                if engine.vms[vm].placements[placement].step == Step::Injected {
                    engine.vms[vm].because(Cause::Deadline);
                    engine.finish(vm, placement, End::Detached);
                }
            });
            return;
        }
        let Some((vm, placement)) = vm_of(&event).and_then(|index| self.find(pod, index)) else {
            return;
        };
        if self.vms[vm].placements[placement].is_out_of_its_hands() {
            return;
        }
        match event {
            Event::Found { .. } => self.found(vm, placement, now),
            Event::Refused {
                reason, device, detail, ..
            } => {
                self.vms[vm].bare_since = None;
                let problem = words::refused(&self.vms[vm].key, &reason, device.as_deref(), &detail);
                self.vms[vm].fail(problem);
                self.finish(vm, placement, End::Untouched);
            }
            Event::Ready { .. } => self.ready(vm, placement, now),
            Event::Injected { read, .. } => self.injected(vm, placement, &read, now),
            Event::Failed { reason, detail, .. } => {
                self.vms[vm].note(self.clock, "the fault could not be put in place");
                self.vms[vm].fail(words::failed(&reason, &detail));
                self.set(vm, placement, Step::Ending, now);
            }
            Event::Ending { by, read, .. } => self.ending(vm, placement, by, &read, now),
            Event::Restored { by, held, changed, .. } => {
                let state = &mut self.vms[vm];
                if state
                    .problem
                    .as_ref()
                    .is_none_or(|problem| problem.reason != Reason::NotHeld)
                {
                    state.held += held;
                }
                state.changed_by_others = changed.or(state.changed_by_others.take());
                self.ended_by(vm, placement, by);
                let state = &mut self.vms[vm];
                let end = if state.placements[placement].is_touched() {
                    End::Restored(by)
                } else {
                    End::Untouched
                };
                state.note(self.clock, "restored and verified");
                let held = matches!(end, End::Restored(_));
                self.finish(vm, placement, end);
                if held && self.vms[vm].is_final() {
                    self.await_probes(vm, ProbePhase::After, now);
                }
            }
            Event::Leaked { by, left, .. } => {
                self.ended_by(vm, placement, by);
                self.could_not_undo(vm, placement, &left);
            }
            Event::Gone { held, .. } => {
                self.vms[vm].held += held.unwrap_or_default();
                self.lost_namespace(vm, placement, now);
            }
            _ => {}
        }
    }

    fn set(&mut self, vm: VmIndex, placement: usize, step: Step, now: Instant) {
        let here = &mut self.vms[vm].placements[placement];
        here.step = step;
        here.limit = Some(now + STEP_LIMIT);
        self.actions.push(Action::Show(vm));
    }

    fn found(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let here = &mut self.vms[vm].placements[placement];
        if here.step != Step::Waiting {
            return;
        }
        here.step = Step::Found;
        here.limit = None;
        if placement > 0 {
            // A VM that moved does not wait for others.
            let (pod, index) = (here.pod, here.index);
            self.set(vm, placement, Step::Arming, now);
            self.actions.push(Action::Say(pod, Word::Arm(Some(index))));
        }
    }

    fn ready(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let here = &mut self.vms[vm].placements[placement];
        if here.step != Step::Arming {
            return;
        }
        here.limit = None;
        here.step = Step::Ready;
        if placement > 0 {
            let (pod, index) = (here.pod, here.index);
            self.set(vm, placement, Step::Going, now);
            self.actions.push(Action::Say(pod, Word::Go(Some(index))));
        } else {
            self.await_probes(vm, ProbePhase::Before, now);
            self.actions.push(Action::Show(vm));
        }
    }

    fn injected(&mut self, vm: VmIndex, placement: usize, read: &BTreeMap<String, Value>, now: Instant) {
        let at = self.clock;
        let left = self.remaining(vm, now);
        let state = &mut self.vms[vm];
        if state.placements[placement].step != Step::Going {
            return;
        }
        match (state.check)(read) {
            Ok(readings) => {
                state.readings = readings;
                let node = state.placements[placement].node.clone();
                state.note(self.clock, format!("injected on {node} and read back"));
                if state.injected_at.is_none() {
                    state.injected_at = Some((at, now));
                    self.actions.push(Action::Tell(vm, Happened::Injected));
                }
                if let Some((_, since)) = state.bare_since.take()
                    && let Some(moved) = state.moves.last_mut()
                {
                    moved.gap = Some(now - since);
                }
                let state = &mut self.vms[vm];
                state.placements[placement].step = Step::Injected;
                state.placements[placement].limit = Some(now + left + STEP_LIMIT);
                self.actions.push(Action::Show(vm));
                if self.settings.detach {
                    self.await_probes(vm, ProbePhase::During, now);
                }
                self.detach_when_all_hold();
                self.end_if_enough(vm, now);
            }
            Err(difference) => {
                state.bare_since = None;
                state.note(self.clock, "what the kernel reads back is not what was asked");
                state.fail(Problem::new(Reason::Readback, difference));
                self.roll_back(vm, placement, now);
            }
        }
    }

    pub(super) fn detach_when_all_hold(&mut self) {
        let holds = |vm: &super::vm::Vm| vm.current().step == Step::Injected && vm.probing.waits.is_none();
        if self.settings.detach && self.vms.iter().all(holds) {
            let pods: std::collections::BTreeSet<_> = self.vms.iter().map(|vm| vm.current().pod).collect();
            self.actions
                .extend(pods.into_iter().map(|pod| Action::Say(pod, Word::Detach)));
        }
    }

    fn ending(&mut self, vm: VmIndex, placement: usize, by: By, read: &BTreeMap<String, Value>, now: Instant) {
        self.ended_by(vm, placement, by);
        let state = &mut self.vms[vm];
        let held = state.placements[placement].is_touched() && state.injected_at.is_some();
        if held && read.is_empty() {
            state.note(
                self.clock,
                "the kernel could not be asked whether the fault was there to its end",
            );
        } else if held && state.problem.is_none() {
            match (state.check)(read) {
                Ok(readings) => state.readings = readings,
                Err(difference) => state.fail(
                    Problem::new(
                        Reason::NotHeld,
                        format!("the fault was not there until its end: {difference}"),
                    )
                    .hint("somebody else changed the device meanwhile; run again"),
                ),
            }
        }
        state.note(self.clock, "rolling back");
        self.set(vm, placement, Step::Ending, now);
    }

    /// What ended a VM's fault on a node ends its run, unless the VM has moved on, or may have.
    pub(super) fn ended_by(&mut self, vm: VmIndex, placement: usize, by: By) {
        let state = &mut self.vms[vm];
        if placement + 1 == state.placements.len() && state.bare_since.is_none() {
            state.because(cause(by));
        }
    }

    /// Asks the node to undo one VM.
    pub(super) fn roll_back(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let here = &self.vms[vm].placements[placement];
        self.actions
            .push(Action::Say(here.pod, Word::Rollback(Some(here.index))));
        self.set(vm, placement, Step::Ending, now);
    }
}

fn vm_of(event: &Event) -> Option<usize> {
    match event {
        Event::Found { vm }
        | Event::Refused { vm, .. }
        | Event::Ready { vm, .. }
        | Event::Injected { vm, .. }
        | Event::Failed { vm, .. }
        | Event::Ending { vm, .. }
        | Event::Restored { vm, .. }
        | Event::Leaked { vm, .. }
        | Event::Gone { vm, .. } => Some(*vm),
        _ => None,
    }
}

/// What ended a fault, as the operator sees it.
pub(super) fn cause(by: By) -> Cause {
    match by {
        By::Deadline => Cause::Deadline,
        By::Rollback => Cause::Operator,
        By::LostOperator | By::Silence => Cause::LostOperator,
        By::Term => Cause::Cleanup,
        By::Gone => Cause::Gone,
        By::Sentinel | By::Other => Cause::Error,
    }
}
