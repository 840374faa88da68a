//! What is cancelled, by whom, and how it ends.

use std::time::Duration;

use serde_json::json;

use super::cancel::CANCEL_LIMIT;
use super::engine::{Action, Input};
use super::flight::End;
use super::testing::{Run, flying, once};
use crate::faults::migrate::spec::Extent;
use crate::run::machine::{Machine, Outside};

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
    run.handle(Outside::Signal.into());
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
    run.handle(Outside::Signal.into());
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
    run.handle(Outside::Signal.into());
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
    run.handle(Outside::Signal.into());
    run.expect(&[Action::Create(0)]);
    assert!(!run.engine.is_done(), "it may be made yet");
    run.created(0);
    run.expect(&[Action::Cancel(0)]);
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
fn why_it_was_cancelled_is_told_and_not_what_it_waited_for() {
    let mut run = flying("Pending");
    run.handle(Input::Explained(
        0,
        Some("throttled: 5 migrations are under way".into()),
    ));
    run.handle(Outside::Signal.into());
    run.phase(0, "Failed");
    assert_eq!(run.end(0), Some(&End::Cancelled));
    assert_eq!(
        run.flight(0).failure.as_deref(),
        Some("cancelled by a signal, in phase Pending")
    );

    let mut run = flying("Scheduling");
    let mut object = run.object(0, "Scheduling");
    object["metadata"]["annotations"]["vmchaos.dev/halted-by"] = json!("joe");
    run.handle(Input::Migration(serde_json::from_value(object).unwrap()));
    run.phase(0, "Failed");
    assert_eq!(
        run.flight(0).failure.as_deref(),
        Some("cancelled by a halt of joe, in phase Scheduling")
    );

    // By somebody else, and not by us.
    let mut run = flying("Pending");
    let mut object = run.object(0, "Failed");
    object["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:00Z");
    run.handle(Input::Migration(serde_json::from_value(object).unwrap()));
    assert_eq!(run.end(0), Some(&End::Failed));
    assert_eq!(
        run.flight(0).failure.as_deref(),
        Some("its migration object was deleted, not by this run")
    );
}
