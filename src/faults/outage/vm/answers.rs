//! What came of what was to be done, and what that means for the outage.

use super::super::VmiState;
use super::{Done, Effect, Moment, Outage, Outcome, Step};
use crate::faults::outage::recovery::Help;
use crate::problem::{Problem, Reason};

// === impl Outage ===

impl Outage {
    /// Its answer may come after its effect, and not the request.
    fn acted(&mut self, now: Moment) {
        let gone = self.times.gone.filter(|gone| gone.at < now.at);
        self.times.acted = Some(gone.unwrap_or(now));
    }

    /// Takes in what came of an effect.
    pub(crate) fn done(&mut self, done: Done, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        self.busy = false;
        if let Some(problem) = self.blind.take().filter(|_| !matches!(done, Done::NotUndone(_))) {
            match done {
                Done::Acted | Done::Uncertain(_) => self.acted(now),
                Done::Undone => self.in_place = false,
                Done::Helped(help) => _ = self.helped.insert(help),
                _ => {}
            }
            return self.end_blind(problem, vmis, now);
        }
        match done {
            Done::Acted => {
                self.acted(now);
                self.until = Some(now.at + self.leaving());
                self.see(vmis, now)
            }
            Done::Uncertain(problem) => {
                self.acted(now);
                self.uncertain = Some(problem);
                self.until = Some(now.at + self.uncertain());
                self.see(vmis, now)
            }
            Done::Refused { problem, marked } => {
                self.in_place = marked;
                self.end_with(problem)
            }
            Done::NotBegun { marked: false } => {
                self.in_place = false;
                self.skip();
                None
            }
            Done::NotBegun { marked: true } => self.end_with(Problem::new(
                Reason::Stopped,
                "interrupted before anything was done to it",
            )),
            Done::Undone => {
                self.in_place = false;
                if let Some(problem) = self.failing.take() {
                    self.fail(problem);
                    return None;
                }
                self.step = if self.spec.mode.ends_guest() {
                    Step::Helping
                } else {
                    Step::Returning
                };
                self.until = Some(now.at + self.spec.timeout());
                // A VM that was started by the way back is not started again.
                self.tried.insert(Help::Start);
                self.see(vmis, now)
            }
            Done::NotUndone(problem) => {
                self.step = Step::Over(Outcome::Leaked(problem));
                None
            }
            Done::Helped(help) => {
                self.helped.insert(help);
                self.see(vmis, now)
            }
            Done::NotNeeded => {
                if self.helped.is_empty() {
                    self.times.helped = None;
                }
                self.see(vmis, now)
            }
            Done::NotHelped(problem) => {
                self.fail(problem);
                None
            }
        }
    }
}
