//! What the VMIs that are there say about an outage: the end of the old guest, and how far a new one is.

use super::super::VmiState;
use super::{Moment, Outage, Step};
use crate::faults::outage::recovery::Sight;
use crate::faults::outage::spec::{Mode, Owner};

// === impl Outage ===

impl Outage {
    pub(super) fn old<'a>(&self, vmis: &'a [VmiState]) -> Option<&'a VmiState> {
        vmis.iter().find(|vmi| vmi.uid == self.target.uid)
    }

    /// Notes what is seen, at the moment it is seen: an event may come long before the answer to the request that caused it.
    pub(super) fn look(&mut self, vmis: &[VmiState], now: Moment) {
        if self.times.gone.is_none() && self.has_ended(vmis) {
            self.times.gone = Some(now);
        }
        if self.times.gone.is_some() || self.spec.mode.ends_guest() {
            self.look_for_the_return(vmis, now);
        }
        // What comes next is decided once the request has its answer.
        if let (Step::Acting, Some(gone), Some(_)) = (&self.step, self.times.gone, self.times.acted) {
            self.uncertain = None;
            self.step = Step::Down;
            self.until = Some(gone.at + self.spec.duration());
            if self.spec.mode.boots_in_place() {
                self.returning(gone.at + self.spec.timeout());
            }
        }
    }

    /// Whether the guest is gone, frozen or reset.
    fn has_ended(&self, vmis: &[VmiState]) -> bool {
        let old = self.old(vmis);
        let acted = self.times.acted.is_some();
        match self.spec.mode {
            Mode::Pause => old.is_none_or(|old| old.paused || old.is_final() || old.leaving),
            // Without an agent nothing on the VMI tells that the guest boots.
            Mode::Reset if !self.target.agent => acted,
            Mode::Reset => old.is_none_or(|old| old.is_final() || (acted || self.whole) && !(old.ready && old.agent)),
            _ => old.is_none_or(VmiState::is_final),
        }
    }

    /// Sees how far the guest is back.
    pub(super) fn look_for_the_return(&mut self, vmis: &[VmiState], now: Moment) {
        let held = self.spec.mode == Mode::Pause && matches!(self.step, Step::Acting | Step::Down);
        let new = match self.spec.mode {
            // The same guest, once it goes on.
            Mode::Pause | Mode::Reset => self.old(vmis).filter(|old| !held && !old.leaving && !old.is_final()),
            _ => vmis.iter().find(|vmi| self.is_successor(vmi)),
        };
        let Some(new) = new else {
            if self.spec.mode.ends_guest() {
                self.new = None;
                (self.times.scheduled, self.times.running) = (None, None);
                (self.times.ready, self.times.agent) = (None, None);
            }
            return;
        };
        let new_guest = self.spec.mode.ends_guest();
        let first = |seen: bool, time: &mut Option<Moment>| match (seen, *time) {
            (true, None) => *time = Some(now),
            (false, _) => *time = None,
            _ => {}
        };
        if new_guest {
            first(new.is_scheduled(), &mut self.times.scheduled);
            first(new.is_running(), &mut self.times.running);
        }
        let runs = new.is_running() && !new.paused;
        first(runs && new.ready, &mut self.times.ready);
        if self.target.agent {
            first(runs && new.agent, &mut self.times.agent);
        }
        self.new = Some(new.clone());
    }

    pub(super) fn is_successor(&self, vmi: &VmiState) -> bool {
        let ours = match &self.target.owner {
            Owner::ReplicaSet { uid, .. } => vmi.owner.as_ref() == Some(uid),
            _ => vmi.name == self.target.name,
        };
        ours && !self.before.contains(&vmi.uid) && vmi.uid != self.target.uid && !vmi.leaving && !vmi.is_final()
    }

    pub(super) fn sight(&self, vmis: &[VmiState]) -> Sight {
        match (&self.new, self.old(vmis)) {
            (Some(_), _) => Sight::New,
            (None, Some(_)) => Sight::Finished,
            (None, None) if vmis.iter().any(|vmi| vmi.name == self.target.name && vmi.is_final()) => Sight::Finished,
            (None, None) => Sight::Absent,
        }
    }

    /// Whether everything is back that was there.
    pub(super) fn is_back(&self) -> bool {
        let guest = self.times.ready.is_some() && (!self.target.agent || self.times.agent.is_some());
        guest && !self.in_place && !self.busy
    }

    /// Whether somebody else, or a `halt`, has ended what was to be held.
    pub(super) fn undone_by_others(&self, vmis: &[VmiState]) -> Option<&'static str> {
        match self.spec.mode {
            Mode::Pause => self
                .old(vmis)
                .is_some_and(|old| !old.paused)
                .then_some("ended early: somebody else unpaused it, or a `halt` did"),
            _ => self
                .new
                .is_some()
                .then_some("ended early: somebody else started it again, or a `halt` did"),
        }
    }

    pub(super) fn ended_meanwhile(&self, vmis: &[VmiState]) -> bool {
        self.old(vmis).is_none_or(|old| old.leaving || old.is_final())
    }
}
