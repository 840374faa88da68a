//! Cancelling: by a signal, a halt, a timeout; and what time does to a migration in flight.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Action, Engine, FlightIndex, Stage};
use super::flight::{Cancel, Object, Why};
use crate::problem::Problem;

/// A cancelled migration that is not over by then is told as it is: nobody knows when it will be.
pub(super) const CANCEL_LIMIT: Duration = Duration::from_secs(60);
/// Pause before something is tried once more.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// A phase that lasts longer is looked into, and again in this time.
pub(super) const SLOW: Duration = Duration::from_secs(3);
const SLOW_AGAIN: Duration = Duration::from_secs(30);

impl Engine {
    pub(super) fn cancelled(&mut self, index: FlightIndex, answer: Result<(), Problem>, now: Instant) {
        let flight = &mut self.flights[index];
        if flight.is_over() {
            return;
        }
        match answer {
            // The watch tells the rest; where there is none, the VMI has to be asked.
            Ok(()) if self.problem.is_some() => self.actions.push(Action::Look(index)),
            Ok(()) => {}
            Err(problem) => {
                flight.waits_for = Some(format!("it could not be cancelled: {}", problem.message));
                flight.retry_at = Some(now + RETRY);
                self.actions.push(Action::Show(index));
            }
        }
    }

    pub(super) fn signal(&mut self, now: Instant) {
        self.signals += 1;
        if self.signals == 1 {
            self.wind(Why::Signal, now);
        } else {
            for flight in &self.airborne {
                let flight = &mut self.flights[*flight];
                flight
                    .lost
                    .get_or_insert_with(|| "the command was told to leave before it was over".to_owned());
            }
        }
    }

    /// Begins nothing any more, and cancels what is in flight.
    pub(super) fn wind(&mut self, why: Why, now: Instant) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Winding;
        for index in self.airborne.clone() {
            self.cancel(index, why, now);
        }
    }

    pub(super) fn cancel(&mut self, index: FlightIndex, why: Why, now: Instant) {
        let flight = &mut self.flights[index];
        if flight.cancel.is_some() {
            return;
        }
        flight.cancel = Some(Cancel { why, since: now });
        // Without an object there is nothing to delete yet; `made` comes back to it.
        if flight.object == Object::There && !flight.is_past_cancelling() {
            self.actions.push(Action::Cancel(index));
        }
        self.actions.push(Action::Show(index));
    }

    pub(super) fn tick_flight(&mut self, index: FlightIndex, now: Instant) {
        let timeout = self.timeout;
        let flight = &mut self.flights[index];
        let due = |at: &mut Option<Instant>| at.take_if(|at| now >= *at).is_some();
        if due(&mut flight.retry_at) {
            self.actions.push(match flight.object {
                Object::Asked | Object::Sought => Action::Seek(index),
                Object::There if flight.cancel.is_some() => Action::Cancel(index),
                _ => Action::Look(index),
            });
        }
        if due(&mut flight.explain_at) {
            flight.explain_at = Some(now + SLOW_AGAIN);
            if flight.object == Object::There && flight.phase() != Some("Running") {
                self.actions.push(Action::Explain(index));
            }
        }
        if flight.lost.is_some() {
            return;
        }
        match flight.cancel {
            None if now >= flight.asked_at + timeout => self.cancel(index, Why::Timeout, now),
            Some(cancel) if now >= cancel.since + CANCEL_LIMIT && !flight.is_past_cancelling() => {
                let told = match &flight.waits_for {
                    Some(why) => format!(
                        "it is not over {} s after it was cancelled: {why}",
                        CANCEL_LIMIT.as_secs()
                    ),
                    None => format!("it is not over {} s after it was cancelled", CANCEL_LIMIT.as_secs()),
                };
                flight.lost = Some(told);
                self.actions.push(Action::Show(index));
            }
            _ => {}
        }
    }
}
