//! One VMI's outage without a cluster: what is seen and answered goes in, what is to be done comes out.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::fault::{Execution, Owner, RunField, Time};
use crate::plan::recovery::predict;

struct Case {
    vm: Outage,
    start: Instant,
    clock: Timestamp,
    seconds: u64,
}

fn spec(mode: Mode) -> OutageSpec {
    OutageSpec {
        mode,
        duration: Time::from_millis(60_000),
        timeout: Time::from_millis(300_000),
        grace_period: None,
        execution: Execution::Serial,
        disable_auto_restart: false,
        no_recover: false,
    }
}

fn vm(strategy: &str) -> Owner {
    Owner::Vm(RunField::RunStrategy(strategy.into()))
}

fn seen(uid: &str) -> Seen {
    Seen {
        uid: uid.into(),
        name: "web-1".into(),
        node: "node-1".into(),
        phase: "Running".into(),
        ready: true,
        agent: true,
        ..Seen::default()
    }
}

impl Case {
    fn new(spec: OutageSpec, owner: Owner) -> Self {
        let target = OutageTarget {
            namespace: "default".into(),
            name: "web-1".into(),
            uid: "old".into(),
            node: "node-1".into(),
            launcher: None,
            owner,
            agent: true,
            shutdown: Duration::from_secs(30),
            volatile: Vec::new(),
        };
        let prediction = predict(&spec, &target, Some((1, 9)));
        let mut vm = Outage::new(target, spec, prediction);
        vm.begin();
        Self {
            vm,
            start: Instant::now(),
            clock: Timestamp::UNIX_EPOCH,
            seconds: 0,
        }
    }

    fn now(&self) -> Moment {
        let passed = Duration::from_secs(self.seconds);
        Moment {
            at: self.start + passed,
            clock: self.clock + passed,
        }
    }

    fn see(&mut self, vmis: &[Seen]) -> Option<Effect> {
        self.vm.see(vmis, self.now())
    }

    fn done(&mut self, done: Done, vmis: &[Seen]) -> Option<Effect> {
        self.vm.done(done, vmis, self.now())
    }

    /// Lets time pass up to when it wants to be woken.
    fn wake(&mut self, vmis: &[Seen]) -> Option<Effect> {
        let at = self.vm.wake_at().expect("it waits for some time to pass");
        self.seconds = (at - self.start).as_secs();
        self.vm.tick(vmis, self.now())
    }

    /// Up to the old guest's end.
    fn ended(spec: OutageSpec, owner: Owner) -> Self {
        let mut case = Self::new(spec, owner);
        assert_eq!(case.see(&[seen("old")]), Some(Effect::Act));
        assert_eq!(case.done(Done::Acted, &[seen("old")]), None);
        case.seconds = 5;
        case.see(&[]);
        assert_eq!(case.vm.step, Step::Down);
        case
    }

    fn outcome(&self) -> &Outcome {
        match &self.vm.step {
            Step::Over(outcome) => outcome,
            step => panic!("not over: {step:?}"),
        }
    }
}

#[test]
fn a_recovery_ends_the_wait() {
    let mut case = Case::ended(spec(Mode::Delete), vm("Always"));
    let starting = Seen {
        phase: "Scheduling".into(),
        ready: false,
        agent: false,
        ..seen("new")
    };
    case.seconds = 6;
    assert_eq!(case.see(std::slice::from_ref(&starting)), None);
    case.seconds = 8;
    case.see(&[Seen {
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
    let mut case = Case::ended(spec(Mode::Delete), vm("Manual"));
    case.seconds = 64;
    assert_eq!(case.vm.tick(&[], case.now()), None, "not yet");
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Start)));
    assert_eq!(case.seconds, 65, "60 s from the end of the old guest");
    case.done(Done::Helped, &[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
    assert!(case.vm.by_us());
}

#[test]
fn what_was_to_come_back_by_itself_and_needed_us_is_told() {
    let mut case = Case::ended(spec(Mode::Delete), vm("Always"));
    assert_eq!(case.wake(&[]), Some(Effect::Help(Help::Start)));
    case.done(Done::Helped, &[]);
    case.see(&[seen("new")]);
    assert!(matches!(case.outcome(), Outcome::Recovered(Some(trouble)) if trouble.reason == NOT_RECOVERED));
}

#[test]
fn what_is_coming_when_the_time_is_up_is_waited_for() {
    let mut case = Case::ended(spec(Mode::Delete), vm("Always"));
    let starting = [Seen {
        phase: "Scheduling".into(),
        ready: false,
        agent: false,
        ..seen("new")
    }];
    case.see(&starting);
    assert_eq!(case.wake(&starting), None, "nothing is started beside it");
    assert_eq!(case.wake(&starting), None);
    assert_eq!(case.seconds, 305, "300 s from the end of the old guest");
    assert!(matches!(case.outcome(), Outcome::Failed(trouble) if trouble.message.contains("is Scheduling")));
}

#[test]
fn a_finished_vmi_is_taken_away_before_it_is_made_again() {
    let mut case = Case::new(spec(Mode::Pod), Owner::Nobody);
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let failed = [Seen {
        phase: "Failed".into(),
        ready: false,
        agent: false,
        ..seen("old")
    }];
    case.see(&failed);
    assert_eq!(case.wake(&failed), Some(Effect::Help(Help::Remove)));
    assert_eq!(case.done(Done::Helped, &failed), None, "it is still there");
    assert_eq!(case.see(&[]), Some(Effect::Help(Help::Create)));
    case.done(Done::Helped, &[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn the_old_guest_is_not_taken_for_a_new_one() {
    let mut case = Case::new(spec(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let leaving = Seen {
        leaving: true,
        ..seen("old")
    };
    assert_eq!(case.see(&[leaving]), None);
    assert_eq!(case.vm.step, Step::Acting);
    assert_eq!(case.wake(&[seen("old")]), None);
    assert!(matches!(case.outcome(), Outcome::Failed(trouble) if trouble.message.contains("has not gone")));
}

#[test]
fn what_is_held_is_undone_when_its_time_is_over() {
    let mut case = Case::new(spec(Mode::Pause), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let paused = [Seen {
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
    let mut case = Case::new(spec(Mode::Pause), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    let paused = [Seen {
        paused: true,
        ..seen("old")
    }];
    case.see(&paused);
    case.wake(&paused);
    case.done(Done::NotUndone(Trouble::new("not-undone", "no")), &paused);
    assert!(matches!(case.outcome(), Outcome::Leaked(_)));
}

#[test]
fn a_refused_change_takes_the_way_back_off_again() {
    let mut case = Case::new(spec(Mode::Stop), vm("Always"));
    case.see(&[seen("old")]);
    let refused = Done::Refused {
        trouble: Trouble::new("refused", "no"),
        marked: true,
    };
    assert_eq!(case.done(refused, &[seen("old")]), Some(Effect::Undo));
    case.done(Done::Undone, &[seen("old")]);
    assert!(matches!(case.outcome(), Outcome::Failed(trouble) if trouble.reason == "refused"));
}

#[test]
fn a_lost_answer_is_decided_by_what_is_seen() {
    let lost = || Done::Uncertain(Trouble::new("no-answer", "connection reset"));
    let mut case = Case::new(spec(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(lost(), &[seen("old")]);
    case.see(&[]);
    case.see(&[seen("new")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));

    let mut case = Case::new(spec(Mode::Delete), vm("Always"));
    case.see(&[seen("old")]);
    case.done(lost(), &[seen("old")]);
    assert_eq!(case.wake(&[seen("old")]), None);
    assert!(matches!(case.outcome(), Outcome::Failed(trouble) if trouble.reason == "no-answer"));
}

#[test]
fn a_signal_undoes_what_is_held_at_once_and_waits_for_the_platform_elsewhere() {
    let mut case = Case::ended(spec(Mode::Stop), vm("Always"));
    assert_eq!(case.vm.hurry(&[], case.now()), Some(Effect::Undo));
    let mut case = Case::ended(spec(Mode::Delete), vm("Always"));
    assert_eq!(case.vm.hurry(&[], case.now()), None);
    assert_eq!(case.vm.step, Step::Down);
    let mut case = Case::ended(spec(Mode::Delete), vm("Manual"));
    assert_eq!(case.vm.hurry(&[], case.now()), Some(Effect::Help(Help::Start)));
}

#[test]
fn a_signal_before_the_change_skips_it() {
    let mut case = Case::new(spec(Mode::Delete), vm("Always"));
    case.vm.hurry(&[], case.now());
    assert_eq!(*case.outcome(), Outcome::Skipped);
}

#[test]
fn a_guest_that_is_not_as_planned_is_not_touched() {
    for changed in [
        Seen {
            paused: true,
            ..seen("old")
        },
        Seen {
            leaving: true,
            ..seen("old")
        },
        Seen {
            phase: "Failed".into(),
            ..seen("old")
        },
        seen("another"),
    ] {
        let mut case = Case::new(spec(Mode::Delete), vm("Always"));
        assert_eq!(case.see(&[changed]), None);
        assert!(matches!(case.outcome(), Outcome::Failed(trouble) if trouble.reason == "changed-meanwhile"));
    }
}

#[test]
fn a_reset_is_seen_by_its_agent_going() {
    let mut case = Case::new(spec(Mode::Reset), vm("Always"));
    case.see(&[seen("old")]);
    case.done(Done::Acted, &[seen("old")]);
    assert_eq!(case.vm.times.gone, None, "conditions of before say nothing");
    case.see(&[Seen {
        agent: false,
        ..seen("old")
    }]);
    assert!(case.vm.times.gone.is_some());
    case.see(&[seen("old")]);
    assert_eq!(*case.outcome(), Outcome::Recovered(None));
}

#[test]
fn the_operator_ends_what_is_kept_down_and_not_the_time_the_platform_has() {
    let mut paused = Case::new(spec(Mode::Pause), vm("Always"));
    let frozen = [Seen {
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

    let mut deleted = Case::ended(spec(Mode::Delete), vm("Always"));
    let now = deleted.now();
    assert_eq!(deleted.vm.enough(&[], now), None, "the platform keeps its time");
    assert!(!deleted.vm.cut_short);
}
