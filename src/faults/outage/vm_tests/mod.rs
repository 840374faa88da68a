//! One VMI's outage without a cluster: what is seen and answered goes in, what is to be done comes out.

mod early;
mod held;
mod lost;
mod returning;
mod sight;

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::fault::RunField;
use crate::faults::outage::recovery::{Help, predict};
use crate::faults::outage::spec::Owner;
use crate::problem::{Problem, Reason};

struct Case {
    vm: Outage,
    start: Instant,
    clock: Timestamp,
    seconds: u64,
}

fn vm(strategy: &str) -> Owner {
    Owner::Vm(RunField::RunStrategy(strategy.into()))
}

fn seen(uid: &str) -> VmiState {
    VmiState {
        uid: uid.into(),
        name: "web-1".into(),
        node: "node-1".into(),
        phase: "Running".into(),
        ready: true,
        agent: true,
        ..VmiState::default()
    }
}

fn finished() -> VmiState {
    VmiState {
        phase: "Failed".into(),
        ready: false,
        agent: false,
        ..seen("old")
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

    fn see(&mut self, vmis: &[VmiState]) -> Option<Effect> {
        self.vm.see(vmis, self.now())
    }

    fn done(&mut self, done: Done, vmis: &[VmiState]) -> Option<Effect> {
        self.vm.done(done, vmis, self.now())
    }

    /// Lets time pass up to when it wants to be woken.
    fn wake(&mut self, vmis: &[VmiState]) -> Option<Effect> {
        let at = self.vm.wake_at().expect("it waits for some time to pass");
        self.seconds = (at - self.start).as_secs();
        self.vm.tick(vmis, self.now())
    }

    /// Up to a VMI that stays there, failed.
    fn crashed(owner: Owner) -> Self {
        let mut case = Self::new(OutageSpec::plain(Mode::Pod), owner);
        case.see(&[seen("old")]);
        case.done(Done::Acted, &[seen("old")]);
        case.see(&[finished()]);
        assert_eq!(case.vm.step, Step::Down);
        case
    }

    fn blind(&mut self, vmis: &[VmiState]) -> Option<Effect> {
        let problem = Problem::new(Reason::Blind, "the VMI cannot be watched any more: Unauthorized");
        self.vm.blind(problem, vmis, self.now())
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
