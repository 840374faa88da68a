//! What ends an outage before its time: a signal, the operator, a failure.

use super::super::super::vm::Trouble;
use super::super::Seen;
use super::{Effect, Moment, Outage, Outcome, Step};

// === impl Outage ===

impl Outage {
    /// Its VMIs cannot be watched any more.
    pub fn blind(&mut self, trouble: Trouble) -> Option<Effect> {
        if self.busy {
            self.blind = Some(trouble);
            return None;
        }
        self.end_with(trouble)
    }

    /// A signal: what is held ends now, what only we would bring back is brought back now.
    pub fn hurry(&mut self, vmis: &[Seen], now: Moment) -> Option<Effect> {
        self.hurried = true;
        if matches!(self.step, Step::Waiting | Step::Looking) {
            self.skip();
        }
        self.go_on(vmis, now)
    }

    /// Whether this command keeps it down, for as long as was asked or until the operator has seen enough.
    pub fn is_kept_down(&self) -> bool {
        self.step == Step::Down && self.in_place
    }

    /// The operator has seen enough: it is brought back now, as at the end of its time.
    pub fn enough(&mut self, vmis: &[Seen], now: Moment) -> Option<Effect> {
        if self.busy || !self.is_kept_down() {
            return None;
        }
        self.cut_short = true;
        self.time_is_up(vmis, now)
    }

    /// Ends with a failure, once what was changed is back.
    pub(super) fn end_with(&mut self, trouble: Trouble) -> Option<Effect> {
        if self.in_place {
            self.failing = Some(trouble);
            self.step = Step::Undoing;
            self.busy = true;
            return Some(Effect::Undo);
        }
        self.fail(trouble);
        None
    }

    pub fn fail(&mut self, trouble: Trouble) {
        self.step = Step::Over(Outcome::Failed(trouble));
    }
}
