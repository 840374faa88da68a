//! What ends a run before its deadline: a failure, a signal, or that the operator has seen enough.

use tokio::time::Instant;

use super::engine::{Action, Engine, Life, STEP_LIMIT, Stage};
use super::vm::{Cause, End, Step, Vm, VmIndex};
use crate::node::wire::Word;

impl Engine {
    /// Ends the run: what was touched is rolled back, what was not is let go.
    pub(super) fn wind(&mut self, cause: Cause, now: Instant) {
        self.stage = Stage::Winding;
        for pod in 0..self.pods.len() {
            match self.pods[pod] {
                Life::Talking => self.actions.push(Action::Say(pod, Word::Rollback(None))),
                Life::Starting => self.actions.push(Action::Close(pod)),
                Life::Lost | Life::Over => {}
            }
        }
        for index in 0..self.vms.len() {
            let vm = &mut self.vms[index];
            if vm.is_final() {
                continue;
            }
            vm.because(cause);
            vm.bare_since = None;
            vm.decide_by = None;
            vm.probing.waits = None;
            for placement in &mut vm.placements {
                match placement.step {
                    Step::Waiting | Step::Found | Step::Arming | Step::Ready => {
                        placement.step = Step::Final(End::Untouched);
                    }
                    Step::Going | Step::Injected => {
                        placement.step = Step::Ending;
                        placement.limit = Some(now + STEP_LIMIT);
                    }
                    Step::Ending | Step::Verifying | Step::Final(_) => {}
                }
            }
            self.actions.push(Action::Show(index));
        }
    }

    /// The first rolls back what is in place, the second leaves.
    pub(super) fn signal(&mut self, now: Instant) {
        self.forget_probes(Vm::is_final);
        if self.vms.iter().all(Vm::is_final) {
            // Everything is back already; only probes were waited for.
            return;
        }
        self.signals += 1;
        if self.signals == 1 {
            self.wind(Cause::Signal, now);
            return;
        }
        for vm in &mut self.vms {
            vm.bare_since = None;
            vm.decide_by = None;
            for placement in vm.placements.iter_mut().filter(|placement| !placement.is_final()) {
                let left = "the command was told to leave before the rollback was verified";
                placement.step = Step::Final(End::Leaked(left.to_owned()));
            }
        }
    }

    /// The operator has seen enough. VMs that have the fault, or are about to, are rolled back as at the deadline. A serial run goes
    /// on with its next VM. Does nothing while no VM has the fault.
    pub(super) fn enough(&mut self, now: Instant) {
        let members = self.members();
        let under_way = |vm: &VmIndex| {
            let vm = &self.vms[*vm];
            vm.bare_since.is_some() || matches!(vm.current().step, Step::Going | Step::Injected)
        };
        if self.settings.detach || !members.iter().any(under_way) {
            return;
        }
        self.enough = true;
        for vm in members {
            self.end_if_enough(vm, now);
        }
    }

    /// Ends a VM's fault when enough was said. One that is not read back yet is waited for: it may not count as injected.
    pub(super) fn end_if_enough(&mut self, vm: VmIndex, now: Instant) {
        let state = &mut self.vms[vm];
        if !self.enough || state.is_final() {
            return;
        }
        let last = state.placements.len() - 1;
        if state.current().step == Step::Injected {
            state.because(Cause::Operator);
            state.note(self.clock, "told to roll back now");
            self.roll_back(vm, last, now);
        } else if state.bare_since.is_some() {
            state.note(self.clock, "told to roll back now: not put on the new node any more");
            let placement = &mut state.placements[last];
            if matches!(placement.step, Step::Waiting | Step::Found | Step::Arming | Step::Ready) {
                placement.step = Step::Final(End::Untouched);
                self.actions
                    .push(Action::Say(placement.pod, Word::Rollback(Some(placement.index))));
            }
            self.give_up(vm, Cause::Operator);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::run::machine::{Machine, Outside};
    use std::time::Duration;

    use super::super::engine::{Input, Settings};
    use super::super::testing::{HOLD, TestRun, here, settings};
    use super::*;
    use crate::cluster::events::Happened;
    use crate::node::wire::By;

    fn cause(run: &TestRun, vm: usize) -> Option<Cause> {
        run.engine.vms()[vm].cause
    }

    fn serial() -> Settings {
        Settings {
            serial: true,
            ..settings()
        }
    }

    #[test]
    fn all_that_have_the_fault_are_rolled_back_as_at_the_deadline() {
        let mut run = TestRun::hold(settings(), 2);
        run.pass(HOLD / 3).tell(Outside::Enough.into());
        assert_eq!(
            run.said(),
            [
                Action::Say(0, Word::Rollback(Some(0))),
                Action::Say(1, Word::Rollback(Some(0)))
            ]
        );
        for vm in 0..2 {
            run.ending(vm, By::Rollback, "ok").restored(vm, By::Rollback);
            assert_eq!(cause(&run, vm), Some(Cause::Operator));
        }
        assert!(run.engine.is_done() && run.engine.signals() == 0);
        assert_eq!((run.reason(0), run.reason(1)), (None, None));
    }

    #[test]
    fn in_a_serial_run_the_next_ones_turn_comes_with_its_whole_time() {
        let mut run = TestRun::new(serial(), 2);
        run.found(0).found(1).ready(0).injected(0);
        run.tell(Outside::Enough.into()).said();
        run.ending(0, By::Rollback, "ok").restored(0, By::Rollback);
        assert!(run.said().contains(&Action::Say(1, Word::Arm(Some(0)))));
        run.ready(1).injected(1);
        assert_eq!(run.end(1), &Step::Injected, "enough was said of the first one only");
        run.ending(1, By::Deadline, "ok").restored(1, By::Deadline);
        assert_eq!(cause(&run, 1), Some(Cause::Deadline));
    }

    #[test]
    fn one_that_is_just_getting_the_fault_is_read_back_first() {
        let mut run = TestRun::new(settings(), 2);
        run.found(0).found(1).ready(0).ready(1).injected(0).said();
        run.tell(Outside::Enough.into());
        assert_eq!(run.said(), [Action::Say(0, Word::Rollback(Some(0)))]);
        run.injected(1);
        assert!(run.said().contains(&Action::Say(1, Word::Rollback(Some(0)))));
    }

    #[test]
    fn before_anything_is_in_place_it_means_nothing() {
        let mut run = TestRun::new(settings(), 1);
        run.tell(Outside::Enough.into())
            .found(0)
            .tell(Outside::Enough.into())
            .ready(0)
            .injected(0);
        assert_eq!(run.end(0), &Step::Injected);
    }

    #[test]
    fn a_vm_on_its_way_to_another_node_does_not_get_the_fault_back() {
        let mut run = TestRun::hold(settings(), 1);
        run.tell(Input::Vmi(0, here("node-2"))).said();
        run.tell(Input::Placed(0, "node-2".into(), Ok(1)))
            .tell(Outside::Enough.into());
        assert_eq!(run.said(), [Action::Say(1, Word::Rollback(Some(0)))]);
        run.restored(0, By::Rollback);
        assert!(run.engine.is_done());
        assert_eq!(cause(&run, 0), Some(Cause::Operator));
        assert_eq!(run.said(), [Action::Tell(0, Happened::Restored)]);
        assert_eq!(run.pass(Duration::from_secs(1)).said(), []);
    }

    #[test]
    fn a_signal_afterwards_still_counts() {
        let mut run = TestRun::hold(settings(), 1);
        run.tell(Outside::Enough.into())
            .tell(Outside::Signal.into())
            .restored(0, By::Rollback);
        assert!(run.engine.is_done() && run.engine.signals() == 1);
    }
}
