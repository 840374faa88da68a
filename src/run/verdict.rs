//! What becomes of a fault whose stream is gone: the verdict its pod left in its status, or a look by another agent.

use tokio::time::Instant;

use super::engine::{Action, Engine, VERDICT_LIMIT};
use super::heard::cause;
use super::vm::{Cause, End, STREAM_LOST, Step, Trouble, Vm, VmIndex};
use crate::node::pod_state::PodState;
use crate::node::wire::By;

impl Engine {
    /// The stream to a debug pod has ended; what is in place there, its node rolls back by itself.
    pub(super) fn wire_lost(&mut self, vm: VmIndex, placement: usize, now: Instant) {
        let state = &mut self.vms[vm];
        state.note("the stream to the debug pod was lost; the node rolls back by itself");
        stream_lost(state);
        if state.placements[placement].is_touched() {
            state.placements[placement].limit = Some(now + VERDICT_LIMIT);
            self.actions.push(Action::Show(vm));
        } else {
            self.finish(vm, placement, End::Untouched);
        }
    }

    /// A debug pod is over: its verdict counts for what it had in place.
    pub(super) fn pod_over(&mut self, vm: VmIndex, placement: usize, state: &PodState) {
        let here = &self.vms[vm].placements[placement];
        if !here.is_touched() {
            self.vms[vm].fail(Trouble::new(
                "pod-ended",
                "the debug pod ended before anything was injected",
            ));
            return self.finish(vm, placement, End::Untouched);
        }
        let index = here.index;
        let verdict = state.verdict();
        let own = verdict.and_then(|verdict| verdict.vms.iter().find(|entry| entry.0 == index));
        match (own, verdict) {
            (Some((_, word, by, held)), _) => {
                let (by, held) = (*by, *held);
                self.vms[vm].held += held;
                if matches!(by, By::LostOperator | By::Silence) {
                    // The node noticed before we did.
                    stream_lost(&mut self.vms[vm]);
                }
                self.vms[vm].because(cause(by));
                let end = match word.as_str() {
                    "restored" => End::Restored(by),
                    "gone" => End::Gone,
                    _ => End::Leaked("the node could not remove everything".to_owned()),
                };
                self.vms[vm].note("the debug pod's verdict was read from its status");
                self.finish(vm, placement, end);
            }
            // The message is short of room only for restored ones.
            (None, Some(verdict)) if verdict.more > 0 => self.finish(vm, placement, End::Restored(By::Other)),
            _ => {
                self.ended_unsaid(vm, state);
                self.verify(vm, placement);
            }
        }
    }

    /// The debug pod is gone from under the fault and left no word: whatever is found now, the fault did not hold.
    fn ended_unsaid(&mut self, vm: VmIndex, state: &PodState) {
        let vm = &mut self.vms[vm];
        match state {
            _ if vm.cause.is_some() => {}
            PodState::Deleted { .. } => {
                vm.note("the debug pod was deleted");
                vm.because(Cause::Cleanup);
            }
            _ => vm.fail(
                Trouble::new("pod-ended", "the debug pod ended under the fault and left no verdict")
                    .hint("something on its node killed it, or the node is out of memory; see its events"),
            ),
        }
    }

    /// Nobody could say what is left: another agent is to look.
    pub(super) fn verify(&mut self, vm: VmIndex, placement: usize) {
        let here = &mut self.vms[vm].placements[placement];
        here.step = Step::Verifying;
        here.limit = None;
        self.actions.push(Action::Verify { vm, placement });
    }
}

/// A fault that was to go on has lost the one who watched it.
fn stream_lost(vm: &mut Vm) {
    if matches!(vm.cause, Some(Cause::Signal | Cause::Deadline)) {
        return;
    }
    vm.because(Cause::LostOperator);
    vm.trouble.get_or_insert(
        Trouble::new(STREAM_LOST, "the stream to the debug pod was lost")
            .hint("a restarted API server, kubelet or load balancer ends a fault; run again"),
    );
}
