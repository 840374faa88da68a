//! What becomes of a fault whose stream is gone: the verdict its pod left in its status, or a look by another agent.

use tokio::time::Instant;

use super::engine::{Action, Engine, VERDICT_LIMIT};
use super::vm::{Cause, End, Step, Vm, VmIndex};
use crate::node::pod_state::PodState;
use crate::node::verdict::EndState;
use crate::node::wire::By;
use crate::problem::{Problem, Reason};
use crate::run::sweep::Swept;

impl Engine {
    /// The stream to a debug pod has ended; what is in place there, its node is to roll back by itself.
    pub(super) fn wire_lost(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let state = &mut self.vms[vm];
        state.note(
            self.clock,
            "the stream to the debug pod was lost; its node is to roll back by itself",
        );
        stream_lost(state);
        if state.placements[placement].is_touched() {
            state.placements[placement].limit = Some(now + VERDICT_LIMIT);
            self.actions.push(Action::Show(vm));
        } else {
            self.finish(vm, placement, End::Untouched);
        }
    }

    /// A debug pod is over: its verdict counts for the VMs that it names. One that it does not name may have had no room in the
    /// message, or nobody left to speak for it: that is looked into.
    pub(super) fn pod_over(&mut self, vm: VmIndex, placement: usize, state: &PodState) {
        let here = &self.vms[vm].placements[placement];
        if !here.is_touched() {
            self.vms[vm].fail(Problem::new(
                Reason::PodEnded,
                "the debug pod ended before anything was injected",
            ));
            return self.finish(vm, placement, End::Untouched);
        }
        let index = here.index;
        let named = state.verdict().and_then(|verdict| verdict.of(index));
        let Some((end, by, held)) = named else {
            self.ended_unsaid(vm, state);
            return self.verify(vm, placement);
        };
        self.vms[vm].held += held;
        if matches!(by, By::LostOperator | By::Silence) {
            // The node noticed before we did.
            stream_lost(&mut self.vms[vm]);
        }
        self.ended_by(vm, placement, by);
        self.vms[vm].note(self.clock, "the debug pod's verdict was read from its status");
        match end {
            EndState::Restored => self.finish(vm, placement, End::Restored(by)),
            EndState::Gone => self.finish(vm, placement, End::Gone),
            _ => self.could_not_undo(vm, placement, "as the debug pod's verdict says"),
        }
    }

    /// The debug pod is gone from under the fault and left no word: whatever is found now, the fault did not hold.
    fn ended_unsaid(&mut self, vm: VmIndex, state: &PodState) {
        let vm = &mut self.vms[vm];
        match state {
            _ if vm.cause.is_some() => {}
            PodState::Deleted { .. } => {
                vm.note(self.clock, "the debug pod was deleted");
                vm.because(Cause::Cleanup);
            }
            _ => vm.fail(
                Problem::new(
                    Reason::PodEnded,
                    "the debug pod ended under the fault and left no verdict",
                )
                .hint("something on its node killed it, or the node is out of memory; see its events"),
            ),
        }
    }

    /// The node says itself that it could not remove everything: another agent is to.
    pub(super) fn could_not_undo(&mut self, vm: VmIndex, placement: usize, left: &str) {
        let state = &mut self.vms[vm];
        let node = &state.placements[placement].node;
        let problem = Problem::new(Reason::NotUndone, format!("{node} could not undo the fault: {left}"));
        state.note(self.clock, problem.message.clone());
        state.fail(
            problem.hint("why it could not is in the log of the node's kernel; the run did not end as it should have"),
        );
        self.verify(vm, placement);
    }

    /// Nobody could say what is left: another agent is to look.
    pub(super) fn verify(&mut self, vm: VmIndex, placement: usize) {
        let here = &mut self.vms[vm].placements[placement];
        here.step = Step::Verifying;
        here.limit = None;
        self.actions.push(Action::Verify { vm, placement });
        self.actions.push(Action::Show(vm));
    }

    /// Another agent has looked, and removed what was there, or could not.
    pub(super) fn verified(&mut self, vm: VmIndex, placement: usize, result: Result<Swept, String>) {
        let (end, note) = match result {
            Ok(swept) if swept.gone => (
                End::Gone,
                "the network namespace is gone, says another debug pod".to_owned(),
            ),
            Ok(swept) if swept.removed.is_empty() => (
                End::Swept(Vec::new()),
                "another debug pod looked: nothing was left".to_owned(),
            ),
            Ok(swept) => {
                let note = format!("another debug pod removed {}", swept.removed.join(", "));
                (End::Swept(swept.removed), note)
            }
            Err(left) => {
                let note = format!("another debug pod could not prove that nothing is left: {left}");
                (End::Leaked(left), note)
            }
        };
        self.vms[vm].note(self.clock, note);
        self.finish(vm, placement, end);
    }
}

/// A fault that was to go on has lost the one who watched it.
fn stream_lost(vm: &mut Vm) {
    if matches!(vm.cause, Some(Cause::Signal | Cause::Deadline)) {
        return;
    }
    vm.because(Cause::LostOperator);
    vm.problem.get_or_insert(
        Problem::new(Reason::StreamLost, "the stream to the debug pod was lost")
            .hint("a restarted API server, kubelet or load balancer ends a fault; run again"),
    );
}
