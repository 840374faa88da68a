//! Whose object and whose word is believed, and when something is asked again.

use std::time::Duration;

use serde_json::{Value, json};

use super::engine::{Action, Input, NotMade};
use super::flight::End;
use super::testing::{Run, flying, once};
use crate::fault::Time;
use crate::faults::migrate::spec::Extent;
use crate::problem::{Problem, Reason};
use crate::run::machine::{Machine, Outside};

fn lost() -> Problem {
    Problem::new(Reason::Unreachable, "no route")
}

fn second() -> Duration {
    Duration::from_secs(1)
}

/// A run whose first creation was not answered.
fn sought() -> Run {
    let mut run = once(&["x", "y"]);
    run.survey(&["x", "y"]);
    run.handle(Input::Created(0, Err(NotMade::Unknown(lost()))));
    run.expect(&[Action::Create(0), Action::Seek(0)]);
    run
}

fn migration(object: Value) -> Input {
    Input::Migration(serde_json::from_value(object).unwrap())
}

#[test]
fn only_the_object_of_its_round_and_its_vm_is_taken_for_the_one_that_is_sought() {
    let mut run = sought();
    let ours = run.object(0, "Pending");
    let mut others_of_the_vm = ours.clone();
    others_of_the_vm["metadata"]["annotations"] = json!({});
    let mut of_another_vm = ours.clone();
    of_another_vm["spec"]["vmiName"] = json!("y");
    for other in [others_of_the_vm, of_another_vm] {
        run.handle(migration(other.clone()));
        assert_eq!(run.flight(0).uid, "", "{other}");
    }
    run.handle(migration(ours));
    assert_eq!(run.flight(0).uid, "m0");
}

#[test]
fn the_answer_to_a_creation_says_which_object_is_ours() {
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    let mut other = run.object(0, "Failed");
    other["metadata"]["uid"] = json!("other");
    run.handle(migration(other));
    run.created(0);
    assert_eq!((run.flight(0).uid.as_str(), run.end(0)), ("m0", None));
}

#[test]
fn a_lost_answer_is_sought_every_second_for_half_a_minute() {
    let mut run = sought();
    run.handle(Input::Found(0, Err(lost())));
    assert_eq!(run.sleep(), second());
    run.expect(&[Action::Seek(0)]);
    run.sleep_for(Duration::from_secs(28));
    run.handle(Input::Found(0, Err(lost())));
    assert!(run.flight(0).lost.is_none(), "29 s");
    run.sleep_for(second());
    run.handle(Input::Found(0, Err(lost())));
    assert!(run.flight(0).lost.is_some(), "30 s");
}

#[test]
fn a_cancellation_that_failed_is_tried_again_and_a_signal_counted() {
    let mut run = flying("Scheduling");
    run.handle(Outside::Signal.into());
    run.handle(Input::Cancelled(0, Err(lost())));
    assert_eq!(run.sleep(), second());
    run.expect(&[Action::Cancel(0), Action::Cancel(0)]);
    assert_eq!(run.engine.signals(), 1);
}

#[test]
fn where_there_is_no_watch_any_more_the_vmi_is_asked() {
    let mut run = flying("Running");
    run.handle(Input::Blind(lost()));
    run.handle(Input::Cancelled(0, Ok(())));
    run.expect(&[Action::Cancel(0), Action::Look(0)]);
    assert_eq!(run.engine.problem(), Some(&lost()));
    // What the VMI says of another migration is no end of this one, whose object may be there.
    run.looked(0, &json!({"migrationUid": "other", "completed": true}));
    assert_eq!(run.end(0), None);
    assert_eq!(run.sleep(), second());
    run.expect(&[Action::Cancel(0)]);
    run.handle(Input::Cancelled(0, Ok(())));
    run.expect(&[Action::Look(0)]);
    run.looked(0, &json!({"migrationUid": "m0"}));
    assert_eq!(run.end(0), None);
    assert_eq!(run.sleep(), second(), "nobody else tells how it goes on");
}

#[test]
fn a_slow_phase_is_looked_into_and_one_that_moves_memory_is_not() {
    let slow = Duration::from_secs(3);
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.created(0);
    assert_eq!(run.sleep(), slow);
    run.expect(&[Action::Create(0), Action::Explain(0)]);
    run.phase(0, "Scheduling");
    assert_eq!(run.sleep(), slow);
    run.expect(&[Action::Explain(0)]);
    run.phase(0, "Running");
    assert_eq!(run.sleep(), slow);
    run.expect(&[]);
}

#[test]
fn why_it_waits_stays_known_until_it_goes_on() {
    let mut run = flying("Pending");
    let waits = |run: &Run| run.flight(0).waits_for.clone();
    run.handle(Input::Explained(0, Some("throttled".into())));
    assert_eq!(waits(&run).as_deref(), Some("throttled"));
    run.handle(Input::Explained(0, None));
    run.phase(0, "Pending");
    assert_eq!(waits(&run).as_deref(), Some("throttled"));
    assert_eq!(run.flight(0).phases.len(), 1, "the same phase");
    run.phase(0, "Running");
    assert_eq!(waits(&run), None);
    run.phase(0, "Succeeded");
    run.handle(Input::Explained(0, Some("late".into())));
    assert_eq!(waits(&run), None);
}

#[test]
fn the_times_are_those_of_the_run() {
    let mut run = flying("Scheduling");
    assert_eq!(run.flight(0).started_at, None);
    run.sleep_for(Duration::from_secs(20));
    run.phase(0, "Running");
    run.sleep_for(Duration::from_secs(40));
    run.phase(0, "Succeeded");
    let flight = run.flight(0);
    assert_eq!(flight.took(jiff::Timestamp::UNIX_EPOCH), Duration::from_secs(60));
    let moved = flight.ended_at.unwrap().duration_since(flight.started_at.unwrap());
    assert_eq!(moved.unsigned_abs(), Duration::from_secs(40));
}

#[test]
fn where_a_vm_went_is_read_of_it_when_its_migration_does_not_say() {
    let mut run = flying("");
    let mut object = run.object(0, "Succeeded");
    object["status"]["migrationState"] = json!({"migrationUid": "m0"});
    run.handle(migration(object));
    // The object before has named a node.
    assert_eq!(run.end(0), Some(&End::Succeeded));

    let mut run = once(&["x"]);
    run.survey(&["x"]);
    let mut object = run.object(0, "");
    object["status"]["migrationState"] = Value::Null;
    run.handle(Input::Created(0, Ok(serde_json::from_value(object.clone()).unwrap())));
    object["status"]["phase"] = json!("Succeeded");
    run.handle(migration(object));
    run.expect(&[Action::Create(0), Action::Look(0)]);
    assert_eq!(run.end(0), None);
    run.looked(0, &json!({}));
    assert_eq!(
        (run.end(0), run.flight(0).to.as_deref()),
        (Some(&End::Succeeded), Some("a"))
    );
}

#[test]
fn what_came_of_it_stays_as_it_was_told() {
    let mut run = flying("Running");
    run.phase(0, "Succeeded");
    run.looked(0, &json!({"migrationUid": "m0", "completed": true, "failed": true}));
    assert_eq!(run.end(0), Some(&End::Succeeded));
}

#[test]
fn a_round_may_begin_at_the_very_end_of_the_time() {
    let mut run = Run::new(Extent::For(Time::from_millis(10_000)), 1, Some((5_000, 5_000)), &["x"]);
    for flight in 0..2 {
        run.survey(&["x"]);
        run.created(flight);
        run.phase(flight, "Succeeded");
        run.sleep();
    }
    assert!(!run.engine.is_done());
}

#[test]
fn a_vm_that_could_not_be_read_is_read_again_later_and_not_at_once() {
    let mut run = flying("");
    run.handle(Input::Looked(0, Err(lost())));
    let again = run.flight(0).retry_at.unwrap();
    assert!(again > run.now);
    assert_eq!(run.end(0), None);
}

#[test]
fn phases_that_were_missed_are_told_by_the_objects_own_times_and_it_began_with_running() {
    let mut run = flying("Pending");
    run.sleep_for(Duration::from_secs(60));
    let created = run.flight(0).created_at;
    let mut object = run.object(0, "Succeeded");
    let at = |seconds: i64| json!((created + jiff::SignedDuration::from_secs(seconds)).to_string());
    let entry = |phase: &str, seconds| json!({"phase": phase, "phaseTransitionTimestamp": at(seconds)});
    let missed = [entry("Scheduling", 10), entry("Running", 20), entry("TargetReady", 30)];
    object["status"]["phaseTransitionTimestamps"] = json!(missed);
    run.handle(migration(object));
    let flight = run.flight(0);
    let phases: Vec<&str> = flight.phases.iter().map(|seen| seen.phase.as_ref()).collect();
    assert_eq!(phases, ["Pending", "Scheduling", "Running", "TargetReady", "Succeeded"]);
    assert_eq!(flight.started_at.unwrap().duration_since(created).as_secs(), 20);
}

#[test]
fn a_migration_that_never_ran_has_not_begun() {
    let mut run = flying("Pending");
    let mut object = run.object(0, "Failed");
    let at = run.flight(0).created_at.to_string();
    object["status"]["phaseTransitionTimestamps"] = json!([{"phase": "Scheduling", "phaseTransitionTimestamp": at}]);
    run.handle(migration(object));
    assert_eq!(run.flight(0).started_at, None);
}
