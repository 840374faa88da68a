//! How long each part of an outage may take, and what is said when it took longer.

use std::time::Duration;

use super::super::VmiState;
use super::Outage;
use super::{Moment, Outcome, Step};
use crate::faults::outage::recovery::Comeback;
use crate::faults::outage::spec::Mode;
use crate::problem::{Problem, Reason};

/// For a request whose answer was lost to show on the VMI.
const UNCERTAIN: Duration = Duration::from_secs(15);
/// How long the platform has, at most, to begin once the operator wants it to be over.
pub(super) const HURRIED: Duration = Duration::from_secs(10);
/// Beyond the time the guest has to shut down.
const LEAVING: Duration = Duration::from_secs(60);

// === impl Outage ===

impl Outage {
    pub(super) fn leaving(&self) -> Duration {
        match (self.spec.mode, self.spec.grace_period) {
            (Mode::Pause | Mode::Reset, _) => self.spec.timeout(),
            (Mode::Stop | Mode::Pod, Some(grace)) => Duration::from_secs(grace.into()) + LEAVING,
            (Mode::Delete | Mode::Stop, _) => self.target.shutdown + LEAVING,
            _ => LEAVING,
        }
    }

    /// How long it is waited for a sign of a request whose answer was lost.
    pub(super) fn uncertain(&self) -> Duration {
        match (self.spec.mode, self.spec.grace_period) {
            // A pod that is being deleted leaves no sign on its VMI.
            (Mode::Pod, Some(grace)) => UNCERTAIN + Duration::from_secs(grace.into()),
            _ => UNCERTAIN,
        }
    }

    pub(super) fn recovered(&mut self, now: Moment) {
        // What came last, and not what was waited for beside it; a replica set may replace it before it is gone.
        let last = [self.times.ready, self.times.agent, self.times.gone];
        self.times.recovered = last.into_iter().flatten().max_by_key(|moment| moment.at).or(Some(now));
        let needed_us = self.prediction.by == Comeback::Platform && !self.helped.is_empty() && !self.hurried;
        let problem = needed_us.then(|| {
            Problem::new(
                Reason::NotRecovered,
                format!(
                    "it was to come back by itself ({}) and had not within {}; this command brought it back",
                    self.prediction.why, self.spec.duration
                ),
            )
        });
        self.step = Step::Over(Outcome::Recovered(problem));
    }

    /// Why it does not count as back.
    pub(super) fn not_back(&self) -> Problem {
        let timeout = self.spec.timeout;
        let seen = match &self.new {
            None => "no new VMI was seen".to_owned(),
            Some(new) if !new.is_running() => format!("VMI {} is {}", new.name, phase(new)),
            Some(new) if new.paused => format!("VMI {} is still paused", new.name),
            Some(new) if !new.ready => format!("VMI {} runs and is not Ready", new.name),
            Some(new) => format!("VMI {} is Ready, and its guest agent has not connected again", new.name),
        };
        Problem::new(Reason::NotRecovered, format!("not back within {timeout}: {seen}"))
    }
}

fn phase(vmi: &VmiState) -> &str {
    if vmi.phase.is_empty() { "Pending" } else { &vmi.phase }
}
