//! The state machine without a cluster: what it asks for, and what it makes of the answers and of time.

use std::time::Duration;

use serde_json::json;

use super::eligibility::Ineligible;
use super::engine::{Action, Input, NotMade};
use super::flight::{End, Flight};
use super::testing::{Run, eligible, flying, once};
use crate::fault::{Time, Unfit};
use crate::faults::migrate::spec::Extent;
use crate::problem::{Problem, Reason};
use crate::run::machine::{Machine, Outside};

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
    assert_eq!(
        run.engine.vms()[0].failed_to_move.as_deref(),
        Some("round 2: it is paused")
    );
    assert_eq!(run.engine.vms()[0].unfit, None);
}

#[test]
fn an_answer_that_never_came_is_sought_and_found_by_round_and_vm() {
    let lost = || Err(NotMade::Unknown(Problem::new(Reason::NoAnswer, "no answer")));
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
    assert!(matches!(run.end(0), Some(End::Refused(problem)) if problem.message.contains("no answer")));

    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.handle(Input::Created(0, lost()));
    let blind = || Err(Problem::new(Reason::Unreachable, "no route"));
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
            size_of::<Flight>() + texts + flight.phases.capacity() * size_of::<super::flight::PhaseSeen>()
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
    run.handle(Outside::Enough.into());
    run.expect(&[]);
    assert!(!run.engine.is_done());
    run.phase(0, "Succeeded");
    assert!(run.engine.is_done());
    assert_eq!((run.end(0), run.engine.signals()), (Some(&End::Succeeded), 0));

    let mut resting = Run::new(Extent::Endless, 1, Some((5_000, 5_000)), &["x"]);
    resting.survey(&["x"]);
    resting.created(0);
    resting.phase(0, "Succeeded");
    resting.handle(Outside::Enough.into());
    assert!(resting.engine.is_done(), "nothing is waited for between two rounds");
}

#[test]
fn who_is_out_of_the_draw_is_told_though_his_turn_has_not_come() {
    let mut run = Run::new(Extent::Endless, 1, Some((1_000, 1_000)), &["x", "y", "z"]);
    let mut told = Vec::new();
    for round in 0..4 {
        run.survey(&["x", "y", "!z"]);
        if round == 0 {
            assert_eq!(run.engine.vms()[2].failed_to_move, None, "nobody was to move it yet");
        }
        told.extend(
            std::mem::take(&mut run.asked)
                .into_iter()
                .filter(|action| matches!(action, Action::LeftOut(_))),
        );
        let flight = run.engine.flights().len() - 1;
        run.created(flight);
        run.phase(flight, "Succeeded");
        run.sleep();
    }
    assert_eq!(told, [Action::LeftOut(2)], "once, in the first round already");
}

#[test]
fn what_a_phase_waits_for_may_come_with_it() {
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.created(0);
    let mut object = run.object(0, "Pending");
    object["status"]["conditions"] = json!([{"type": "migrationRejectedByResourceQuota", "status": "True"}]);
    run.handle(Input::Migration(serde_json::from_value(object).unwrap()));
    assert!(run.flight(0).waits_for.as_deref().unwrap().contains("resource quota"));
    run.phase(0, "Scheduling");
    assert_eq!(
        run.flight(0).waits_for,
        None,
        "that was what the phase before waited for"
    );
}

#[test]
fn every_condition_that_holds_a_migration_back_is_put_into_words() {
    for (condition, words) in [
        ("migrationRejectedByResourceQuota", "resource quota"),
        ("migrationBlockedByBackup", "a backup of the VM"),
        ("migrationBlockedByUtilityVolumes", "utility volumes"),
        ("decentralizedMigrationBlocked", "the other cluster"),
    ] {
        let mut run = flying("Pending");
        for (status, says) in [("False", false), ("True", true)] {
            let mut object = run.object(0, "Pending");
            object["status"]["conditions"] = json!([{"type": condition, "status": status}]);
            run.handle(Input::Migration(serde_json::from_value(object).unwrap()));
            let said = run
                .flight(0)
                .waits_for
                .as_deref()
                .is_some_and(|why| why.contains(words));
            assert_eq!(said, says, "{condition} is {status}");
        }
    }
}

#[test]
fn a_vm_that_is_where_it_was_to_go_has_not_failed_to_move() {
    let unfit = |reason: &str| Unfit {
        namespace: "shop".into(),
        name: "x".into(),
        reason: reason.into(),
        hint: None,
    };
    let failed = |why: Ineligible| {
        let mut run = once(&["x", "y"]);
        run.handle(Input::Surveyed(vec![Err(why), Ok(eligible("y"))]));
        run.engine.vms()[0].failed_to_move.clone()
    };
    assert_eq!(failed(Ineligible::IsThere(unfit("is already on b"))), None);
    assert_eq!(
        failed(Ineligible::Unfit(unfit("is already on its way out"))).as_deref(),
        Some("round 1: it is already on its way out")
    );
}
