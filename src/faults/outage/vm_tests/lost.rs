//! Answers and watches that are late or lost.

use super::*;
use crate::problem::{Problem, Reason};

#[test]
fn a_lost_answer_is_decided_by_what_is_seen() {
    let lost = || Done::Uncertain(Problem::new(Reason::NoAnswer, "connection reset"));
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(lost(), &[seen("old")]);
    case.see(&[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));

    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(lost(), &[seen("old")]);
    assert_eq!(case.wake(&[seen("old")]), None);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::NoAnswer));
}

#[test]
fn what_is_seen_before_the_answer_has_the_time_at_which_it_was_seen() {
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.seconds = 2;
    assert_eq!(case.see(&[]), None);
    case.seconds = 3;
    assert_eq!(
        case.see(&[seen("new")]),
        None,
        "the answer may still be that nothing was done"
    );
    assert!(!case.vm.is_over());
    case.seconds = 9;
    case.done(Done::Acted, &[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    let times = case.vm.times;
    let at = |moment: Option<Moment>| (moment.unwrap().at - case.start).as_secs();
    let all = [
        times.acted,
        times.gone,
        times.scheduled,
        times.ready,
        times.agent,
        times.recovered,
    ];
    assert_eq!(all.map(at), [2, 2, 3, 3, 3, 3]);
}

#[test]
fn a_guest_that_shuts_down_after_a_lost_answer_has_its_time() {
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), Owner::Nobody);
    let leaving = [VmiState {
        leaving: true,
        ..seen("old")
    }];
    case.see(&[seen("old")]);
    case.done(
        Done::Uncertain(Problem::new(Reason::NoAnswer, "unexpected EOF")),
        &[seen("old")],
    );
    case.seconds = 1;
    case.see(&leaving);
    let until = (case.vm.wake_at().unwrap() - case.start).as_secs();
    assert_eq!(until, 91, "30 s to shut down, and a minute more");
    case.seconds = 22;
    case.see(&[]);
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Create)));
}

#[test]
fn what_cannot_be_watched_any_more_is_brought_back_all_the_same() {
    // Nothing was done yet.
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), Owner::Nobody);
    case.blind(&[]);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::Blind));

    let unknown = |case: &Case| {
        matches!(case.outcome(), Outcome::Failed(problem)
            if problem.reason == Reason::NotRecovered && problem.message.contains("Unauthorized") && problem.message.ends_with("not known"))
    };
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), Owner::Nobody);
    assert_eq!(case.blind(&[]), Some(Effect::Help(Help::Create)));
    case.done(Done::Helped(Help::Create), &[]);
    assert!(unknown(&case));

    let mut case = Case::crashed(Owner::Nobody);
    assert_eq!(case.blind(&[finished()]), Some(Effect::Help(Help::Remove)));
    assert_eq!(
        case.done(Done::Helped(Help::Remove), &[finished()]),
        Some(Effect::Help(Help::Create))
    );
    case.done(Done::Helped(Help::Create), &[finished()]);
    assert!(unknown(&case));

    let mut case = Case::ended(OutageSpec::plain(Mode::Stop), vm("Manual"));
    assert_eq!(case.blind(&[]), Some(Effect::Undo));
    case.done(Done::Undone, &[]);
    assert!(unknown(&case));

    // The platform's turn, and a guest that is leaving: there is nothing to be done unseen.
    for mut case in [Case::ended(OutageSpec::plain(Mode::Delete), vm("Always")), {
        let mut leaving = Case::new(OutageSpec::plain(Mode::Delete), Owner::Nobody);
        leaving.see(&[seen("old")]);
        leaving.done(Done::Acted, &[seen("old")]);
        leaving
    }] {
        assert_eq!(case.blind(&[]), None);
        assert!(unknown(&case));
    }

    let spec = OutageSpec {
        no_recover: true,
        ..OutageSpec::plain(Mode::Delete)
    };
    let mut case = Case::ended(spec, Owner::Nobody);
    assert_eq!(case.blind(&[]), None, "it was to stay away");
}

#[test]
fn what_was_done_before_the_answer_came_counts_though_nothing_can_be_watched_any_more() {
    let spec = || OutageSpec::plain(Mode::Delete);
    let answered = |done: Done| {
        let mut case = Case::new(spec(), Owner::Nobody);
        case.see(&[seen("old")]);
        assert_eq!(case.blind(&[seen("old")]), None, "its answer is still to come");
        case.done(done, &[seen("old")]);
        case
    };
    for done in [Done::Acted, Done::Uncertain(Problem::new(Reason::NoAnswer, "reset"))] {
        let case = answered(done);
        assert!(case.vm.times.acted.is_some());
        assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::NotRecovered));
    }
    let refused = answered(Done::Refused {
        problem: Problem::new(Reason::Refused, "no"),
        marked: false,
    });
    assert_eq!(refused.vm.times.acted, None);
    assert!(matches!(refused.outcome(), Outcome::Failed(problem) if problem.reason == Reason::Blind));

    // It is put back already: it is not put back once more.
    let mut case = Case::ended(OutageSpec::plain(Mode::Stop), vm("Manual"));
    assert_eq!(case.vm.hurry(&[], case.now()), Some(Effect::Undo));
    assert_eq!(case.blind(&[]), None);
    assert_ne!(case.done(Done::Undone, &[]), Some(Effect::Undo));
    assert!(!case.vm.in_place);
}

#[test]
fn a_pod_that_may_be_leaving_is_given_its_grace_period_before_its_lost_answer_is_decided() {
    let until = |grace_period| {
        let spec = OutageSpec {
            grace_period,
            ..OutageSpec::plain(Mode::Pod)
        };
        let mut case = Case::new(spec, vm("Always"));
        case.see(&[seen("old")]);
        case.done(Done::Uncertain(Problem::new(Reason::NoAnswer, "reset")), &[seen("old")]);
        (case.vm.wake_at().unwrap() - case.start).as_secs()
    };
    assert_eq!(until(Some(45)), until(None) + 45);
}

#[test]
fn a_guest_that_was_given_a_grace_period_has_it_and_a_minute_more_to_be_gone() {
    for mode in [Mode::Stop, Mode::Pod] {
        let spec = OutageSpec {
            grace_period: Some(45),
            ..OutageSpec::plain(mode)
        };
        let mut case = Case::new(spec, vm("Always"));
        case.see(&[seen("old")]);
        case.done(Done::Acted, &[seen("old")]);
        let until = (case.vm.wake_at().unwrap() - case.start).as_secs();
        assert_eq!(until, 45 + 60, "{mode:?}");
    }
}
