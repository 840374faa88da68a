//! What counts as a proof that nothing is left: the node's own word that it is so, or another agent's look; never silence, never
//! a word about other VMs.

use std::time::Duration;

use super::super::driver::Ran;
use super::super::engine::{Action, Input, Settings};
use super::super::pods::{NotGone, PodLeft};
use super::super::report::{outcome, state};
use super::super::testing::{TestRun, over, settings, swept, verdict};
use super::super::vm::{Cause, End, Step};
use crate::node::session::SessionEvent;
use crate::node::verdict::EndState;
use crate::node::wire::{By, Event};
use crate::report::{AskedFault, Columns, DryRun, Ending, RunReport, TargetState};
use crate::run::machine::{Machine, Outside};

const VERIFY: Action = Action::Verify { vm: 0, placement: 0 };

fn leaked(by: By) -> Event {
    Event::Leaked {
        vm: 0,
        by,
        left: "tap0:7a31:".to_owned(),
    }
}

#[test]
fn a_node_that_could_not_undo_is_looked_after_at_once_and_nothing_is_called_leaked_before() {
    let mut run = TestRun::hold(settings(), 1);
    run.says(0, leaked(By::Sentinel));
    assert_eq!(run.said(), vec![VERIFY]);
    assert!(!run.engine.is_done(), "its word is no end");
    assert!(run.engine.unproven_pods().is_empty());
    run.tell(Input::Verified(0, 0, Ok(swept(&["tap0 netem 7a31:"]))));
    let vm = &run.engine.vms()[0];
    assert_eq!(vm.last_end(), Some(&End::Swept(vec!["tap0 netem 7a31:".to_owned()])));
    assert_eq!((vm.leaked(), state(vm)), (None, TargetState::Failed));
    assert_eq!((vm.cause, run.reason(0)), (Some(Cause::Error), Some("not-undone")));
    assert!(run.engine.is_done() && run.engine.unproven_pods().is_empty());
}

#[test]
fn while_another_agent_looks_only_its_word_counts() {
    let mut run = TestRun::hold(settings(), 1);
    run.says(0, leaked(By::Sentinel)).said();
    run.restored(0, By::Term);
    run.tell(Input::Session(0, SessionEvent::WireLost));
    run.tell(Input::Session(
        0,
        over(Some(verdict(&[(0, EndState::Leaked, By::Term)], 0))),
    ));
    run.pass(Duration::from_secs(300));
    assert_eq!((run.said(), run.engine.is_done()), (vec![], false));
}

#[test]
fn what_no_agent_can_remove_is_leaked_and_its_pod_is_kept() {
    let mut run = TestRun::hold(settings(), 2);
    run.says(1, leaked(By::Deadline));
    run.tell(Input::Verified(1, 0, Err("tap0 netem 7a31:".to_owned())));
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(run.engine.is_done());
    assert_eq!(state(&run.engine.vms()[1]), TargetState::Leaked);
    assert_eq!(run.engine.unproven_pods(), [1].into());
}

#[test]
fn a_verdict_that_says_leaked_is_looked_after_like_none() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, SessionEvent::WireLost)).said();
    let told = verdict(&[(0, EndState::Leaked, By::LostOperator)], 0);
    run.tell(Input::Session(0, over(Some(told))));
    assert_eq!(run.said(), vec![VERIFY]);
    assert!(!run.engine.is_done());
    run.tell(Input::Verified(0, 0, Err("tap0 netem 7a31:".to_owned())));
    assert_eq!(state(&run.engine.vms()[0]), TargetState::Leaked);
}

#[test]
fn a_verdict_vouches_only_for_the_vms_that_it_names() {
    // One of another VM; one that had no room; an empty one; one that says both.
    let both = [(0, EndState::Restored, By::Term), (0, EndState::Leaked, By::Term)];
    for told in [
        verdict(&[(1, EndState::Restored, By::Term)], 0),
        verdict(&[(1, EndState::Restored, By::Term)], 7),
        verdict(&[], 0),
        verdict(&[(0, EndState::Refused, By::Other)], 0),
        verdict(&both, 0),
    ] {
        let mut run = TestRun::hold(settings(), 1);
        run.tell(Input::Session(0, over(Some(told.clone()))));
        assert_eq!(run.said(), vec![VERIFY], "{told:?}");
        assert!(!run.engine.is_done(), "{told:?}");
    }
}

#[test]
fn what_was_told_to_go_may_be_in_place_whatever_comes_before_its_word() {
    // A signal: the proof is waited for.
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).said();
    run.tell(Outside::Signal.into());
    assert_eq!(run.end(0), &Step::Ending);
    assert!(!run.engine.is_done());
    // The word that it was in place comes too late to count, its end does not.
    run.injected(0).ending(0, By::Rollback, "ok").restored(0, By::Rollback);
    assert_eq!(run.end(0), &Step::Final(End::Restored(By::Rollback)));
    assert_eq!(state(&run.engine.vms()[0]), TargetState::Restored);

    // The stream: so is the pod's verdict, or a look.
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).said();
    run.tell(Input::Session(0, SessionEvent::WireLost));
    assert!(!run.engine.is_done());
    run.tell(Input::Session(0, over(None)));
    assert_eq!(run.said(), vec![VERIFY]);

    // A second signal: nobody knows.
    let mut run = TestRun::new(settings(), 1);
    run.found(0)
        .ready(0)
        .tell(Outside::Signal.into())
        .tell(Outside::Signal.into());
    assert_eq!(state(&run.engine.vms()[0]), TargetState::Leaked);
}

#[test]
fn a_serial_run_stops_at_a_vm_that_its_node_could_not_undo() {
    let serial = Settings {
        serial: true,
        ..settings()
    };
    let mut run = TestRun::new(serial, 2);
    run.found(0).found(1).ready(0).injected(0);
    run.says(0, leaked(By::Deadline)).said();
    run.pass(Duration::from_secs(300));
    assert_eq!(
        run.said(),
        vec![],
        "the next one's turn does not come while nobody knows"
    );
    run.tell(Input::Verified(0, 0, Ok(swept(&[]))));
    assert_eq!(run.end(1), &Step::Final(End::Untouched));
    assert!(run.engine.is_done());
}

#[test]
fn a_pod_that_nobody_could_tell_to_end_is_something_left_until_it_has_ended() {
    let refused = || NotGone::Refused("the server does not answer".to_owned());
    let ending = |why: NotGone, over: bool, signals: u32| {
        let ran = Ran {
            vms: Vec::new(),
            signals,
            pods_left: vec![PodLeft {
                pod: "vmchaos/vmchaos-k3f9ab-0".to_owned(),
                why,
                over,
            }],
        };
        let mut report = RunReport::new(
            "k3f9ab",
            "practice",
            None,
            None,
            None,
            DryRun::None,
            AskedFault::new("netem", Columns::Packets, &()),
        );
        outcome(&mut report, &ran)
    };
    for (why, over, signals, expected) in [
        (refused(), false, 0, Ending::Unverified),
        (refused(), true, 0, Ending::Ran),
        (NotGone::Untold, false, 1, Ending::Unverified),
        (NotGone::Untold, true, 1, Ending::Interrupted),
        (NotGone::Ending, false, 0, Ending::Ran),
    ] {
        assert_eq!(ending(why.clone(), over, signals), expected, "{why:?} {over}");
    }
}
