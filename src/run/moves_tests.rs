//! A VM that moves, restarts or ends under its fault.

use std::time::Duration;

use super::engine::{Action, Input, Settings, VmiSeen};
use super::story::{Story, here, settings};
use super::vm::{Cause, Trouble};
use crate::node::wire::{By, Event, Word};

#[test]
fn a_vm_that_moves_gets_its_fault_back_for_the_rest_of_the_time() {
    let mut story = Story::hold(settings(), 1);
    story.pass(Duration::from_secs(20));
    story.tell(Input::Vmi(0, here("node-2")));
    let place = Action::Place {
        vm: 0,
        node: "node-2".into(),
        remaining: Duration::from_secs(40),
    };
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0))), place]);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(20.0),
        },
    );
    story.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    story.now += Duration::from_secs(3);
    story.found(1).ready(1).injected(1);
    assert_eq!(
        story.said(),
        vec![Action::Say(1, Word::Arm(Some(0))), Action::Say(1, Word::Go(Some(0)))]
    );
    assert_eq!(story.engine.vms()[0].moves[0].gap, Some(Duration::from_secs(3)));
    story.pass(Duration::from_secs(37));
    assert_eq!(
        story.said(),
        vec![Action::Say(1, Word::Rollback(Some(0)))],
        "the end of what was asked"
    );
    story.ending(1, By::Rollback, "ok").restored(1, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Deadline));
    assert_eq!(story.reason(0), None);
}

#[test]
fn a_namespace_that_ends_before_the_move_is_seen_is_a_move_when_the_vmi_runs_elsewhere() {
    let mut story = Story::hold(settings(), 1);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    assert_eq!(story.said(), vec![Action::Recheck(0)]);
    assert!(!story.engine.is_done());
    story.tell(Input::Vmi(0, here("node-2")));
    assert!(matches!(story.said()[..], [Action::Place { .. }]));
}

#[test]
fn what_the_watch_tells_late_is_no_move_back() {
    let mut story = Story::hold(settings(), 1);
    let at = |node, version| VmiSeen {
        version: Some(version),
        ..here(node)
    };
    story.tell(Input::Vmi(0, at("node-2", 12)));
    story.restored(0, By::Rollback);
    story.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    story.tell(Input::Vmi(0, at("node-1", 9)));
    story.tell(Input::Vmi(0, at("node-2", 12)));
    assert_eq!(story.engine.vms()[0].moves.len(), 1);
    story.tell(Input::Vmi(0, at("node-3", 13)));
    assert_eq!(story.engine.vms()[0].moves.len(), 2);
}

#[test]
fn a_restarted_guest_is_gone_and_gets_no_fault() {
    let mut story = Story::hold(settings(), 1);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    story.tell(Input::Vmi(
        0,
        VmiSeen {
            gone: true,
            ..VmiSeen::default()
        },
    ));
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Gone));
    assert!(!story.said().iter().any(|action| matches!(action, Action::Place { .. })));
}

#[test]
fn with_stop_a_migration_ends_the_fault() {
    let mut story = Story::hold(
        Settings {
            follow: false,
            ..settings()
        },
        1,
    );
    story.tell(Input::Vmi(0, here("node-2")));
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    story.restored(0, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Migration));
}

#[test]
fn a_move_that_cannot_be_followed_is_told_with_no_end_to_its_gap() {
    let mut story = Story::hold(settings(), 1);
    story.tell(Input::Vmi(0, here("node-2"))).restored(0, By::Rollback);
    story.tell(Input::Placed(
        0,
        "node-2".into(),
        Err(Trouble::new("pod-refused", "no")),
    ));
    assert!(story.engine.is_done());
    assert_eq!(story.reason(0), Some("pod-refused"));
    assert_eq!(story.engine.vms()[0].moves[0].gap, None);
}
