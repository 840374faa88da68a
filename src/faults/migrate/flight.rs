//! One migration, from the decision to make it to its end.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::problem::Problem;
use crate::run::machine::Moment;

/// The phases of a migration object in their order; a watch may miss the fast ones.
pub(crate) const PHASES: [&str; 8] = [
    "Pending",
    "Scheduling",
    "Scheduled",
    "PreparingTarget",
    "TargetReady",
    "Running",
    "Succeeded",
    "Failed",
];

/// Wall clock times that never go backwards and whose differences are true: one reading, and a monotonic clock from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall: Timestamp,
    at: Instant,
}

/// How a migration ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    /// Not over within the timeout, and cancelled; also when it succeeded before that took effect.
    TimedOut,
    /// By a signal, or by somebody's `halt`.
    Cancelled,
    /// The object was never made.
    Refused(Problem),
}

/// Why a migration is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Timeout,
    Signal,
    Halt,
    /// The run failed as a whole.
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancel {
    pub why: Why,
    pub since: Instant,
}

/// A phase and when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhaseSeen {
    pub phase: Cow<'static, str>,
    pub at: Timestamp,
}

/// A migration of a run.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    /// Position in the pool.
    pub vm: usize,
    pub round: u64,
    /// Name and UID of the migration object; empty until it is made.
    pub name: String,
    pub uid: String,
    pub asked_at: Instant,
    pub created_at: Timestamp,
    pub from: String,
    pub to: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub phases: Vec<PhaseSeen>,
    /// When the last phase began.
    pub phase_since: Instant,
    /// `PreCopy`, `PostCopy`, `Paused`
    pub mode: Option<String>,
    pub end: Option<End>,
    pub failure: Option<String>,
    /// What it waits for, where something says so.
    pub waits_for: Option<String>,
    pub cancel: Option<Cancel>,
    /// Its end was not seen in time: nobody knows whether it is still under way.
    pub lost: Option<String>,
    pub(super) object: Object,
    /// When something is to be tried, or looked at, once more.
    pub(super) retry_at: Option<Instant>,
    pub(super) explain_at: Option<Instant>,
}

/// What is known of the migration object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Asked,
    /// The answer to its creation was lost: it is looked for.
    Sought,
    There,
    /// Final, but where the VM went is yet to be read.
    Succeeded,
    Gone,
}

// === impl Clock ===

impl Clock {
    pub(crate) fn start(now: Moment) -> Self {
        Self {
            wall: now.clock,
            at: now.at,
        }
    }

    pub(crate) fn read(&self, now: Instant) -> Timestamp {
        let gone = now.saturating_duration_since(self.at);
        jiff::SignedDuration::try_from(gone)
            .ok()
            .and_then(|gone| self.wall.checked_add(gone).ok())
            .unwrap_or(self.wall)
    }
}

// === impl Flight ===

impl Flight {
    pub(super) fn new(vm: usize, round: u64, from: String, now: Instant, clock: &Clock) -> Self {
        Self {
            vm,
            round,
            name: String::new(),
            uid: String::new(),
            asked_at: now,
            created_at: clock.read(now),
            from,
            to: None,
            started_at: None,
            ended_at: None,
            phases: Vec::new(),
            phase_since: now,
            mode: None,
            end: None,
            failure: None,
            waits_for: None,
            cancel: None,
            lost: None,
            object: Object::Asked,
            retry_at: None,
            explain_at: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the run need not wait for it any more.
    pub(super) fn is_settled(&self) -> bool {
        self.end.is_some() || self.lost.is_some()
    }

    pub(crate) fn phase(&self) -> Option<&str> {
        self.phases.last().map(|seen| seen.phase.as_ref())
    }

    /// How far it came, for a sentence about its end.
    pub(super) fn reached(&self) -> String {
        let last = self.phases.iter().rev().find(|seen| seen.phase != "Failed");
        last.map_or("before its first phase".to_owned(), |seen| {
            format!("in phase {}", seen.phase)
        })
    }

    /// Once the guest runs on the target while its memory still comes over, cancelling would lose it.
    pub(crate) fn is_past_cancelling(&self) -> bool {
        self.mode.as_deref() == Some("PostCopy")
    }

    /// From the creation of the object to its end, or to `now`.
    pub(crate) fn took(&self, now: Timestamp) -> Duration {
        let end = self.ended_at.unwrap_or(now);
        end.duration_since(self.created_at).unsigned_abs()
    }
}

/// A phase by its name, without a copy where it is a known one.
pub(super) fn phase_name(phase: &str) -> Cow<'static, str> {
    match PHASES.into_iter().find(|known| *known == phase) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(crate::escape::escape(phase)),
    }
}

/// The last migration whose object is there still: one that was cancelled has none any more.
pub(super) fn last_kept(flights: &[Flight]) -> Option<&Flight> {
    let kept = |flight: &&Flight| !flight.name.is_empty() && flight.cancel.is_none();
    flights.iter().rev().find(kept)
}

/// How many others of the run are leaving the node of the `index`th.
pub(super) fn leaving_beside(flights: &[Flight], index: usize) -> usize {
    let from = &flights[index].from;
    let leaves = |flight: &Flight| !flight.is_over() && !matches!(flight.phase(), None | Some("Pending"));
    flights
        .iter()
        .filter(|other| other.from == *from && leaves(other))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(name: &str, phase: &'static str) -> Flight {
        let now = Moment::now();
        let mut flight = Flight::new(0, 1, "a".into(), now.at, &Clock::start(now));
        flight.name = name.into();
        flight.phases.push(PhaseSeen {
            phase: phase.into(),
            at: now.clock,
        });
        flight
    }

    #[test]
    fn the_word_that_no_round_follows_is_left_on_the_last_object_there_is() {
        let mut flights = vec![flight("m1", "Succeeded"), flight("m2", "Failed"), flight("", "Pending")];
        assert_eq!(last_kept(&flights).unwrap().name, "m2", "the last was never made");
        flights[1].cancel = Some(Cancel {
            why: Why::Timeout,
            since: Instant::now(),
        });
        assert_eq!(last_kept(&flights).unwrap().name, "m1");
        assert!(last_kept(&[]).is_none());
    }

    #[test]
    fn what_leaves_a_node_has_begun_there_and_is_not_over() {
        let elsewhere = Flight {
            from: "b".into(),
            ..flight("m3", "Running")
        };
        let over = Flight {
            end: Some(End::Failed),
            ..flight("m4", "Running")
        };
        let unseen = Flight {
            phases: Vec::new(),
            ..flight("m5", "")
        };
        let pending = flight("m1", "Pending");
        let running = || flight("m2", "Running");
        let flights = [pending, running(), running(), elsewhere, over, unseen];
        assert_eq!(leaving_beside(&flights, 0), 2);
        assert_eq!(leaving_beside(&flights, 3), 1);
    }
}
