//! What came of what was to be done, and what that means for the outage.

use super::super::super::vm::Trouble;
use super::super::Seen;
use super::limits::UNCERTAIN;
use super::{Done, Effect, Moment, Outage, Outcome, Step};
use crate::plan::recovery::Help;

// === impl Outage ===

impl Outage {
    /// Takes in what came of an effect.
    pub fn done(&mut self, done: Done, vmis: &[Seen], now: Moment) -> Option<Effect> {
        self.busy = false;
        if let Some(trouble) = self.blind.take().filter(|_| !matches!(done, Done::NotUndone(_))) {
            self.in_place &= done != Done::Undone;
            return self.end_with(trouble);
        }
        match done {
            Done::Acted => {
                self.times.acted = Some(now);
                self.until = Some(now.at + self.leaving());
                self.see(vmis, now)
            }
            Done::Uncertain(trouble) => {
                self.times.acted = Some(now);
                self.uncertain = Some(trouble);
                self.until = Some(now.at + UNCERTAIN);
                self.see(vmis, now)
            }
            Done::Refused { trouble, marked } => {
                self.in_place = marked;
                self.end_with(trouble)
            }
            Done::NotBegun { marked: false } => {
                self.in_place = false;
                self.skip();
                None
            }
            Done::NotBegun { marked: true } => {
                self.end_with(Trouble::new("stopped", "interrupted before anything was done to it"))
            }
            Done::Undone => {
                self.in_place = false;
                if let Some(trouble) = self.failing.take() {
                    self.fail(trouble);
                    return None;
                }
                self.step = if self.spec.mode.ends_guest() {
                    Step::Helping
                } else {
                    Step::Returning
                };
                self.until = Some(now.at + self.spec.timeout());
                // A VM that was started by the way back is not started again.
                self.helped.insert(Help::Start);
                self.see(vmis, now)
            }
            Done::NotUndone(trouble) => {
                self.step = Step::Over(Outcome::Leaked(trouble));
                None
            }
            Done::Helped => self.see(vmis, now),
            Done::NotHelped(trouble) => {
                self.fail(trouble);
                None
            }
        }
    }
}
