//! What is held until it is undone.

use super::*;
use crate::problem::{Problem, Reason};

#[test]
fn what_is_held_is_undone_when_its_time_is_over() {
    let mut case = Case::new(OutageSpec::plain(Mode::Pause), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let paused = [VmiState {
        paused: true,
        ready: false,
        ..seen("old")
    }];
    case.see(&paused);
    assert_eq!(case.vm.step, Step::Down);
    assert_eq!(case.wake(&paused), Some(Effect::Undo));
    assert_eq!(case.seconds, 60);
    case.done(Done::Undone, &paused);
    assert!(!case.vm.is_over(), "it is still paused");
    case.see(&[seen("old")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn an_undoing_that_fails_is_a_leak() {
    let mut case = Case::new(OutageSpec::plain(Mode::Pause), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let paused = [VmiState {
        paused: true,
        ..seen("old")
    }];
    case.see(&paused);
    case.wake(&paused);
    case.done(Done::NotUndone(Problem::new(Reason::NotUndone, "no")), &paused);
    assert!(matches!(case.outcome(), Outcome::Leaked(_)));
}

#[test]
fn a_refused_change_takes_the_way_back_off_again() {
    let mut case = Case::new(OutageSpec::plain(Mode::Stop), vm("Always"));
    case.see(&[seen("old")]);
    let refused = Done::Refused {
        problem: Problem::new(Reason::Refused, "no"),
        marked: true,
    };
    assert_eq!(case.done(refused, &[seen("old")]), Some(Effect::Undo));
    case.done(Done::Undone, &[seen("old")]);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::Refused));
}

#[test]
fn the_operator_ends_what_is_kept_down_and_not_the_time_the_platform_has() {
    let mut paused = Case::new(OutageSpec::plain(Mode::Pause), vm("Always"));
    let frozen = [VmiState {
        paused: true,
        ..seen("old")
    }];
    paused.see(&[seen("old")]);
    paused.done(Done::Acted, &frozen);
    assert_eq!(paused.vm.step, Step::Down);
    let now = paused.now();
    assert_eq!(paused.vm.enough(&frozen, now), Some(Effect::Undo));
    assert_eq!(paused.vm.enough(&frozen, now), None, "once");
    paused.done(Done::Undone, &[seen("old")]);
    assert_eq!(*paused.outcome(), Outcome::Recovered(None));
    assert!(paused.vm.cut_short);

    let mut deleted = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    let now = deleted.now();
    assert_eq!(deleted.vm.enough(&[], now), None, "the platform keeps its time");
    assert!(!deleted.vm.cut_short);
}
