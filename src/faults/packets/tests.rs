//! The state machine from the first word of the node to the proof.

use std::time::Duration;

use serde_json::json;

use super::engine::{Action, Input, Settings};
use super::testing::{HOLD, TestRun, over, settings, swept};
use super::vm::{Cause, End, Step};
use crate::cluster::events::Happened;
use crate::node::session::SessionEvent;
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
    let mut run = TestRun::new(settings(), 2);
    run.found(0);
    assert_eq!(run.said(), vec![], "armed before all were found");
    run.found(1);
    assert_eq!(
        run.said(),
        vec![Action::Say(0, Word::Arm(None)), Action::Say(1, Word::Arm(None))]
    );
    run.ready(1);
    assert_eq!(run.said(), vec![], "went before all were ready");
    run.ready(0);
    assert_eq!(
        run.said(),
        vec![Action::Say(0, Word::Go(None)), Action::Say(1, Word::Go(None))]
    );
}

#[test]
fn in_parallel_one_refusal_before_go_means_that_nothing_is_injected() {
    let mut run = TestRun::new(settings(), 2);
    run.found(0).found(1).ready(0).said();
    let refusal = Event::Refused {
        vm: 0,
        reason: "foreign-qdisc".into(),
        device: Some("tap0".into()),
        detail: "htb".into(),
    };
    run.says(1, refusal);
    assert!(
        !run.said()
            .iter()
            .any(|action| matches!(action, Action::Say(_, Word::Go(_))))
    );
    assert_eq!(run.end(0), &Step::Final(End::Untouched));
    assert_eq!(run.reason(1), Some("foreign-qdisc"));
    assert!(run.engine.is_done());
}

#[test]
fn after_go_one_vms_failure_rolls_back_that_vm_alone() {
    let mut run = TestRun::new(settings(), 2);
    run.found(0).found(1).ready(0).ready(1).injected(0).said();
    run.says(
        1,
        Event::Injected {
            vm: 0,
            read: [("tap0".to_owned(), json!("nothing"))].into(),
        },
    );
    assert_eq!(run.said(), vec![Action::Say(1, Word::Rollback(Some(0)))]);
    run.restored(1, By::Rollback);
    assert_eq!(run.reason(1), Some("readback"));
    assert_eq!(run.end(0), &Step::Injected);
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(run.engine.is_done() && run.reason(0).is_none());
}

#[test]
fn serial_gives_each_vm_its_turn_and_stops_at_the_first_failure() {
    let mut run = TestRun::new(
        Settings {
            serial: true,
            ..settings()
        },
        3,
    );
    run.found(0).found(1).found(2);
    assert_eq!(run.said(), vec![Action::Say(0, Word::Arm(Some(0)))]);
    run.ready(0).injected(0).said();
    run.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(
        run.said().contains(&Action::Say(1, Word::Arm(Some(0)))),
        "the next one's turn"
    );
    run.ready(1);
    run.says(
        1,
        Event::Failed {
            vm: 0,
            reason: "apply".into(),
            detail: String::new(),
        },
    );
    run.restored(1, By::Other);
    assert_eq!(run.end(2), &Step::Final(End::Untouched), "the rest is skipped");
    assert!(run.engine.is_done());
}

#[test]
fn a_fault_that_was_gone_before_its_end_is_a_failure() {
    let mut run = TestRun::hold(settings(), 1);
    run.ending(0, By::Deadline, "nothing").restored(0, By::Deadline);
    assert_eq!(run.reason(0), Some("not-held"));
}

#[test]
fn a_signal_rolls_back_and_waits_for_the_proof() {
    let mut run = TestRun::hold(settings(), 2);
    run.tell(Outside::Signal.into());
    assert_eq!(
        run.said(),
        vec![
            Action::Say(0, Word::Rollback(None)),
            Action::Say(1, Word::Rollback(None))
        ]
    );
    assert!(!run.engine.is_done());
    run.restored(0, By::Rollback).restored(1, By::Rollback);
    assert!(run.engine.is_done());
    assert_eq!(run.engine.vms()[0].cause, Some(Cause::Signal));
}

#[test]
fn a_second_signal_leaves_and_says_what_may_be_left() {
    let mut run = TestRun::hold(settings(), 2);
    run.tell(Outside::Signal.into())
        .restored(0, By::Rollback)
        .tell(Outside::Signal.into());
    assert!(run.engine.is_done());
    assert_eq!(run.end(0), &Step::Final(End::Restored(By::Rollback)));
    assert!(run.engine.vms()[1].leaked().is_some());
}

#[test]
fn a_signal_before_any_pod_speaks_lets_go_of_the_sessions() {
    let mut run = TestRun::new(settings(), 1);
    run.tell(Outside::Signal.into());
    assert_eq!(run.said(), vec![Action::Close(0)]);
    assert!(run.engine.is_done());
}

#[test]
fn a_lost_wire_is_settled_by_the_pods_verdict() {
    let mut run = TestRun::hold(settings(), 1);
    run.tell(Input::Session(0, SessionEvent::WireLost));
    assert!(!run.engine.is_done());
    let verdict = Verdict {
        run: "r".into(),
        vms: vec![(0, EndState::Restored, By::LostOperator, 9.0)],
        more: 0,
        armed: Some(0),
    };
    run.tell(Input::Session(0, over(Some(verdict))));
    assert_eq!(run.end(0), &Step::Final(End::Restored(By::LostOperator)));
    assert_eq!(run.reason(0), Some("stream-lost"));
}

#[test]
fn without_a_verdict_another_agent_looks_and_only_its_word_counts() {
    for (answer, clean) in [(Ok(swept(&[])), true), (Err("tap0 netem".to_owned()), false)] {
        let mut run = TestRun::hold(settings(), 1);
        run.tell(Input::Session(0, SessionEvent::WireLost)).said();
        run.tell(Input::Session(0, over(None)));
        assert_eq!(run.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
        assert!(!run.engine.is_done());
        run.tell(Input::Verified(0, 0, answer));
        assert_eq!(run.engine.vms()[0].leaked().is_none(), clean);
        assert!(run.engine.is_done());
    }
}

#[test]
fn detach_is_said_only_when_every_fault_was_read_back() {
    let mut run = TestRun::new(
        Settings {
            detach: true,
            follow: false,
            ..settings()
        },
        2,
    );
    run.found(0).found(1).ready(0).ready(1).injected(0);
    assert!(!run.said().contains(&Action::Say(0, Word::Detach)));
    run.injected(1);
    assert!(
        run.said()
            .ends_with(&[Action::Say(0, Word::Detach), Action::Say(1, Word::Detach)])
    );
    run.says(0, Event::Detached).says(1, Event::Detached);
    assert!(run.engine.is_done());
    assert_eq!(run.end(1), &Step::Final(End::Detached));
}

#[test]
fn an_agent_that_does_not_answer_is_rolled_back_and_then_looked_after() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0).said();
    run.pass(Duration::from_secs(16));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    run.pass(Duration::from_secs(16));
    assert_eq!(run.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
}

#[test]
fn the_owner_of_the_vmi_is_told_once_of_each() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0)
        .ready(0)
        .injected(0)
        .ending(0, By::Deadline, "ok")
        .restored(0, By::Deadline);
    let told: Vec<_> = run
        .said()
        .into_iter()
        .filter(|action| matches!(action, Action::Tell(..)))
        .collect();
    assert_eq!(
        told,
        vec![Action::Tell(0, Happened::Injected), Action::Tell(0, Happened::Restored)]
    );
}
