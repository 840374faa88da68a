//! What a run does in time, and what it tells of each VM: how long the fault was there, what ended it, and who is told.

use std::time::Duration;

use super::super::engine::{Action, Input, STEP_LIMIT};
use super::super::testing::{HOLD, TestRun, over, settings, swept, verdict};
use super::super::vm::{Cause, End, Placement, Step};
use crate::cluster::events::Happened;
use crate::faults::packets::probes::Probing;
use crate::node::pod_state::PodState;
use crate::node::session::SessionEvent;
use crate::node::verdict::EndState;
use crate::node::wire::{By, Event, ProbePhase, Word};
use crate::problem::{Problem, Reason};
use crate::run::machine::{Machine, Outside};

const A_MOMENT: Duration = Duration::from_secs(1);

/// Notes of a VM, without their times.
fn notes(run: &TestRun, vm: usize) -> Vec<&str> {
    let timeline = &run.engine.vms()[vm].timeline;
    timeline.iter().map(|(_, note)| note.as_str()).collect()
}

fn told(run: &mut TestRun) -> Vec<Happened> {
    let all = run.said().into_iter();
    all.filter_map(|action| match action {
        Action::Tell(_, happened) => Some(happened),
        _ => None,
    })
    .collect()
}

/// Seconds under the fault.
fn held(run: &TestRun) -> String {
    format!("{:.1}", run.engine.vms()[0].held)
}

/// A fault on one VM, whose stream is lost.
fn lost() -> TestRun {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, SessionEvent::WireLost)).said();
    run
}

/// No step is overdue before its time.
#[test]
fn each_step_has_its_time() {
    let mut run = TestRun::new(settings(), 1);
    let quiet = |run: &mut TestRun, what: &str| {
        assert_eq!(run.pass(A_MOMENT).said(), vec![], "{what}");
        assert_eq!(run.reason(0), None, "{what}");
    };
    run.tell(Input::Session(0, SessionEvent::Attached)).said();
    quiet(&mut run, "attached");
    run.says(0, Event::Found { vm: 0 }).said();
    quiet(&mut run, "armed");
    run.ready(0).said();
    quiet(&mut run, "went");
    run.injected(0).said();
    assert_eq!(run.pass(HOLD + A_MOMENT).said(), vec![], "its node keeps the deadline");
    run.tell(Outside::Signal.into()).said();
    quiet(&mut run, "rolled back");
    assert_eq!(run.end(0), &Step::Ending);
    run.pass(STEP_LIMIT);
    assert_eq!(run.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
}

#[test]
fn a_verdict_is_waited_for_and_then_another_agent_looks() {
    let mut run = lost();
    assert_eq!(run.pass(A_MOMENT).said(), vec![]);
    assert_eq!((run.reason(0), run.end(0)), (Some("stream-lost"), &Step::Injected));
    run.pass(Duration::from_secs(30));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    run.pass(STEP_LIMIT);
    assert_eq!(run.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
}

#[test]
fn what_was_not_told_to_go_needs_no_proof() {
    let ended = SessionEvent::Over(PodState::Ended {
        exit_code: 137,
        verdict: None,
        why: String::new(),
    });
    for (end, reason) in [(SessionEvent::WireLost, "stream-lost"), (ended, "pod-ended")] {
        let mut run = TestRun::new(settings(), 2);
        run.found(0).found(1).ready(0).said();
        run.tell(Input::Session(0, end));
        assert_eq!(run.end(0), &Step::Final(End::Untouched));
        assert_eq!((run.reason(0), run.engine.is_done()), (Some(reason), true));
        assert!(!run.said().iter().any(|action| matches!(action, Action::Verify { .. })));
    }
    let mut run = TestRun::new(settings(), 1);
    run.found(0).restored(0, By::Term);
    assert_eq!(run.end(0), &Step::Final(End::Untouched));
}

#[test]
fn the_time_under_the_fault_is_told_unless_nobody_knows_it() {
    let mut run = TestRun::hold(settings(), 1);
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert_eq!(held(&run), "60.0");
    let mut run = TestRun::hold(settings(), 1);
    run.ending(0, By::Deadline, "nothing").restored(0, By::Deadline);
    assert_eq!(held(&run), "0.0", "it was taken away some time before");
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Outside::Signal.into());
    run.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(12.5),
        },
    );
    assert_eq!(held(&run), "12.5");
    let mut run = lost();
    run.tell(Input::Session(
        0,
        over(Some(verdict(&[(0, EndState::Restored, By::Silence)], 0))),
    ));
    assert_eq!(held(&run), "9.0");
}

#[test]
fn a_verdict_that_the_vm_is_gone_needs_no_look() {
    let mut run = lost();
    run.tell(Input::Session(
        0,
        over(Some(verdict(&[(0, EndState::Gone, By::Gone)], 0))),
    ));
    assert_eq!((run.said(), run.end(0)), (vec![], &Step::Final(End::Gone)));
    assert!(notes(&run, 0).contains(&"the debug pod's verdict was read from its status"));
}

#[test]
fn a_pod_that_leaves_no_word_says_what_became_of_it() {
    // Somebody deleted it.
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, over(None)));
    assert_eq!((run.engine.vms()[0].cause, run.reason(0)), (Some(Cause::Cleanup), None));
    // Something killed it.
    let ended = PodState::Ended {
        exit_code: 137,
        verdict: None,
        why: "OOMKilled".to_owned(),
    };
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, SessionEvent::Over(ended.clone())));
    assert_eq!(
        (run.engine.vms()[0].cause, run.reason(0)),
        (Some(Cause::Error), Some("pod-ended"))
    );
    // What ended the fault before stays what ended it.
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Outside::Signal.into())
        .tell(Input::Session(0, SessionEvent::Over(ended)));
    assert_eq!((run.engine.vms()[0].cause, run.reason(0)), (Some(Cause::Signal), None));
}

#[test]
fn what_another_agent_saw_is_told() {
    for (gone, removed, end, note) in [
        (
            true,
            vec![],
            End::Gone,
            "the network namespace is gone, says another debug pod",
        ),
        (
            false,
            vec![],
            End::Swept(vec![]),
            "another debug pod looked: nothing was left",
        ),
        (
            false,
            vec!["tap0 netem 7a31:"],
            End::Swept(vec!["tap0 netem 7a31:".to_owned()]),
            "another debug pod removed tap0 netem 7a31:",
        ),
    ] {
        let mut run = TestRun::hold(settings(), 1);
        run.tell(Input::Session(0, over(None)));
        let mut saw = swept(&removed);
        saw.gone = gone;
        run.tell(Input::Verified(0, 0, Ok(saw)));
        assert_eq!(run.end(0), &Step::Final(end));
        assert_eq!(notes(&run, 0).last(), Some(&note));
    }
}

#[test]
fn a_fault_that_could_not_be_put_in_place_says_why_at_once() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0);
    run.says(
        0,
        Event::Failed {
            vm: 0,
            reason: "apply".to_owned(),
            detail: String::new(),
        },
    );
    assert_eq!((run.reason(0), run.end(0)), (Some("apply"), &Step::Ending));
}

#[test]
fn what_was_never_read_back_is_not_said_to_have_been_lost() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).ending(0, By::Rollback, "nothing");
    assert_eq!(run.reason(0), None);
    run.restored(0, By::Rollback);
    assert_eq!(told(&mut run), vec![], "nobody was told that it was injected");
}

#[test]
fn the_owner_of_a_vmi_on_which_something_may_be_left_is_told() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, over(None)));
    run.tell(Input::Verified(0, 0, Err("tap0 netem 7a31:".to_owned())));
    assert_eq!(told(&mut run), vec![Happened::Failed]);
}

#[test]
fn probes_after_the_end_are_those_of_a_vm_that_had_the_fault() {
    let mut run = TestRun::new(settings(), 1);
    run.engine.vms[0].probing = Probing::new(1, None);
    run.found(0);
    let probe = Event::Probe {
        vm: 0,
        n: 0,
        phase: ProbePhase::Before,
        at: 100.0,
        ms: None,
    };
    run.says(0, probe).restored(0, By::Term);
    assert!(run.engine.is_done(), "none is waited for");
}

#[test]
fn a_cluster_that_cannot_be_watched_fails_those_that_have_not_ended() {
    let mut run = TestRun::hold(settings(), 2);
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    run.tell(Input::Blind(Problem::new(Reason::Blind, "no watch")));
    assert_eq!((run.reason(0), run.reason(1)), (None, Some("blind")));
}

#[test]
fn an_agent_that_is_attached_to_while_the_run_ends_is_told_to_leave() {
    let mut run = TestRun::new(settings(), 1);
    run.tell(Outside::Signal.into()).said();
    run.tell(Input::Session(0, SessionEvent::Attached));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(None))]);
}

/// Where a VM moved to a node on which nothing was put in place, its end is that of the node before.
#[test]
fn the_end_of_a_vm_is_where_it_had_the_fault_last() {
    let mut run = TestRun::hold(settings(), 1);
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    let vm = &mut run.engine.vms[0];
    let mut next = Placement::new(1, 0, "node-2");
    next.step = Step::Final(End::Untouched);
    vm.placements.push(next);
    assert_eq!(vm.last_end(), Some(&End::Restored(By::Deadline)));
}

/// A pod tells of its VMs by their numbers in it.
#[test]
fn of_two_vms_in_one_pod_each_has_its_own_words() {
    let mut run = TestRun::new(settings(), 2);
    run.engine.vms[1].placements[0] = Placement::new(0, 1, "node-1");
    run.tell(Input::Session(0, SessionEvent::Attached));
    run.says(0, Event::Found { vm: 1 });
    assert_eq!([run.end(0), run.end(1)], [&Step::Waiting, &Step::Found]);
}
