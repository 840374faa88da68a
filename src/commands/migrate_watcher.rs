//! Shows a run of migrations as it goes.

use std::time::Duration;

use jiff::Timestamp;

use crate::plan::migrations::MigrationPlan;
use crate::run::migrate::driver::Watcher;
use crate::run::migrate::engine::PoolVm;
use crate::run::migrate::flight::{Clock, End, Flight};
use crate::ui::{Printer, Progress, State};

/// The screen of one run.
pub(super) struct Shown {
    progress: Progress,
    /// A terminal forgets the rows of what is over.
    live: bool,
    rounds: Option<u64>,
}

// === impl Shown ===

impl Shown {
    pub(super) fn new(printer: &Printer, plan: &MigrationPlan) -> Self {
        Self {
            progress: Progress::new(printer, plan.pool.len()),
            live: printer.look().live,
            rounds: plan.schedule.rounds(),
        }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn finish(&self) {
        self.progress.finish();
    }

    /// `round 3 of 10: ` where there is more than one.
    fn round(&self, flight: &Flight) -> String {
        match self.rounds {
            Some(1) => String::new(),
            Some(rounds) => format!("round {} of {rounds}: ", flight.round),
            None => format!("round {}: ", flight.round),
        }
    }
}

impl Watcher for Shown {
    fn show(&self, vm: &PoolVm, flight: &Flight, _: &Clock) {
        let state = state(flight, &self.round(flight));
        let over = match &state {
            State::Done(text) => Some(text.clone()),
            _ => None,
        };
        self.progress.update(&vm.key, &vm.node, state);
        if let Some(text) = over.filter(|_| self.live) {
            self.progress.note(&format!("{}  {text}", vm.key));
        }
    }

    fn left_out(&self, vm: &PoolVm) {
        let why = vm.unfit.as_deref().unwrap_or_default();
        self.progress.note(&format!("{}  left out: {why}", vm.key));
    }

    fn note(&self, text: &str) {
        self.progress.note(text);
    }
}

fn state(flight: &Flight, round: &str) -> State {
    let way = match &flight.to {
        Some(to) => format!("{} to {to}", flight.from),
        None => format!("from {}", flight.from),
    };
    let why = |why: &Option<String>| why.as_deref().unwrap_or_default().to_owned();
    match (&flight.end, &flight.lost) {
        (Some(End::Succeeded), _) => {
            let took = seconds(flight.took(Timestamp::UNIX_EPOCH));
            State::Done(format!("{round}migrated {way} in {took} ({})", phases(flight)))
        }
        (Some(End::Failed | End::TimedOut), _) => State::Failed(format!("{round}{way}: {}", why(&flight.failure))),
        (Some(End::Refused(trouble)), _) => State::Failed(format!("{round}{}", trouble.message)),
        (Some(End::Cancelled), _) => State::Done(format!("{round}cancelled, {way}: {}", why(&flight.failure))),
        (None, Some(_)) => State::Leaked,
        (None, None) => State::Step(format!("{round}{}", step(flight, &way))),
    }
}

fn step(flight: &Flight, way: &str) -> String {
    let after = |at: Timestamp| seconds(at.duration_since(flight.created_at).unsigned_abs());
    let phase = match flight.phases.last() {
        Some(seen) => format!("{} (+{})", seen.phase, after(seen.at)),
        None if flight.uid.is_empty() => "asked for".to_owned(),
        None => "created".to_owned(),
    };
    let doing = match &flight.cancel {
        Some(_) if flight.is_past_cancelling() => {
            ", past the point where it can be cancelled (post-copy): waiting for its end"
        }
        Some(_) => ", being cancelled",
        None => "",
    };
    let waits = flight
        .waits_for
        .as_ref()
        .map(|why| format!("; {why}"))
        .unwrap_or_default();
    format!("{way}: {phase}{doing}{waits}")
}

/// e.g. `Pending 0.1s, Scheduling 2.4s, Running 9s`
fn phases(flight: &Flight) -> String {
    let ends = flight.phases.iter().skip(1).map(|seen| seen.at).chain(flight.ended_at);
    let each = flight
        .phases
        .iter()
        .zip(ends)
        .filter(|(seen, _)| seen.phase != "Succeeded");
    let words: Vec<String> = each
        .map(|(seen, end)| format!("{} {}", seen.phase, seconds(end.duration_since(seen.at).unsigned_abs())))
        .collect();
    words.join(", ")
}

/// Tenths, where they say something.
pub(super) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{:.1}s", time.as_secs_f64())
    } else {
        format!("{:.0}s", time.as_secs_f64())
    }
}
