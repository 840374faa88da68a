//! One VMI's outage, from the first look to its recovery. Pure: the time is given.

mod answers;
mod early;
mod limits;
mod sight;
mod states;

use std::collections::BTreeSet;

use tokio::time::Instant;

use self::limits::HURRIED;
pub(crate) use self::states::{Done, Effect, Outcome, Step, Times};
use super::VmiState;
use crate::faults::outage::recovery::{Comeback, Help, Prediction, Sight, help};
use crate::faults::outage::spec::{Mode, OutageSpec, OutageTarget};
use crate::problem::{Problem, Reason};
use crate::run::machine::Moment;

/// One VMI's outage.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    pub target: OutageTarget,
    pub spec: OutageSpec,
    pub prediction: Prediction,
    pub step: Step,
    pub times: Times,
    /// Who or what came back.
    pub new: Option<VmiState>,
    /// What we did to bring it back, and was needed.
    pub helped: BTreeSet<Help>,
    /// What we tried, whether it was needed or not: nothing is tried twice.
    tried: BTreeSet<Help>,
    /// A change of ours is, or may be, in place.
    pub in_place: bool,
    /// A signal came.
    pub hurried: bool,
    /// The operator ended it before its time.
    pub cut_short: bool,
    /// Its VMIs could not be watched to the end: whether it is back is not known.
    pub out_of_sight: bool,
    /// VMIs of its owner there were before: what comes back is none of them.
    before: BTreeSet<String>,
    /// Ready, and its agent connected, when it was looked at first: that they go tells of a reset.
    whole: bool,
    /// Until when the current step may take.
    until: Option<Instant>,
    /// An effect is under way.
    busy: bool,
    uncertain: Option<Problem>,
    /// A failure that is told once what was changed is back.
    failing: Option<Problem>,
    /// Nothing is seen any more.
    blind: Option<Problem>,
}

// === impl Outage ===

impl Outage {
    pub(crate) fn new(target: OutageTarget, spec: OutageSpec, prediction: Prediction) -> Self {
        Self {
            target,
            spec,
            prediction,
            step: Step::Waiting,
            times: Times::default(),
            new: None,
            helped: BTreeSet::new(),
            tried: BTreeSet::new(),
            in_place: false,
            hurried: false,
            cut_short: false,
            out_of_sight: false,
            before: BTreeSet::new(),
            whole: false,
            until: None,
            busy: false,
            uncertain: None,
            failing: None,
            blind: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.step, Step::Over(_))
    }

    /// Whether it went as asked.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self.step, Step::Over(Outcome::Recovered(None)))
    }

    /// When [`Outage::tick`] is to be called.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.until.filter(|_| !self.busy)
    }

    /// Whether the platform was not at it alone.
    pub(crate) fn by_us(&self) -> bool {
        !self.helped.is_empty() || self.times.undone.is_some()
    }

    /// Whether its VMI shows when the guest has booted: after a reset it does by the guest agent alone.
    pub(crate) fn shows_its_boot(&self) -> bool {
        !self.spec.mode.boots_in_place() || self.target.agent
    }

    /// Its turn has come.
    pub(crate) fn begin(&mut self) {
        self.step = Step::Looking;
    }

    /// Never begun.
    pub(crate) fn skip(&mut self) {
        self.step = Step::Over(Outcome::Skipped);
    }

    /// Takes in all VMIs there are that may be its own, or come after it.
    pub(crate) fn see(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        match self.step {
            Step::Looking => return self.first_look(vmis),
            Step::Waiting | Step::Over(_) => return None,
            _ => {}
        }
        self.look(vmis, now);
        self.go_on(vmis, now)
    }

    fn first_look(&mut self, vmis: &[VmiState]) -> Option<Effect> {
        self.before = vmis.iter().map(|vmi| vmi.uid.clone()).collect();
        let old = self.old(vmis);
        if self.hurried {
            self.skip();
            return None;
        }
        let changed = match old {
            None => Some("has been replaced by another guest"),
            Some(old) if old.leaving || old.is_final() || !old.is_running() => Some("does not run any more"),
            Some(old) if old.paused => Some("has been paused"),
            Some(_) => None,
        };
        if let Some(changed) = changed {
            self.fail(Problem::new(
                Reason::ChangedMeanwhile,
                format!("the VMI {changed} since the plan was made; nothing was done to it"),
            ));
            return None;
        }
        self.whole = old.is_some_and(|old| old.ready && old.agent);
        self.step = Step::Acting;
        self.busy = true;
        self.in_place = self.spec.is_held();
        Some(Effect::Act)
    }

    /// Decides what comes next, from what is known now.
    fn go_on(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        if self.is_over() || self.busy {
            return None;
        }
        if self.times.gone.is_some() && self.is_back() {
            self.recovered(now);
            return None;
        }
        if self.times.gone.is_some() && !self.spec.mode.ends_guest() && self.ended_meanwhile(vmis) {
            let problem = Problem::new(Reason::Gone, "the guest has ended meanwhile, and not by this command");
            return self.end_with(problem);
        }
        if self.step == Step::Down
            && self.in_place
            && let Some(why) = self.undone_by_others(vmis)
        {
            return self.end_with(Problem::new(Reason::EndedEarly, why));
        }
        if self.step == Step::Down && self.hurried {
            if self.spec.is_held() || self.prediction.by == Comeback::Us {
                return self.time_is_up(vmis, now);
            }
            self.until = self.until.map(|until| until.min(now.at + HURRIED));
        }
        if self.step == Step::Acting && self.uncertain.is_some() && self.old(vmis).is_some_and(|old| old.leaving) {
            // It was accepted: the guest has the time it takes to shut down.
            self.uncertain = None;
            self.until = Some(now.at + self.leaving());
        }
        if self.step == Step::Helping {
            return self.help(vmis, now);
        }
        None
    }

    /// The time of the current step is over.
    pub(crate) fn tick(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        if self.busy || self.is_over() || self.until.is_none_or(|until| now.at < until) {
            return None;
        }
        self.until = None;
        match self.step {
            Step::Acting => {
                let problem = self.uncertain.take().unwrap_or_else(|| {
                    let why = match self.spec.mode {
                        Mode::Pause => "was not seen to be paused",
                        Mode::Reset => "nothing on the VMI shows that the guest was reset",
                        _ => "the old guest has not gone: what holds it is for you to find out, nothing was forced",
                    };
                    Problem::new(Reason::NotRecovered, why)
                });
                self.end_with(problem)
            }
            Step::Down => self.time_is_up(vmis, now),
            Step::Returning | Step::Helping => {
                let problem = self.not_back();
                self.end_with(problem)
            }
            _ => None,
        }
    }

    /// The platform has had its time, or it has been as it is for as long as asked.
    fn time_is_up(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        if self.in_place {
            self.step = Step::Undoing;
            self.busy = true;
            self.times.undone = Some(now);
            return Some(Effect::Undo);
        }
        if self.sight(vmis) == Sight::New {
            let gone = self.times.gone.unwrap_or(now).at;
            self.returning(now.at.max(gone + self.spec.timeout()));
            return None;
        }
        if self.spec.no_recover {
            let problem = Problem::new(
                Reason::NotRecovered,
                if self.hurried {
                    "interrupted before anything brought it back, and --no-recover was asked for".to_owned()
                } else {
                    format!(
                        "nothing brought it back within {}, and --no-recover was asked for",
                        self.spec.duration
                    )
                },
            );
            return self.end_with(problem);
        }
        self.step = Step::Helping;
        self.until = Some(now.at + self.spec.timeout());
        self.help(vmis, now)
    }

    fn help(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        let next = help(&self.target.owner, self.sight(vmis));
        if let Some(help) = next.filter(|help| !self.tried.contains(help)) {
            return Some(self.begin_help(help, now));
        }
        // After a finished VMI was taken away, its going is waited for.
        if next.is_none() {
            self.step = Step::Returning;
        }
        None
    }

    fn begin_help(&mut self, help: Help, now: Moment) -> Effect {
        self.busy = true;
        self.tried.insert(help);
        self.times.helped = self.times.helped.or(Some(now));
        Effect::Help(help)
    }

    fn returning(&mut self, until: Instant) {
        self.step = Step::Returning;
        self.until = Some(until);
    }
}

#[cfg(test)]
#[path = "vm_tests/mod.rs"]
mod tests;
