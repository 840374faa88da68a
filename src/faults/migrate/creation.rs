//! From the request for a migration to its object: made, refused, or an answer that never came.

use std::time::Duration;

use tokio::time::Instant;

use super::cancel::{RETRY, SLOW};
use super::engine::{Action, Engine, FlightIndex, NotMade};
use super::flight::{End, Object};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::problem::{Problem, Reason};

/// The answer to a creation is sought for so long.
const SEEK_LIMIT: Duration = Duration::from_secs(30);

impl Engine {
    pub(super) fn created(
        &mut self,
        index: FlightIndex,
        answer: Result<Box<VirtualMachineInstanceMigration>, NotMade>,
        now: Instant,
    ) {
        match answer {
            Ok(object) => self.made(index, *object, now),
            Err(NotMade::Refused(problem)) => self.refused(index, problem, now),
            Err(NotMade::Unknown(problem)) => {
                let flight = &mut self.flights[index];
                if flight.object == Object::Asked {
                    flight.object = Object::Sought;
                    flight.failure = Some(problem.message);
                    self.actions.push(Action::Seek(index));
                }
            }
        }
    }

    pub(super) fn found(
        &mut self,
        index: FlightIndex,
        answer: Result<Option<Box<VirtualMachineInstanceMigration>>, Problem>,
        now: Instant,
    ) {
        let flight = &mut self.flights[index];
        if flight.object != Object::Sought {
            return;
        }
        match answer {
            Ok(Some(object)) => self.made(index, *object, now),
            Ok(None) => {
                let why = flight.failure.take().unwrap_or_default();
                let problem = Problem::new(Reason::NotCreated, format!("its migration could not be created: {why}"));
                self.refused(index, problem, now);
            }
            Err(_) if now < flight.asked_at + SEEK_LIMIT => flight.retry_at = Some(now + RETRY),
            Err(problem) => {
                flight.lost = Some(format!(
                    "its migration may have been created, and nobody could look: {}",
                    problem.message
                ));
                self.actions.push(Action::Show(index));
            }
        }
    }

    /// The object of a migration is known.
    pub(super) fn made(&mut self, index: FlightIndex, object: VirtualMachineInstanceMigration, now: Instant) {
        let flight = &mut self.flights[index];
        if !matches!(flight.object, Object::Asked | Object::Sought) {
            return;
        }
        flight.object = Object::There;
        flight.failure = None;
        flight.retry_at = None;
        object.name().clone_into(&mut flight.name);
        object.uid().clone_into(&mut flight.uid);
        flight.created_at = self.clock.read(now);
        flight.phase_since = now;
        flight.explain_at = Some(now + SLOW);
        if flight.cancel.is_some() {
            self.actions.push(Action::Cancel(index));
        }
        let newest = self.early.remove(object.uid()).unwrap_or(object);
        self.observe(index, &newest, now);
        if self.flights[index].phases.is_empty() {
            self.actions.push(Action::Show(index));
        }
    }

    pub(super) fn refused(&mut self, index: FlightIndex, problem: Problem, now: Instant) {
        self.end(index, End::Refused(problem), now);
    }
}
