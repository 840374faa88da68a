//! A guest that comes back, by itself or not.

use super::*;
use crate::problem::Reason;

#[test]
fn a_recovery_ends_the_wait() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    let starting = VmiState {
        phase: "Scheduling".into(),
        ready: false,
        agent: false,
        ..seen("new")
    };
    case.seconds = 6;
    assert_eq!(case.see(std::slice::from_ref(&starting)), None);
    case.seconds = 8;
    case.see(&[VmiState {
        agent: false,
        ..seen("new")
    }]);
    assert!(!case.vm.is_over(), "its agent was connected before");
    case.seconds = 9;
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    let times = case.vm.times;
    let at = |moment: Option<Moment>| (moment.unwrap().at - case.start).as_secs();
    assert_eq!(
        [
            times.gone,
            times.scheduled,
            times.running,
            times.ready,
            times.agent,
            times.recovered
        ]
        .map(at),
        [5, 8, 8, 8, 9, 9]
    );
    assert!(!case.vm.by_us());
}

#[test]
fn the_platform_has_its_time_before_anything_is_done() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Manual"));
    case.seconds = 64;
    assert_eq!(case.vm.tick(&[], case.now()), None, "not yet");
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Start)));
    assert_eq!(case.seconds, 65, "60 s from the end of the old guest");
    case.done(Done::Helped(Help::Start), &[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    assert!(case.vm.by_us());
}

#[test]
fn what_was_to_come_back_by_itself_and_needed_us_is_told() {
    let mut case = Case::crashed(vm("Always"));
    assert_eq!(case.wake(&[finished()]), Some(Effect::Help(Help::Remove)));
    case.done(Done::Helped(Help::Remove), &[]);
    case.see(&[seen("new")]);
    assert!(matches!(case.outcome(), Outcome::Recovered(Some(problem)) if problem.reason == Reason::NotRecovered));
}

#[test]
fn a_help_that_was_not_needed_is_not_counted() {
    let mut case = Case::crashed(vm("Always"));
    assert_eq!(case.wake(&[finished()]), Some(Effect::Help(Help::Remove)));
    case.done(Done::NotNeeded, &[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    assert!(!case.vm.by_us());
    assert_eq!(case.vm.times.helped, None);
}

#[test]
fn a_vm_that_may_not_be_started_is_waited_for() {
    for strategy in ["Always", "Once"] {
        let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm(strategy));
        assert_eq!(case.wake(&[]), None, "{strategy}: KubeVirt refuses to start it");
        case.see(&[seen("new")]);
        assert_eq!(*case.outcome(), Outcome::Recovered(None), "{strategy}");
    }
}

#[test]
fn what_is_coming_when_the_time_is_up_is_waited_for() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    let starting = [VmiState {
        phase: "Scheduling".into(),
        ready: false,
        agent: false,
        ..seen("new")
    }];
    case.see(&starting);
    assert_eq!(case.wake(&starting), None, "nothing is started beside it");
    assert_eq!(case.wake(&starting), None);
    assert_eq!(case.seconds, 305, "300 s from the end of the old guest");
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.message.contains("is Scheduling")));
}

#[test]
fn a_finished_vmi_is_taken_away_before_it_is_made_again() {
    let mut case = Case::crashed(Owner::Nobody);
    let failed = [finished()];
    assert_eq!(case.wake(&failed), Some(Effect::Help(Help::Remove)));
    assert_eq!(
        case.done(Done::Helped(Help::Remove), &failed),
        None,
        "it is still there"
    );
    assert_eq!(case.see(&[]), Some(Effect::Help(Help::Create)));
    case.done(Done::Helped(Help::Create), &[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn the_old_guest_is_not_taken_for_a_new_one() {
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let leaving = VmiState {
        leaving: true,
        ..seen("old")
    };
    assert_eq!(case.see(&[leaving]), None);
    assert_eq!(case.vm.step, Step::Acting);
    assert_eq!(case.wake(&[seen("old")]), None);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.message.contains("has not gone")));
}

#[test]
fn a_reset_is_seen_by_its_agent_going() {
    let mut case = Case::new(OutageSpec::plain(Mode::Reset), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    assert_eq!(case.vm.times.gone, None, "conditions of before say nothing");
    case.see(&[VmiState {
        agent: false,
        ..seen("old")
    }]);
    assert!(case.vm.times.gone.is_some());
    case.see(&[seen("old")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn a_replacement_may_come_before_the_end() {
    let set = Owner::ReplicaSet {
        name: "farm".into(),
        uid: "set".into(),
    };
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), set);
    let replacement = VmiState {
        owner: Some("set".into()),
        name: "farm-2".into(),
        ..seen("new")
    };
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    case.seconds = 4;
    case.see(&[seen("old"), replacement.clone()]);
    assert!(!case.vm.is_over(), "the old guest is there");
    case.seconds = 30;
    case.see(&[replacement]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    let times = case.vm.times;
    let at = |moment: Option<Moment>| (moment.unwrap().at - case.start).as_secs();
    assert_eq!([times.ready, times.gone, times.recovered].map(at), [4, 30, 30]);
}
