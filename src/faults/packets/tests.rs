//! The state machine from the first word of the node to the proof.

use std::time::Duration;

use serde_json::json;

use super::engine::{Action, Input, Settings};
use super::testing::{HOLD, Story, over, settings, swept};
use super::vm::{Cause, End, Step};
use crate::cluster::events::Happened;
use crate::node::session::Heard;
use crate::node::verdict::{EndState, Verdict};
use crate::node::wire::{By, Event, Word};
use crate::run::machine::{Machine, Outside};

#[path = "probes_tests.rs"]
mod probes;
#[path = "proof_tests.rs"]
mod proof;
#[path = "told_tests.rs"]
mod told;

#[test]
fn go_is_said_only_when_every_vm_is_ready() {
    let mut story = Story::new(settings(), 2);
    story.found(0);
    assert_eq!(story.said(), vec![], "armed before all were found");
    story.found(1);
    assert_eq!(
        story.said(),
        vec![Action::Say(0, Word::Arm(None)), Action::Say(1, Word::Arm(None))]
    );
    story.ready(1);
    assert_eq!(story.said(), vec![], "went before all were ready");
    story.ready(0);
    assert_eq!(
        story.said(),
        vec![Action::Say(0, Word::Go(None)), Action::Say(1, Word::Go(None))]
    );
}

#[test]
fn in_parallel_one_refusal_before_go_means_that_nothing_is_injected() {
    let mut story = Story::new(settings(), 2);
    story.found(0).found(1).ready(0).said();
    let refusal = Event::Refused {
        vm: 0,
        reason: "foreign-qdisc".into(),
        device: Some("tap0".into()),
        detail: "htb".into(),
    };
    story.says(1, refusal);
    assert!(
        !story
            .said()
            .iter()
            .any(|action| matches!(action, Action::Say(_, Word::Go(_))))
    );
    assert_eq!(story.end(0), &Step::Final(End::Untouched));
    assert_eq!(story.reason(1), Some("foreign-qdisc"));
    assert!(story.engine.is_done());
}

#[test]
fn after_go_one_vms_failure_rolls_back_that_vm_alone() {
    let mut story = Story::new(settings(), 2);
    story.found(0).found(1).ready(0).ready(1).injected(0).said();
    story.says(
        1,
        Event::Injected {
            vm: 0,
            read: [("tap0".to_owned(), json!("nothing"))].into(),
        },
    );
    assert_eq!(story.said(), vec![Action::Say(1, Word::Rollback(Some(0)))]);
    story.restored(1, By::Rollback);
    assert_eq!(story.reason(1), Some("readback"));
    assert_eq!(story.end(0), &Step::Injected);
    story.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(story.engine.is_done() && story.reason(0).is_none());
}

#[test]
fn serial_gives_each_vm_its_turn_and_stops_at_the_first_failure() {
    let mut story = Story::new(
        Settings {
            serial: true,
            ..settings()
        },
        3,
    );
    story.found(0).found(1).found(2);
    assert_eq!(story.said(), vec![Action::Say(0, Word::Arm(Some(0)))]);
    story.ready(0).injected(0).said();
    story.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(
        story.said().contains(&Action::Say(1, Word::Arm(Some(0)))),
        "the next one's turn"
    );
    story.ready(1);
    story.says(
        1,
        Event::Failed {
            vm: 0,
            reason: "apply".into(),
            detail: String::new(),
        },
    );
    story.restored(1, By::Other);
    assert_eq!(story.end(2), &Step::Final(End::Untouched), "the rest is skipped");
    assert!(story.engine.is_done());
}

#[test]
fn a_fault_that_was_gone_before_its_end_is_a_failure() {
    let mut story = Story::hold(settings(), 1);
    story.ending(0, By::Deadline, "nothing").restored(0, By::Deadline);
    assert_eq!(story.reason(0), Some("not-held"));
}

#[test]
fn a_signal_rolls_back_and_waits_for_the_proof() {
    let mut story = Story::hold(settings(), 2);
    story.tell(Outside::Signal.into());
    assert_eq!(
        story.said(),
        vec![
            Action::Say(0, Word::Rollback(None)),
            Action::Say(1, Word::Rollback(None))
        ]
    );
    assert!(!story.engine.is_done());
    story.restored(0, By::Rollback).restored(1, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Signal));
}

#[test]
fn a_second_signal_leaves_and_says_what_may_be_left() {
    let mut story = Story::hold(settings(), 2);
    story
        .tell(Outside::Signal.into())
        .restored(0, By::Rollback)
        .tell(Outside::Signal.into());
    assert!(story.engine.is_done());
    assert_eq!(story.end(0), &Step::Final(End::Restored(By::Rollback)));
    assert!(story.engine.vms()[1].leaked().is_some());
}

#[test]
fn a_signal_before_any_pod_speaks_lets_go_of_the_sessions() {
    let mut story = Story::new(settings(), 1);
    story.tell(Outside::Signal.into());
    assert_eq!(story.said(), vec![Action::Close(0)]);
    assert!(story.engine.is_done());
}

#[test]
fn a_lost_wire_is_settled_by_the_pods_verdict() {
    let mut story = Story::hold(settings(), 1);
    story.tell(Input::Heard(0, Heard::WireLost));
    assert!(!story.engine.is_done());
    let verdict = Verdict {
        run: "r".into(),
        vms: vec![(0, EndState::Restored, By::LostOperator, 9.0)],
        more: 0,
        armed: Some(0),
    };
    story.tell(Input::Heard(0, over(Some(verdict))));
    assert_eq!(story.end(0), &Step::Final(End::Restored(By::LostOperator)));
    assert_eq!(story.reason(0), Some("stream-lost"));
}

#[test]
fn without_a_verdict_another_agent_looks_and_only_its_word_counts() {
    for (answer, clean) in [(Ok(swept(&[])), true), (Err("tap0 netem".to_owned()), false)] {
        let mut story = Story::hold(settings(), 1);
        story.tell(Input::Heard(0, Heard::WireLost)).said();
        story.tell(Input::Heard(0, over(None)));
        assert_eq!(story.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
        assert!(!story.engine.is_done());
        story.tell(Input::Verified(0, 0, answer));
        assert_eq!(story.engine.vms()[0].leaked().is_none(), clean);
        assert!(story.engine.is_done());
    }
}

#[test]
fn detach_is_said_only_when_every_fault_was_read_back() {
    let mut story = Story::new(
        Settings {
            detach: true,
            follow: false,
            ..settings()
        },
        2,
    );
    story.found(0).found(1).ready(0).ready(1).injected(0);
    assert!(!story.said().contains(&Action::Say(0, Word::Detach)));
    story.injected(1);
    assert!(
        story
            .said()
            .ends_with(&[Action::Say(0, Word::Detach), Action::Say(1, Word::Detach)])
    );
    story.says(0, Event::Detached).says(1, Event::Detached);
    assert!(story.engine.is_done());
    assert_eq!(story.end(1), &Step::Final(End::Detached));
}

#[test]
fn an_agent_that_does_not_answer_is_rolled_back_and_then_looked_after() {
    let mut story = Story::new(settings(), 1);
    story.found(0).ready(0).said();
    story.pass(Duration::from_secs(16));
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    story.pass(Duration::from_secs(16));
    assert_eq!(story.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
}

#[test]
fn the_owner_of_the_vmi_is_told_once_of_each() {
    let mut story = Story::new(settings(), 1);
    story
        .found(0)
        .ready(0)
        .injected(0)
        .ending(0, By::Deadline, "ok")
        .restored(0, By::Deadline);
    let told: Vec<_> = story
        .said()
        .into_iter()
        .filter(|action| matches!(action, Action::Tell(..)))
        .collect();
    assert_eq!(
        told,
        vec![Action::Tell(0, Happened::Injected), Action::Tell(0, Happened::Restored)]
    );
}
