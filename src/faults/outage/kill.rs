//! `--mode kill`: a debug pod on the VMI's node sends SIGKILL to its QEMU process.

use std::time::Duration;

use super::vm::Done;
use crate::cluster::Cluster;
use crate::fault::Launcher;
use crate::faults::outage::plan::{OutagePlan, Pods};
use crate::node::pod::DebugPod;
use crate::node::wire::{Event, Word};
use crate::plan::compile_kill;
use crate::plan::pod_options::{FAULT, TARGETS, started_by};
use crate::problem::{Problem, Reason};
use crate::run::one_shot_pod::{Next, OneShotPod, Removal};
use crate::run::signals::Signals;
use crate::run::words;

/// From the agent's first word to its last; it waits 5 s for the process to be gone.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// The pod for the `index`th VMI of the plan; the error is a name that cannot be put into a plan.
pub(crate) fn pod(plan: &OutagePlan, pods: &Pods, index: usize, launcher: &Launcher) -> Result<DebugPod, String> {
    let target = &plan.vms[index].target;
    let lines = compile_kill(&target.key(), launcher, 0).map_err(|error| error.to_string())?;
    let mut annotations = started_by(&plan.user, plan.reason.as_ref());
    annotations.insert(FAULT.to_owned(), NODE_COMMAND.to_owned());
    annotations.insert(TARGETS.to_owned(), target.key());
    Ok(DebugPod {
        run: plan.run.clone(),
        suffix: index.to_string(),
        fault: super::COMMAND.to_owned(),
        node: target.node.clone(),
        namespace: pods.namespace.clone(),
        image: pods.options.images.on(&target.node).clone(),
        service_account: pods.options.service_account.clone(),
        tolerations: pods.options.tolerations(),
        annotations,
        plan: lines.join("\n") + "\n",
        active_deadline: pods.options.start_limit + ANSWER_LIMIT * 2,
    })
}

/// The name of the `index`th VMI's pod.
pub(crate) fn pod_name(plan: &OutagePlan, index: usize) -> String {
    format!("vmchaos-{}-{index}", plan.run)
}

/// What is done on the node, as somebody would type it; `PID` is the QEMU process of the launcher.
pub(crate) const NODE_COMMAND: &str = "kill -KILL PID";

/// Kills the guest. A signal before the agent is told to leaves it alone. The pod, where there is one, is still to be removed.
pub(super) async fn kill(
    cluster: &Cluster,
    plan: &OutagePlan,
    index: usize,
    signals: Signals,
) -> (Done, Option<Removal>) {
    let marked = plan.spec.is_held();
    let refused = |problem: Problem| Done::Refused { problem, marked };
    let (Some(pods), Some(launcher)) = (&plan.pods, &plan.vms[index].target.launcher) else {
        return (
            refused(Problem::new(Reason::NoPod, "its launcher pod is not known")),
            None,
        );
    };
    let pod = match pod(plan, pods, index, launcher) {
        Ok(pod) => pod,
        Err(why) => return (refused(Problem::new(Reason::Plan, why)), None),
    };
    let one_shot = OneShotPod {
        cluster,
        pod,
        start_limit: pods.options.start_limit,
        answer_limit: ANSWER_LIMIT,
    };
    let key = plan.vms[index].target.key();
    let mut said = false;
    let answer = |event| answer(event, &key, &mut said);
    let (result, removal) = one_shot.run(signals.any(), answer).await;
    (done(result, said, marked), Some(removal))
}

/// The agent's own answer: an error says why it did not kill.
type Killed = Result<(), Problem>;

/// What follows from an event; `said` becomes true when the agent is told to kill.
fn answer(event: Event, key: &str, said: &mut bool) -> Next<Killed> {
    match event {
        Event::Found { .. } => {
            *said = true;
            Next::Say(Word::Kill)
        }
        Event::Killed { .. } => Next::Done(Ok(())),
        Event::Refused {
            reason, device, detail, ..
        } => Next::Done(Err(words::refused(key, &reason, device.as_deref(), &detail))),
        _ => Next::Listen,
    }
}

/// `said` is whether the agent was told to kill, so that no answer is no proof that it did not.
fn done(result: Result<Killed, Problem>, said: bool, marked: bool) -> Done {
    match result {
        Ok(Ok(())) => Done::Acted,
        Ok(Err(problem)) if problem.reason == Reason::NotKilled => Done::Uncertain(problem),
        Err(problem) if problem.reason == Reason::Stopped => Done::NotBegun { marked },
        Err(problem) if said => Done::Uncertain(problem),
        Ok(Err(problem)) | Err(problem) => Done::Refused { problem, marked },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_is_told_to_kill_once_it_has_found_the_guest_and_its_refusal_is_told() {
        let mut said = false;
        let mut hear = |event| (answer(event, "shop/web-1", &mut said), said);
        assert_eq!(hear(Event::Hb), (Next::Listen, false));
        assert_eq!(hear(Event::Found { vm: 0 }), (Next::Say(Word::Kill), true));
        assert_eq!(hear(Event::Hb), (Next::Listen, true));
        let of = |event| answer(event, "shop/web-1", &mut false);
        assert_eq!(of(Event::Killed { vm: 0, pid: 7 }), Next::Done(Ok(())));
        let refused = of(Event::Refused {
            vm: 0,
            reason: "no-process".into(),
            device: None,
            detail: String::new(),
        });
        let Next::Done(Err(problem)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(problem.reason, Reason::NoProcess);
        assert_eq!(problem.message, "no process of the VM's launcher was found on its node");
    }

    #[test]
    fn a_kill_that_may_have_been_done_is_not_said_to_be_refused() {
        let problem = |reason| Problem::new(reason, "why");
        let refused = |reason| Done::Refused {
            problem: problem(reason),
            marked: true,
        };
        for said in [false, true] {
            assert_eq!(done(Ok(Ok(())), said, true), Done::Acted);
            assert_eq!(
                done(Ok(Err(problem(Reason::NoProcess))), said, true),
                refused(Reason::NoProcess)
            );
            // SIGKILL was sent, and the process is there still.
            let killed = done(Ok(Err(problem(Reason::NotKilled))), said, true);
            assert_eq!(killed, Done::Uncertain(problem(Reason::NotKilled)));
            assert_eq!(
                done(Err(problem(Reason::Stopped)), said, true),
                Done::NotBegun { marked: true }
            );
        }
        assert_eq!(
            done(Err(problem(Reason::StreamLost)), false, true),
            refused(Reason::StreamLost)
        );
        let lost = done(Err(problem(Reason::StreamLost)), true, true);
        assert_eq!(lost, Done::Uncertain(problem(Reason::StreamLost)));
    }
}
