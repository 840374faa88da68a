//! What ends an outage before its time.

use super::*;

#[test]
fn a_signal_undoes_what_is_held_at_once_and_waits_for_the_platform_elsewhere() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Stop), vm("Always"));
    assert_eq!(case.vm.hurry(&[], case.now()), Some(Effect::Undo));
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    assert_eq!(case.vm.hurry(&[], case.now()), None);
    assert_eq!(case.vm.step, Step::Down);
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Manual"));
    assert_eq!(case.vm.hurry(&[], case.now()), Some(Effect::Help(Help::Start)));
}

#[test]
fn a_signal_before_the_change_skips_it() {
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.vm.hurry(&[], case.now());
    assert_eq!(*case.outcome(), Outcome::Skipped);
}

#[test]
fn a_guest_that_is_not_as_planned_is_not_touched() {
    for changed in [
        VmiState {
            paused: true,
            ..seen("old")
        },
        VmiState {
            leaving: true,
            ..seen("old")
        },
        VmiState {
            phase: "Failed".into(),
            ..seen("old")
        },
        seen("another"),
    ] {
        let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
        assert_eq!(case.see(&[changed]), None);
        assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::ChangedMeanwhile));
    }
}

#[test]
fn after_a_signal_the_platform_has_seconds_and_not_the_whole_duration() {
    let mut case = Case::crashed(vm("RerunOnFailure"));
    assert_eq!(case.vm.prediction.by, Comeback::Platform);
    assert_eq!(case.vm.hurry(&[finished()], case.now()), None);
    assert_eq!(case.wake(&[finished()]), Some(Effect::Help(Help::Start)));
    assert_eq!(case.seconds, 10);
    case.done(Done::Helped(Help::Start), &[]);
    case.see(&[seen("new")]);
    assert_eq!(
        *case.outcome(),
        Outcome::Recovered(None),
        "nobody can say what the platform would have done"
    );
}

#[test]
fn an_interrupted_outage_without_recovery_says_that_it_was_interrupted() {
    let spec = OutageSpec {
        no_recover: true,
        ..OutageSpec::plain(Mode::Delete)
    };
    let mut case = Case::ended(spec, vm("Manual"));
    assert_eq!(case.vm.hurry(&[], case.now()), None);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.message.starts_with("interrupted before")));
}
