//! What ends an outage before its time: a signal, the operator, a failure.

use super::super::VmiState;
use super::{Effect, Moment, Outage, Outcome, Step};
use crate::faults::outage::recovery::{Help, Sight, help};
use crate::problem::{Problem, Reason};

// === impl Outage ===

impl Outage {
    /// Its VMIs cannot be watched any more.
    pub(crate) fn blind(&mut self, problem: Problem, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        if self.busy {
            self.blind = Some(problem);
            return None;
        }
        self.end_blind(problem, vmis, now)
    }

    /// What was changed is put back, what only we bring back is brought back, unseen; then it ends as not recovered.
    pub(super) fn end_blind(&mut self, problem: Problem, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        self.out_of_sight = true;
        let is_down = self.times.gone.is_some() && self.spec.mode.ends_guest() && self.new.is_none();
        let sight = if self.tried.contains(&Help::Remove) {
            Sight::Absent
        } else {
            self.sight(vmis)
        };
        let next = help(&self.target.owner, sight).filter(|help| !self.tried.contains(help));
        if let (Some(next), true, false, false) = (next, is_down, self.in_place, self.spec.no_recover) {
            self.blind = Some(problem);
            self.step = Step::Helping;
            return Some(self.begin_help(next, now));
        }
        let lost = match self.times.acted {
            None => problem,
            Some(_) => Problem {
                reason: Reason::NotRecovered,
                message: format!("{}; whether the guest came back is not known", problem.message),
                ..problem
            },
        };
        self.end_with(lost)
    }

    /// A signal: what is held ends now, what only we would bring back is brought back now.
    pub(crate) fn hurry(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        self.hurried = true;
        if matches!(self.step, Step::Waiting | Step::Looking) {
            self.skip();
        }
        self.go_on(vmis, now)
    }

    /// Whether this command keeps it down, for as long as was asked or until the operator has seen enough.
    pub(crate) fn is_kept_down(&self) -> bool {
        self.step == Step::Down && self.in_place
    }

    /// The operator has seen enough: it is brought back now, as at the end of its time.
    pub(crate) fn enough(&mut self, vmis: &[VmiState], now: Moment) -> Option<Effect> {
        if self.busy || !self.is_kept_down() {
            return None;
        }
        self.cut_short = true;
        self.time_is_up(vmis, now)
    }

    /// Ends with a failure, once what was changed is back.
    pub(super) fn end_with(&mut self, problem: Problem) -> Option<Effect> {
        if self.in_place {
            self.failing = Some(problem);
            self.step = Step::Undoing;
            self.busy = true;
            return Some(Effect::Undo);
        }
        self.fail(problem);
        None
    }

    pub(crate) fn fail(&mut self, problem: Problem) {
        self.step = Step::Over(Outcome::Failed(problem));
    }
}
