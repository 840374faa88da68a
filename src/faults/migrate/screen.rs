//! Shows a run of migrations as it goes and leaves Events on the VMIs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::events::{Happened, Regarding};
use crate::faults::migrate::engine::PoolVm;
use crate::faults::migrate::flight::{End, Flight};
use crate::faults::migrate::plan::MigrationPlan;
use crate::faults::migrate::spec::Eligible;
use crate::faults::screen::Screen;
use crate::ui::State;

/// What is shown of one run.
pub(super) struct Shown<'a> {
    screen: &'a Screen,
    /// The pool's VMIs, in its order.
    vmis: Vec<Regarding>,
    /// Of migrations in flight, by UID: what has been told last.
    told: Mutex<BTreeMap<String, Happened>>,
    rounds: Option<u64>,
}

// === impl Shown ===

impl<'a> Shown<'a> {
    pub(super) fn new(screen: &'a Screen, plan: &MigrationPlan) -> Self {
        let vmi = |vm: &Eligible| Regarding::new(&vm.namespace, &vm.name, &vm.uid);
        Self {
            screen,
            vmis: plan.pool.iter().map(vmi).collect(),
            told: Mutex::default(),
            rounds: plan.schedule.rounds(),
        }
    }

    /// An Event when a migration is there, and one when it is over.
    fn tell(&self, flight: &Flight) {
        let (Some(vmi), Some((happened, note))) = (self.vmis.get(flight.vm), told_of(flight)) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let last = told.get(&flight.uid);
        // What is over stays over: its end is the last that is shown of it.
        if last == Some(&happened) || last.is_some_and(|last| *last != Happened::Injected) {
            return;
        }
        told.insert(flight.uid.clone(), happened);
        self.screen.tell(vmi.clone(), happened, note);
    }

    /// `round 3 of 10: ` where there is more than one.
    fn round(&self, flight: &Flight) -> String {
        match self.rounds {
            Some(1) => String::new(),
            Some(rounds) => format!("round {} of {rounds}: ", flight.round),
            None => format!("round {}: ", flight.round),
        }
    }

    /// A migration's state has changed.
    pub(super) fn show(&self, vm: &PoolVm, flight: &Flight) {
        self.tell(flight);
        let state = state(flight, &self.round(flight));
        let over = match &state {
            State::Done(text) | State::Cancelled(text) => Some(text.clone()),
            _ => None,
        };
        self.screen.progress.update(&vm.key, &vm.node, state);
        if let Some(text) = over.filter(|_| self.screen.live) {
            self.screen.progress.note(&format!("{}  {text}", vm.key));
        }
    }

    /// A VM of the pool cannot be moved now, and why.
    pub(super) fn left_out(&self, vm: &PoolVm) {
        let why = vm.unfit.as_deref().unwrap_or_default();
        self.screen.progress.note(&format!("{}  left out: {why}", vm.key));
    }

    /// A line for a person.
    pub(super) fn note(&self, text: &str) {
        self.screen.progress.note(text);
    }
}

/// What an Event says of a migration as it is now; none before it is made, and none where it is not known how it ended.
fn told_of(flight: &Flight) -> Option<(Happened, String)> {
    let (way, object) = (way(flight), &flight.name);
    let why = flight.failure.as_deref().unwrap_or_default();
    if flight.uid.is_empty() {
        return None;
    }
    Some(match (&flight.end, &flight.lost) {
        (None, None) => (
            Happened::Injected,
            format!("migrate: live migration {way} asked for ({object})"),
        ),
        (Some(End::Succeeded), _) => {
            let took = seconds(flight.took(Timestamp::UNIX_EPOCH));
            (
                Happened::Restored,
                format!("migrate: migrated {way} in {took} ({object})"),
            )
        }
        (Some(End::Cancelled), _) => (Happened::Restored, format!("migrate: cancelled, {way} ({object})")),
        (Some(_), _) => (Happened::Failed, format!("migrate: {way} failed: {why} ({object})")),
        (None, Some(lost)) => (Happened::Failed, format!("migrate: {way}: {lost} ({object})")),
    })
}

fn way(flight: &Flight) -> String {
    match &flight.to {
        Some(to) => format!("{} to {to}", flight.from),
        None => format!("from {}", flight.from),
    }
}

fn state(flight: &Flight, round: &str) -> State {
    let way = way(flight);
    let why = |why: &Option<String>| why.as_deref().unwrap_or_default().to_owned();
    match (&flight.end, &flight.lost) {
        (Some(End::Succeeded), _) => {
            let took = seconds(flight.took(Timestamp::UNIX_EPOCH));
            State::Done(format!("{round}migrated {way} in {took} ({})", phases(flight)))
        }
        (Some(End::Failed | End::TimedOut), _) => State::Failed(format!("{round}{way}: {}", why(&flight.failure))),
        (Some(End::Refused(problem)), _) => State::Failed(format!("{round}{}", problem.message)),
        (Some(End::Cancelled), _) => State::Cancelled(format!("{round}cancelled, {way}: {}", why(&flight.failure))),
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
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{:.1}s", time.as_secs_f64())
    } else {
        format!("{:.0}s", time.as_secs_f64())
    }
}
