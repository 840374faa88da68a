//! The state machine without a cluster: what it asks for, and what it makes of the answers and of time.

use std::time::Duration;

use serde_json::json;

use super::super::vm::Trouble;
use super::cancel::CANCEL_LIMIT;
use super::engine::{Action, Input, NotMade};
use super::flight::{End, Flight};
use super::story::{Run, flying, once};
use crate::fault::{Extent, Time};

#[test]
fn one_after_the_other_and_then_it_is_over() {
    let mut run = once(&["x", "y"]);
    run.survey(&["x", "y"]);
    run.expect(&[Action::Create(0)]);
    run.created(0);
    run.phase(0, "Running");
    run.expect(&[]);
    run.phase(0, "Succeeded");
    run.expect(&[Action::Survey]);
    assert_eq!(run.engine.vms()[0].node, "b");
    run.survey(&["x", "y"]);
    run.created(1);
    run.phase(1, "Failed");
    assert!(run.engine.is_done());
    assert_eq!((run.end(0), run.end(1)), (Some(&End::Succeeded), Some(&End::Failed)));
    assert_eq!(run.engine.vms()[1].node, "a", "it stayed where it was");
}

#[test]
fn the_next_round_begins_when_the_pause_after_the_last_end_is_over() {
    let mut run = Run::new(Extent::Rounds(2), 1, Some((5_000, 5_000)), &["x"]);
    run.survey(&["x"]);
    run.created(0);
    run.sleep_for(Duration::from_secs(60));
    run.phase(0, "Succeeded");
    run.asked.clear();
    assert_eq!(run.sleep(), Duration::from_secs(5));
    run.expect(&[Action::Survey]);
    run.survey(&["x"]);
    run.created(1);
    run.phase(1, "Succeeded");
    assert!(run.engine.is_done());
}

#[test]
fn no_round_begins_after_the_time_is_over() {
    let mut run = Run::new(Extent::For(Time::from_millis(12_000)), 1, Some((5_000, 5_000)), &["x"]);
    for flight in 0..3 {
        run.survey(&["x"]);
        run.created(flight);
        run.phase(flight, "Succeeded");
        if flight < 2 {
            assert!(!run.engine.is_done(), "{flight}");
            run.sleep();
        }
    }
    assert!(run.engine.is_done(), "the next one would begin at 15 s");
}

#[test]
fn a_vm_that_cannot_be_moved_is_told_once_and_remembered() {
    let mut run = Run::new(Extent::Endless, 1, Some((1_000, 1_000)), &["x"]);
    run.survey(&["!x"]);
    run.expect(&[Action::LeftOut(0)]);
    assert_eq!(
        run.sleep(),
        Duration::from_secs(5),
        "nobody can be moved: not asked in a tight loop"
    );
    run.expect(&[Action::Survey]);
    run.survey(&["!x"]);
    run.expect(&[]);
    run.sleep();
    run.survey(&["x"]);
    run.expect(&[Action::Survey, Action::Create(0)]);
    assert_eq!(run.engine.vms()[0].failed_to_move.as_deref(), Some("is paused"));
    assert_eq!(run.engine.vms()[0].unfit, None);
}

#[test]
fn the_timeout_counts_from_the_creation_and_cancels() {
    let mut run = flying("Scheduling");
    run.sleep_for(Duration::from_secs(299));
    assert!(run.asked.iter().all(|action| *action == Action::Explain(0)));
    run.asked.clear();
    run.sleep_for(Duration::from_secs(1));
    run.expect(&[Action::Cancel(0)]);
    run.handle(Input::Cancelled(0, Ok(())));
    run.phase(0, "Failed");
    assert_eq!(run.end(0), Some(&End::TimedOut));
    assert_eq!(
        run.flight(0).failure.as_deref(),
        Some("not over within 300 s and cancelled in phase Scheduling")
    );
    assert!(run.engine.is_done());
}

#[test]
fn an_object_that_goes_without_a_word_is_settled_by_the_vmi() {
    let ends = [
        (
            json!({"migrationUid": "m0", "completed": true, "targetNode": "b"}),
            End::Succeeded,
            None,
        ),
        (
            json!({"migrationUid": "m0", "completed": true, "failed": true, "failureReason": "no"}),
            End::Failed,
            Some("no"),
        ),
        // The state of another migration says nothing about this one.
        (
            json!({"migrationUid": "other", "completed": true}),
            End::Failed,
            Some("its migration object was deleted, not by this run"),
        ),
    ];
    for (state, end, failure) in ends {
        let mut run = flying("Running");
        run.handle(Input::Gone("m0".into()));
        run.expect(&[Action::Look(0)]);
        run.looked(0, &state);
        assert_eq!(
            (run.end(0), run.flight(0).failure.as_deref()),
            (Some(&end), failure),
            "{state}"
        );
    }
}

#[test]
fn a_cancelled_object_that_is_gone_while_the_guest_still_moves_is_waited_for() {
    let mut run = flying("Running");
    run.handle(Input::Signal);
    run.expect(&[Action::Cancel(0)]);
    run.handle(Input::Cancelled(0, Ok(())));
    run.handle(Input::Gone("m0".into()));
    run.expect(&[Action::Look(0)]);
    run.looked(0, &json!({"migrationUid": "m0", "targetNode": "b"}));
    assert_eq!((run.end(0), run.engine.is_done()), (None, false));
    let vmi = run.vmi(0, &json!({"migrationUid": "m0", "completed": true, "targetNode": "b"}));
    run.handle(Input::Vmi(0, Some(serde_json::from_value(vmi).unwrap())));
    assert_eq!(run.end(0), Some(&End::Succeeded), "best effort: it moved all the same");
    assert!(run.engine.is_done());
}

#[test]
fn what_is_not_over_long_after_its_cancellation_is_said_to_be_unknown() {
    let mut run = flying("PreparingTarget");
    run.handle(Input::Signal);
    run.sleep_for(CANCEL_LIMIT.checked_sub(Duration::from_secs(1)).unwrap());
    assert!(!run.engine.is_done());
    run.sleep_for(Duration::from_secs(1));
    assert!(run.engine.is_done());
    assert!(run.flight(0).lost.is_some() && run.end(0).is_none());
}

#[test]
fn a_lost_one_whose_end_comes_later_is_lost_no_more() {
    let mut run = once(&["x", "y"]);
    run.survey(&["x", "y"]);
    run.created(0);
    run.phase(0, "PreparingTarget");
    run.sleep_for(Duration::from_secs(300) + CANCEL_LIMIT);
    assert!(run.flight(0).lost.is_some());
    run.survey(&["x", "y"]);
    run.created(1);
    run.phase(0, "Failed");
    assert_eq!((run.end(0), run.flight(0).lost.as_ref()), (Some(&End::TimedOut), None));
}

#[test]
fn in_post_copy_nothing_is_cancelled_however_long_it_takes() {
    let mut run = flying("Running");
    let vmi = run.vmi(0, &json!({"migrationUid": "m0", "mode": "PostCopy"}));
    run.handle(Input::Vmi(0, Some(serde_json::from_value(vmi).unwrap())));
    run.handle(Input::Signal);
    run.sleep_for(Duration::from_secs(3_600));
    run.expect(&[]);
    assert!(!run.engine.is_done());
    run.phase(0, "Succeeded");
    assert_eq!(run.end(0), Some(&End::Succeeded));
    assert!(run.engine.is_done());
}

#[test]
fn a_signal_before_the_answer_to_the_creation_cancels_what_is_made() {
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.handle(Input::Signal);
    run.expect(&[Action::Create(0)]);
    assert!(!run.engine.is_done(), "it may be made yet");
    run.created(0);
    run.expect(&[Action::Cancel(0)]);
}

#[test]
fn an_answer_that_never_came_is_sought_and_found_by_round_and_vm() {
    let lost = || Err(NotMade::Unknown(Trouble::new("timeout", "no answer")));
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.handle(Input::Created(0, lost()));
    run.expect(&[Action::Create(0), Action::Seek(0)]);
    // The watch may be quicker than the search.
    run.phase(0, "Pending");
    assert_eq!(run.flight(0).uid, "m0");
    run.handle(Input::Found(0, Ok(None)));
    assert_eq!(run.end(0), None, "it was adopted already");

    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.handle(Input::Created(0, lost()));
    run.handle(Input::Found(0, Ok(None)));
    assert!(matches!(run.end(0), Some(End::Refused(trouble)) if trouble.message.contains("no answer")));

    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.handle(Input::Created(0, lost()));
    let blind = || Err(Trouble::new("unreachable", "no route"));
    run.handle(Input::Found(0, blind()));
    run.sleep_for(Duration::from_secs(31));
    run.handle(Input::Found(0, blind()));
    assert!(run.flight(0).lost.is_some(), "nobody knows");
}

#[test]
fn an_object_seen_before_the_answer_to_its_creation_is_not_forgotten() {
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.phase(0, "Succeeded");
    run.created(0);
    assert_eq!(run.end(0), Some(&End::Succeeded));
}

#[test]
fn somebodys_halt_ends_the_run_and_cancels() {
    let mut run = Run::new(Extent::Endless, 2, Some((1_000, 1_000)), &["x", "y"]);
    run.survey(&["x", "y"]);
    run.created(0);
    run.created(1);
    run.asked.clear();
    let mut object = run.object(0, "Running");
    object["metadata"]["annotations"]["vmchaos.dev/halted-by"] = json!("joe");
    run.handle(Input::Migration(serde_json::from_value(object).unwrap()));
    run.expect(&[Action::Cancel(0), Action::Cancel(1)]);
    run.phase(0, "Failed");
    run.phase(1, "Failed");
    assert!(run.engine.is_done());
    assert_eq!(run.engine.halted_by(), Some("joe"));
    assert_eq!((run.end(0), run.end(1)), (Some(&End::Cancelled), Some(&End::Cancelled)));
}

#[test]
fn a_thousand_rounds_are_kept_in_little_memory() {
    let names: Vec<String> = (0..200).map(|number| format!("vm-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut run = Run::new(Extent::Rounds(1_000), 1, Some((0, 0)), &names);
    for flight in 0..1_000 {
        run.survey(&names);
        run.created(flight);
        for phase in super::flight::PHASES.iter().filter(|phase| **phase != "Failed") {
            run.phase(flight, phase);
        }
    }
    assert!(run.engine.is_done());
    let bytes: usize = run
        .engine
        .flights()
        .iter()
        .map(|flight| {
            let texts = flight.name.len() + flight.uid.len() + flight.from.len();
            size_of::<Flight>() + texts + flight.phases.capacity() * size_of::<super::flight::Seen>()
        })
        .sum();
    assert!(bytes < 2 << 20, "{bytes} bytes for 1,000 migrations");
}

#[test]
fn when_enough_was_said_what_is_in_flight_goes_on_and_no_round_follows() {
    let mut run = Run::new(Extent::Endless, 1, Some((5_000, 5_000)), &["x"]);
    run.survey(&["x"]);
    run.created(0);
    run.asked.clear();
    run.handle(Input::Enough);
    run.expect(&[]);
    assert!(!run.engine.is_done());
    run.phase(0, "Succeeded");
    assert!(run.engine.is_done());
    assert_eq!((run.end(0), run.engine.signals()), (Some(&End::Succeeded), 0));

    let mut resting = Run::new(Extent::Endless, 1, Some((5_000, 5_000)), &["x"]);
    resting.survey(&["x"]);
    resting.created(0);
    resting.phase(0, "Succeeded");
    resting.handle(Input::Enough);
    assert!(resting.engine.is_done(), "nothing is waited for between two rounds");
}
