//! What the VMIs say, and who is believed.

use super::*;
use crate::problem::{Problem, Reason};

fn at(case: &Case, moment: Option<Moment>) -> u64 {
    (moment.unwrap().at - case.start).as_secs()
}

fn until(case: &Case) -> u64 {
    (case.vm.wake_at().unwrap() - case.start).as_secs()
}

/// A guest that is frozen as asked.
fn paused() -> Case {
    let mut case = Case::new(OutageSpec::plain(Mode::Pause), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[frozen()]);
    assert_eq!(case.vm.step, Step::Down);
    case
}

fn frozen() -> VmiState {
    VmiState {
        paused: true,
        ..seen("old")
    }
}

/// A guest that is about to be reset: whether all of it was there before, and whether it has an agent.
fn resetting(whole: bool, agent: bool) -> (Case, VmiState) {
    let mut case = Case::new(OutageSpec::plain(Mode::Reset), vm("Always"));
    case.vm.target.agent = agent;
    let before = VmiState {
        ready: whole,
        ..seen("old")
    };
    assert_eq!(case.see(std::slice::from_ref(&before)), Some(Effect::Act));
    (case, before)
}

#[test]
fn a_guest_that_was_not_whole_is_no_sign_of_its_reset_before_the_answer() {
    let (mut case, before) = resetting(false, true);
    case.see(std::slice::from_ref(&before));
    assert!(case.vm.times.gone.is_none());
    case.seconds = 2;
    case.done(Done::Acted, &[before]);
    assert_eq!(at(&case, case.vm.times.gone), 2);
}

#[test]
fn a_whole_guest_that_comes_back_before_the_answer_has_the_times_at_which_it_was_seen() {
    let (mut case, whole) = resetting(true, true);
    case.seconds = 2;
    case.see(&[VmiState {
        ready: false,
        agent: false,
        ..seen("old")
    }]);
    case.seconds = 3;
    case.see(std::slice::from_ref(&whole));
    case.seconds = 9;
    case.done(Done::Acted, &[whole]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    let times = case.vm.times;
    assert_eq!([times.gone, times.ready].map(|moment| at(&case, moment)), [2, 3]);
}

#[test]
fn a_reset_without_an_agent_is_believed_on_its_answer() {
    let (mut case, whole) = resetting(true, false);
    case.seconds = 1;
    case.done(Done::Acted, &[whole]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn a_guest_that_is_leaving_is_not_back() {
    let mut case = paused();
    assert_eq!(case.wake(&[frozen()]), Some(Effect::Undo));
    let leaving = VmiState {
        leaving: true,
        ..seen("old")
    };
    case.done(Done::Undone, &[leaving]);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::Gone));
}

#[test]
fn a_pause_that_somebody_ended_is_told() {
    let mut case = paused();
    assert_eq!(case.see(&[seen("old")]), Some(Effect::Undo));
    case.done(Done::Undone, &[seen("old")]);
    assert!(matches!(case.outcome(), Outcome::Failed(problem) if problem.reason == Reason::EndedEarly));
}

#[test]
fn everything_must_be_back_at_the_same_time() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.seconds = 6;
    case.see(&[VmiState {
        agent: false,
        ..seen("new")
    }]);
    case.seconds = 7;
    case.see(&[VmiState {
        ready: false,
        ..seen("new")
    }]);
    assert!(!case.vm.is_over(), "it is not ready any more");
    case.see(&[VmiState {
        paused: true,
        ..seen("new")
    }]);
    assert!(!case.vm.is_over(), "it is frozen");
    case.seconds = 9;
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    assert_eq!(at(&case, case.vm.times.ready), 9);
}

#[test]
fn another_vm_is_nobodys_successor() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[VmiState {
        name: "web-2".into(),
        ..seen("new")
    }]);
    assert!(!case.vm.is_over() && case.vm.times.ready.is_none());
}

#[test]
fn a_finished_vmi_of_its_name_is_taken_away_first_whoever_made_it() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), Owner::Nobody);
    let other = VmiState {
        uid: "other".into(),
        ..finished()
    };
    assert_eq!(case.wake(&[other]), Some(Effect::Help(Help::Remove)));
}

#[test]
fn each_step_has_its_time() {
    // Until the guest is gone: what it has to shut down and a minute more, or what was given for the whole.
    for (mode, seconds) in [(Mode::Delete, 91), (Mode::Pause, 301)] {
        let mut case = Case::new(OutageSpec::plain(mode), vm("Always"));
        case.see(&[seen("old")]);
        case.seconds = 1;
        case.done(Done::Acted, &[seen("old")]);
        assert_eq!(until(&case), seconds, "{mode:?}");
        case.seconds = 31;
        case.see(&[VmiState {
            leaving: mode == Mode::Delete,
            ..seen("old")
        }]);
        assert_eq!(until(&case), seconds, "{mode:?}, and no longer");
    }
    // Until an effect is seen of which no answer came.
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.seconds = 1;
    case.done(Done::Uncertain(Problem::new(Reason::NoAnswer, "EOF")), &[seen("old")]);
    assert_eq!(until(&case), 16);
    // For the platform, from the end of the guest and not from the answer.
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.seconds = 2;
    case.see(&[]);
    case.seconds = 9;
    case.done(Done::Acted, &[]);
    assert_eq!(until(&case), 62);
    // For the guest that was put back, and for one that is on its way when the platform's time is over.
    let mut case = paused();
    case.wake(&[frozen()]);
    case.done(Done::Undone, &[frozen()]);
    assert_eq!(until(&case), 360);
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
    let starting = VmiState {
        phase: "Scheduling".into(),
        ..seen("new")
    };
    case.see(std::slice::from_ref(&starting));
    assert_eq!(case.wake(&[starting]), None);
    assert_eq!(until(&case), 305, "its timeout from the end of the old guest");
    // For one that was reset, and for one that we start.
    let (mut case, _) = resetting(true, true);
    case.seconds = 2;
    let booting = VmiState {
        ready: false,
        agent: false,
        ..seen("old")
    };
    case.done(Done::Acted, &[booting]);
    assert_eq!(until(&case), 302);
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Manual"));
    case.wake(&[]);
    case.done(Done::Helped(Help::Start), &[]);
    assert_eq!(until(&case), 365);
}

#[test]
fn no_time_is_over_while_an_answer_is_waited_for() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Manual"));
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Start)));
    case.seconds += 301;
    assert_eq!(case.vm.tick(&[], case.now()), None);
    assert!(!case.vm.is_over());
}

#[test]
fn what_came_of_it_stays_as_it_was_told() {
    let mut case = Case::crashed(vm("Always"));
    case.wake(&[finished()]);
    case.done(Done::Helped(Help::Remove), &[]);
    case.see(&[seen("new")]);
    let told = case.outcome().clone();
    assert!(matches!(&told, Outcome::Recovered(Some(problem)) if problem.reason == Reason::NotRecovered));
    case.vm.hurry(&[seen("new")], case.now());
    assert_eq!(*case.outcome(), told);
}

#[test]
fn a_help_that_is_answered_after_the_watch_was_lost_counts() {
    let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Manual"));
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Start)));
    assert_eq!(case.blind(&[]), None);
    case.done(Done::Helped(Help::Start), &[]);
    assert!(case.vm.is_over() && case.vm.by_us());
}

#[test]
fn what_was_missing_at_the_end_is_named() {
    for (new, missing) in [
        (
            VmiState {
                ready: false,
                ..seen("new")
            },
            "runs and is not Ready",
        ),
        (
            VmiState {
                phase: String::new(),
                ready: false,
                ..seen("new")
            },
            "is Pending",
        ),
        (
            VmiState {
                paused: true,
                ..seen("new")
            },
            "is still paused",
        ),
        (
            VmiState {
                agent: false,
                ..seen("new")
            },
            "is Ready, and its guest agent has not connected again",
        ),
    ] {
        let mut case = Case::ended(OutageSpec::plain(Mode::Delete), vm("Always"));
        case.see(std::slice::from_ref(&new));
        case.wake(std::slice::from_ref(&new));
        case.wake(&[new]);
        assert!(
            matches!(case.outcome(), Outcome::Failed(problem) if problem.message.ends_with(missing)),
            "{:?}",
            case.outcome()
        );
    }
}

#[test]
fn a_finished_vmi_of_another_name_and_one_that_is_going_are_not_in_the_way() {
    for other in [
        VmiState {
            uid: "other".into(),
            name: "web-2".into(),
            ..finished()
        },
        VmiState {
            leaving: true,
            ..seen("other")
        },
    ] {
        let mut case = Case::ended(OutageSpec::plain(Mode::Delete), Owner::Nobody);
        assert_eq!(case.wake(&[other]), Some(Effect::Help(Help::Create)));
    }
}

#[test]
fn what_is_seen_after_the_end_changes_nothing() {
    let mut case = Case::new(OutageSpec::plain(Mode::Delete), Owner::Nobody);
    case.vm.skip();
    assert_eq!(case.see(&[]), None);
    assert_eq!((case.outcome(), case.vm.times.gone), (&Outcome::Skipped, None));
}

#[test]
fn a_pause_and_a_reset_that_are_not_seen_say_which_it_was() {
    for (mode, why) in [
        (Mode::Pause, "was not seen to be paused"),
        (Mode::Reset, "nothing on the VMI shows that the guest was reset"),
    ] {
        let mut case = Case::new(OutageSpec::plain(mode), vm("Always"));
        case.see(&[seen("old")]);
        case.done(Done::Acted, &[seen("old")]);
        let next = case.wake(&[seen("old")]);
        if next == Some(Effect::Undo) {
            case.done(Done::Undone, &[seen("old")]);
        }
        assert!(
            matches!(case.outcome(), Outcome::Failed(problem) if problem.message == why),
            "{mode:?}: {:?}",
            case.vm.step
        );
    }
}

#[test]
fn only_what_came_back_as_was_expected_went_well() {
    let well = |outcome| {
        let mut case = Case::new(OutageSpec::plain(Mode::Delete), vm("Always"));
        case.vm.step = Step::Over(outcome);
        case.vm.is_well()
    };
    let problem = || Problem::new(Reason::NotRecovered, "this command brought it back");
    assert!(well(Outcome::Recovered(None)));
    assert!(!well(Outcome::Recovered(Some(problem()))) && !well(Outcome::Failed(problem())) && !well(Outcome::Skipped));
    assert!(!Case::new(OutageSpec::plain(Mode::Delete), vm("Always")).vm.is_well());
}
