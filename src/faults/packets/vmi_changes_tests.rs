//! A VM that moves, restarts or ends under its fault.

use std::time::Duration;

use super::engine::{Action, Input, Settings, VmiSeen};
use super::report::state;
use super::testing::{TestRun, here, settings};
use super::vm::{Cause, End, Step};
use crate::node::wire::{By, Event, Word};
use crate::problem::{Problem, Reason};
use crate::report::TargetState;
use crate::run::machine::{Machine, Outside};

#[test]
fn a_vm_that_moves_gets_its_fault_back_for_the_rest_of_the_time() {
    let mut run = TestRun::hold(settings(), 1);
    run.pass(Duration::from_secs(20));
    run.tell(Input::Vmi(0, here("node-2")));
    let place = Action::Place {
        vm: 0,
        node: "node-2".into(),
        remaining: Duration::from_secs(40),
    };
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(Some(0))), place]);
    run.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(20.0),
        },
    );
    run.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    run.now += Duration::from_secs(3);
    run.found(1).ready(1).injected(1);
    assert_eq!(
        run.said(),
        vec![Action::Say(1, Word::Arm(Some(0))), Action::Say(1, Word::Go(Some(0)))]
    );
    assert_eq!(run.engine.vms()[0].moves[0].gap, Some(Duration::from_secs(3)));
    run.pass(Duration::from_secs(36));
    assert_eq!(run.said(), vec![]);
    run.pass(Duration::from_secs(1));
    assert_eq!(
        run.said(),
        vec![Action::Say(1, Word::Rollback(Some(0)))],
        "the end of what was asked"
    );
    run.ending(1, By::Rollback, "ok").restored(1, By::Rollback);
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Deadline));
    assert_eq!(run.reason(0), None);
}

#[test]
fn a_namespace_that_ends_before_the_move_is_seen_is_a_move_when_the_vmi_runs_elsewhere() {
    let mut run = TestRun::hold(settings(), 1);
    run.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    assert_eq!(run.said(), vec![Action::Recheck(0)]);
    assert!(!run.engine.is_done());
    run.tell(Input::Vmi(0, here("node-2")));
    assert!(matches!(run.said()[..], [Action::Place { .. }]));
}

#[test]
fn what_the_watch_tells_late_is_no_move_back() {
    let mut run = TestRun::hold(settings(), 1);
    let at = |node, version| VmiSeen {
        version: Some(version),
        ..here(node)
    };
    run.tell(Input::Vmi(0, at("node-2", 12)));
    run.restored(0, By::Rollback);
    run.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    run.tell(Input::Vmi(0, at("node-1", 9)));
    run.tell(Input::Vmi(0, at("node-2", 12)));
    assert_eq!(run.engine.vms()[0].moves.len(), 1);
    run.tell(Input::Vmi(0, at("node-3", 13)));
    assert_eq!(run.engine.vms()[0].moves.len(), 2);
}

#[test]
fn a_restarted_guest_is_gone_and_gets_no_fault() {
    let mut run = TestRun::hold(settings(), 1);
    run.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    run.tell(Input::Vmi(
        0,
        VmiSeen {
            gone: true,
            ..VmiSeen::default()
        },
    ));
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Gone));
    assert!(!run.said().iter().any(|action| matches!(action, Action::Place { .. })));
}

#[test]
fn with_stop_a_migration_ends_the_fault() {
    let mut run = TestRun::hold(
        Settings {
            follow: false,
            ..settings()
        },
        1,
    );
    run.tell(Input::Vmi(0, here("node-2")));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    run.restored(0, By::Rollback);
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Migration));
}

#[test]
fn a_move_that_cannot_be_followed_is_told_with_no_end_to_its_gap() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Vmi(0, here("node-2"))).restored(0, By::Rollback);
    run.tell(Input::Placed(
        0,
        "node-2".into(),
        Err(Problem::new(Reason::PodRefused, "no")),
    ));
    assert!(run.engine.is_done());
    assert_eq!(run.reason(0), Some("pod-refused"));
    assert_eq!(run.engine.vms()[0].moves[0].gap, None);
}

const ROLL_BACK: Action = Action::Say(0, Word::Rollback(Some(0)));

fn leaving() -> VmiSeen {
    VmiSeen {
        leaving: true,
        ..here("node-1")
    }
}

#[test]
fn a_vmi_that_is_being_deleted_loses_its_fault_at_once() {
    for seen in [
        leaving(),
        VmiSeen {
            gone: true,
            ..VmiSeen::default()
        },
    ] {
        let mut run = TestRun::hold(settings(), 2);
        run.tell(Input::Vmi(0, seen.clone())).tell(Input::Vmi(0, seen));
        assert_eq!(run.said(), vec![ROLL_BACK], "once, and that VM's alone");
        run.restored(0, By::Rollback);
        let vm = &run.engine.vms()[0];
        assert_eq!((vm.cause, state(vm)), (Some(Cause::Gone), TargetState::Gone));
        assert_eq!(run.end(1), &Step::Injected);
    }
}

#[test]
fn a_vmi_that_goes_before_its_fault_is_in_place_does_not_get_it() {
    let mut run = TestRun::new(settings(), 2);
    run.found(0).found(1).ready(0).said();
    run.tell(Input::Vmi(0, leaving()));
    assert!(run.said().contains(&ROLL_BACK));
    assert_eq!(run.reason(0), Some("gone"));
    run.ready(1);
    assert_eq!(run.said(), vec![], "nothing is injected unless into all");
    assert!(run.engine.is_done());

    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).said();
    run.tell(Input::Vmi(0, leaving()));
    assert_eq!(run.said(), vec![ROLL_BACK], "it was told to go");
    assert!(!run.engine.is_done());
}

#[test]
fn a_launcher_that_is_being_deleted_takes_the_fault_along_at_once() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::LauncherEnds(0, 0));
    assert_eq!(run.said(), vec![Action::Recheck(0), ROLL_BACK]);
    run.tell(Input::LauncherEnds(0, 0));
    assert_eq!(run.said(), vec![], "once");
    run.ending(0, By::Rollback, "ok").restored(0, By::Rollback);
    // Its VMI does not know yet.
    run.tell(Input::Vmi(0, here("node-1")));
    assert!(!run.engine.is_done());
    run.tell(Input::Vmi(
        0,
        VmiSeen {
            gone: true,
            ..here("node-1")
        },
    ));
    let vm = &run.engine.vms()[0];
    assert_eq!((vm.cause, state(vm)), (Some(Cause::Gone), TargetState::Gone));
    assert!(run.engine.is_done() && !run.said().iter().any(|action| matches!(action, Action::Place { .. })));
}

#[test]
fn a_vmi_that_says_nothing_of_its_launchers_end_is_not_waited_for_without_end() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::LauncherEnds(0, 0)).restored(0, By::Rollback);
    let wake = run.engine.wake_at().expect("it wakes by itself");
    assert!(wake > run.now, "its VMI has some time");
    run.pass(wake - run.now);
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Gone));
}

#[test]
fn a_launcher_that_ends_because_its_vm_has_moved_is_followed() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::LauncherEnds(0, 0));
    run.tell(Input::Vmi(0, here("node-2"))).restored(0, By::Rollback);
    assert!(matches!(run.said()[..], [.., Action::Place { .. }]));
    run.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    run.found(1).ready(1).injected(1).said();
    // Of the old one nothing more is of interest.
    run.tell(Input::LauncherEnds(0, 0));
    assert_eq!((run.said(), run.end(0)), (vec![], &Step::Injected));
    run.ending(1, By::Deadline, "ok").restored(1, By::Deadline);
    let vm = &run.engine.vms()[0];
    assert_eq!((vm.cause, state(vm)), (Some(Cause::Deadline), TargetState::Restored));
}

#[test]
fn what_was_rolled_back_where_a_vm_moved_away_is_not_the_end_of_its_fault() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Vmi(0, here("node-2")));
    run.ending(0, By::Rollback, "ok").restored(0, By::Rollback);
    assert_eq!(run.engine.vms()[0].cause, None);
    run.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    run.found(1).ready(1).injected(1);
    run.ending(1, By::Deadline, "ok").restored(1, By::Deadline);
    assert_eq!(run.end(0), &Step::Final(End::Restored(By::Deadline)));
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Deadline));
}

#[test]
fn a_launcher_or_a_namespace_that_goes_before_the_fault_is_in_place_is_the_end() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).said();
    run.tell(Input::LauncherEnds(0, 0));
    assert_eq!(run.said(), vec![ROLL_BACK], "it was told to go");
    run.restored(0, By::Rollback);
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Gone));

    let mut run = TestRun::new(settings(), 2);
    run.found(0).found(1).ready(0).said();
    run.tell(Input::LauncherEnds(0, 0));
    assert_eq!(run.reason(0), Some("gone"));
    assert!(run.engine.is_done(), "nothing is injected unless into all");

    let mut run = TestRun::new(settings(), 2);
    run.found(0).found(1).ready(0).said();
    run.says(0, Event::Gone { vm: 0, held: None });
    assert_eq!((run.said(), run.end(0)), (vec![], &Step::Final(End::Gone)));
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Gone));
}

#[test]
fn what_a_vm_does_after_its_fault_is_not_told() {
    let notes = |run: &TestRun| -> Vec<String> {
        let timeline = run.engine.vms()[0].timeline.iter();
        timeline.map(|(_, note)| note.clone()).collect()
    };
    let mut run = TestRun::hold(settings(), 2);
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    let before = notes(&run);
    run.tell(Input::Vmi(0, here("node-3")));
    assert_eq!(notes(&run), before, "while another VM has its fault");

    let mut run = TestRun::hold(settings(), 1);
    run.tell(Outside::Signal.into());
    let before = notes(&run);
    run.tell(Input::Vmi(0, here("node-3")));
    assert_eq!(notes(&run), before, "while it is rolled back");
}

#[test]
fn a_pod_for_a_vm_that_went_meanwhile_is_let_go() {
    let mut run = TestRun::hold(settings(), 2);
    run.tell(Input::Vmi(0, here("node-3"))).restored(0, By::Rollback);
    let gone = VmiSeen {
        gone: true,
        ..VmiSeen::default()
    };
    run.tell(Input::Vmi(0, gone)).said();
    run.tell(Input::Placed(0, "node-3".into(), Ok(2)));
    assert_eq!(run.said(), vec![Action::Close(2)]);
    run.ending(1, By::Deadline, "ok").restored(1, By::Deadline);
    assert!(run.engine.is_done());
}

#[test]
fn a_vm_that_moves_while_its_fault_is_being_put_in_place_is_rolled_back_and_not_said_to_be_untouched() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0);
    assert_eq!(*run.end(0), Step::Going);
    run.said();
    run.tell(Input::Vmi(0, here("node-2")));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    assert!(!matches!(run.end(0), Step::Final(_)), "{:?}", run.end(0));
    assert_eq!(run.reason(0), Some("moved"));

    // Before that there is nothing to be rolled back.
    let mut run = TestRun::new(settings(), 1);
    run.found(0).said();
    run.tell(Input::Vmi(0, here("node-2")));
    assert_eq!(*run.end(0), Step::Final(End::Untouched));
    assert_eq!(run.reason(0), Some("moved"));
}
