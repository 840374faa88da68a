//! What migration objects and VMIs say, and what it means for the migrations in flight: the engine's eye.
//!
//! The object is followed by its UID. When it goes without a word (a cancelled one does), the VMI's `migrationState` tells
//! how it ended; a state with another UID is of another migration and tells nothing.

use jiff::Timestamp;
use tokio::time::Instant;

use super::cancel::{RETRY, SLOW};
use super::engine::{Action, Engine, FlightIndex};
use super::explain::waits_for;
use super::flight::{End, Flight, Object, PhaseSeen, Why, phase_name};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::vmi::{MigrationState, VirtualMachineInstance};
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::faults::migrate::plan::{HALTED_BY, ROUND};
use crate::problem::Problem;

impl Engine {
    pub(super) fn migration(&mut self, object: VirtualMachineInstanceMigration, now: Instant) {
        if let Some(who) = object.annotation(HALTED_BY)
            && self.halted_by.is_none()
        {
            self.halted_by = Some(escape(who));
            self.wind(Why::Halt, now);
        }
        let uid = object.uid();
        let by_uid = |flight: &&FlightIndex| self.flights[**flight].uid == uid;
        if let Some(index) = self.airborne.iter().find(by_uid).copied() {
            return self.observe(index, &object, now);
        }
        let key = format!("{}/{}", object.namespace(), object.spec.vmi_name);
        let round = object.annotation(ROUND).and_then(|round| round.parse().ok());
        let waiting = self.airborne.iter().copied().find(|flight| {
            let flight = &self.flights[*flight];
            flight.uid.is_empty() && Some(flight.round) == round && self.vms[flight.vm].key == key
        });
        match waiting {
            // The answer to its creation was lost.
            Some(index) if self.flights[index].object == Object::Sought => self.made(index, object, now),
            // The answer is on its way.
            Some(_) => drop(self.early.insert(uid.to_owned(), object)),
            None => {}
        }
    }

    /// Takes in the object of a migration as it is now.
    pub(super) fn observe(&mut self, index: FlightIndex, object: &VirtualMachineInstanceMigration, now: Instant) {
        let clock = self.clock;
        let flight = &mut self.flights[index];
        if flight.is_over() {
            return;
        }
        if let Some(state) = object.status.migration_state.as_ref() {
            learn(flight, state);
        }
        let waits = waits_for(object);
        if waits.is_some() && waits != flight.waits_for {
            flight.waits_for.clone_from(&waits);
            self.actions.push(Action::Show(index));
        }
        let phase = object.status.phase.as_str();
        if !phase.is_empty() && flight.phase() != Some(phase) {
            let at = clock.read(now);
            phases(flight, object, at);
            (flight.phase_since, flight.explain_at) = (now, Some(now + SLOW));
            if phase == "Running" {
                flight.started_at = Some(at);
            }
            if !object.is_final() {
                // What the phase before waited for is over; what this one waits for may be said already.
                flight.waits_for = waits;
                self.actions.push(Action::Show(index));
            }
        }
        match object.status.phase.as_str() {
            "Succeeded" if flight.to.is_none() => {
                // Only the VMI knows where it is now.
                flight.object = Object::Succeeded;
                self.actions.push(Action::Look(index));
            }
            "Succeeded" => self.over(index, None, now),
            "Failed" => {
                let unsaid = || {
                    if object.is_being_deleted() {
                        DELETED.to_owned()
                    } else {
                        CommandLine::new("kubectl describe vmim")
                            .arg(object.name())
                            .flag("-n", object.namespace())
                            .to("KubeVirt does not say why; its events may: ")
                            .into()
                    }
                };
                let why = flight
                    .failure
                    .take()
                    .or_else(|| flight.waits_for.clone())
                    .unwrap_or_else(unsaid);
                self.over(index, Some(why), now);
            }
            _ => {}
        }
    }

    pub(super) fn gone(&mut self, uid: &str) {
        self.early.remove(uid);
        let by_uid = |flight: &&FlightIndex| self.flights[**flight].uid == uid;
        if let Some(index) = self.airborne.iter().find(by_uid).copied() {
            self.flights[index].object = Object::Gone;
            self.actions.push(Action::Look(index));
        }
    }

    /// A VMI of the pool as its watch shows it.
    pub(super) fn vmi(&mut self, vm: usize, vmi: Option<&VirtualMachineInstance>, now: Instant) {
        let Some(state) = vmi.and_then(|vmi| vmi.status.migration_state.as_ref()) else {
            return;
        };
        let Some(uid) = state.migration_uid.as_deref().filter(|uid| !uid.is_empty()) else {
            return;
        };
        let meant = |index: &&FlightIndex| (self.flights[**index].vm, self.flights[**index].uid.as_str()) == (vm, uid);
        let Some(index) = self.airborne.iter().find(meant).copied() else {
            return;
        };
        let flight = &mut self.flights[index];
        let before = flight.is_past_cancelling();
        learn(flight, state);
        // Where it goes stands in the next line.
        if before != flight.is_past_cancelling() {
            self.actions.push(Action::Show(index));
        }
        if flight.object == Object::Gone {
            self.by_state(index, state.clone(), now);
        }
    }

    pub(super) fn looked(
        &mut self,
        index: FlightIndex,
        answer: Result<Option<Box<VirtualMachineInstance>>, Problem>,
        now: Instant,
    ) {
        let flight = &mut self.flights[index];
        if flight.is_over() {
            return;
        }
        let Ok(vmi) = answer else {
            flight.retry_at = Some(now + RETRY);
            return;
        };
        let state = vmi.as_ref().and_then(|vmi| vmi.status.migration_state.clone());
        let ours = state.filter(|state| state.migration_uid.as_deref() == Some(flight.uid.as_str()));
        if let Some(state) = &ours {
            learn(flight, state);
        }
        if flight.object == Object::Succeeded {
            let node = vmi.as_ref().and_then(|vmi| vmi.node().map(str::to_owned));
            flight.to = flight.to.take().or(node);
            return self.over(index, None, now);
        }
        match (ours, vmi) {
            (Some(state), _) => self.by_state(index, state, now),
            (None, None) => self.over(index, Some("the VM ended during its migration".to_owned()), now),
            (None, Some(_)) if flight.object == Object::Gone => {
                let why = if flight.cancel.is_some() {
                    "cancelled before the nodes were told of it"
                } else {
                    DELETED
                };
                self.over(index, Some(why.to_owned()), now);
            }
            // The watches are lost, and the object may be there: as long as it takes.
            (None, Some(_)) => flight.retry_at = Some(now + RETRY),
        }
    }

    /// The VMI's word on a migration whose object is gone.
    fn by_state(&mut self, index: FlightIndex, state: MigrationState, now: Instant) {
        if !state.completed {
            if self.problem().is_some() {
                self.flights[index].retry_at = Some(now + RETRY);
            }
            return;
        }
        let failure = state.failed.then(|| {
            let why = state.failure_reason.filter(|why| !why.is_empty());
            why.map_or_else(|| "KubeVirt does not say why".to_owned(), |why| escape(&why))
        });
        self.over(index, failure, now);
    }

    /// Ends a migration: what came of it, in the light of why it may have been cancelled.
    fn over(&mut self, index: FlightIndex, failure: Option<String>, now: Instant) {
        let timeout = self.timeout_text();
        let flight = &mut self.flights[index];
        if let (None, Some(to)) = (&failure, &flight.to) {
            self.vms[flight.vm].node.clone_from(to);
        }
        let end = match (failure, flight.cancel.map(|cancel| cancel.why)) {
            (None, Some(Why::Timeout)) => {
                flight.failure = Some(format!(
                    "not over within {timeout}; it succeeded before it could be cancelled"
                ));
                End::TimedOut
            }
            (None, _) => {
                flight.failure = None;
                End::Succeeded
            }
            (Some(_), Some(Why::Timeout)) => {
                let phase = flight.reached();
                let waited = flight
                    .waits_for
                    .take()
                    .map(|why| format!(": {why}"))
                    .unwrap_or_default();
                flight.failure = Some(format!("not over within {timeout} and cancelled {phase}{waited}"));
                End::TimedOut
            }
            (Some(_), Some(why)) => {
                let phase = flight.reached();
                let by = match (why, &self.halted_by) {
                    (Why::Halt, Some(who)) => format!("by a halt of {who}"),
                    (Why::Halt, None) => "by a halt".to_owned(),
                    (Why::Signal, _) => "by a signal".to_owned(),
                    (Why::Error | Why::Timeout, _) => "because the run could not go on".to_owned(),
                };
                flight.failure = Some(format!("cancelled {by}, {phase}"));
                End::Cancelled
            }
            (Some(why), None) => {
                flight.failure = Some(why);
                End::Failed
            }
        };
        self.end(index, end, now);
    }
}

/// Why a migration ended whose object somebody else deleted.
const DELETED: &str = "its migration object was deleted, not by this run";

/// What a migration state says about where, since when and how.
fn learn(flight: &mut Flight, state: &MigrationState) {
    let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(escape);
    if state.migration_uid.as_deref() != Some(flight.uid.as_str()) {
        return;
    }
    if let Some(from) = text(&state.source_node) {
        flight.from = from;
    }
    flight.to = text(&state.target_node).or(flight.to.take());
    flight.mode = text(&state.mode).or(flight.mode.take());
    flight.failure = text(&state.failure_reason).or(flight.failure.take());
}

/// Adds the phase the object is in, seen now, and before it those that were missed, by the object's own times.
fn phases(flight: &mut Flight, object: &VirtualMachineInstanceMigration, now: Timestamp) {
    let phase = object.status.phase.as_str();
    for entry in &object.status.phase_transition_timestamps {
        let known = flight.phases.iter().any(|seen| seen.phase == entry.phase.as_str());
        if entry.phase.is_empty() || entry.phase == phase || known {
            continue;
        }
        let earliest = flight.phases.last().map_or(flight.created_at, |seen| seen.at);
        let at = entry.phase_transition_timestamp.unwrap_or(earliest);
        // Whole seconds of another clock: kept between what was seen before and now.
        let at = at.clamp(earliest, now.max(earliest));
        if flight.started_at.is_none() && entry.phase == "Running" {
            flight.started_at = Some(at);
        }
        flight.phases.push(PhaseSeen {
            phase: phase_name(&entry.phase),
            at,
        });
    }
    flight.phases.push(PhaseSeen {
        phase: phase_name(phase),
        at: now,
    });
}
