//! The state machine of a run of migrations. Pure: inputs in, actions out; whoever drives it owns requests and watches.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::vm::Trouble;
use super::flight::{Cancel, Clock, End, Flight, Object, Why};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::movable::ALREADY_THERE;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::fault::{Extent, Movable, Unfit};
use crate::plan::migrations::MigrationPlan;
use crate::plan::schedule::Schedule;

/// A cancelled migration that is not over by then is told as it is: nobody knows when it will be.
pub(super) const CANCEL_LIMIT: Duration = Duration::from_secs(60);
/// The answer to a creation is sought for so long.
const SEEK_LIMIT: Duration = Duration::from_secs(30);
/// Pause before something is tried once more.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// A phase that lasts longer is looked into, and again in this time.
pub(super) const SLOW: Duration = Duration::from_secs(3);
const SLOW_AGAIN: Duration = Duration::from_secs(30);
/// A run without pauses of its own takes one where nobody could be moved.
const IDLE: Duration = Duration::from_secs(5);

/// Position in [`Engine::flights`].
pub type FlightIndex = usize;

/// What the engine is told.
#[derive(Debug)]
pub enum Input {
    /// Answer to [`Action::Survey`]: every VM of the pool, in its order.
    Surveyed(Vec<Result<Movable, Unfit>>),
    /// Answer to [`Action::Create`].
    Created(FlightIndex, Result<Box<VirtualMachineInstanceMigration>, NotMade>),
    /// Answer to [`Action::Seek`]: the object that was made after all, none, or nobody could look.
    Found(
        FlightIndex,
        Result<Option<Box<VirtualMachineInstanceMigration>>, Trouble>,
    ),
    /// Answer to [`Action::Cancel`]; `Ok` also when there is nothing to cancel any more.
    Cancelled(FlightIndex, Result<(), Trouble>),
    /// A migration of this run as it is now.
    Migration(Box<VirtualMachineInstanceMigration>),
    /// The migration object with this UID is gone.
    Gone(String),
    /// A VMI of the pool as it is now; `None` when there is none.
    Vmi(usize, Option<Box<VirtualMachineInstance>>),
    /// Answer to [`Action::Look`].
    Looked(FlightIndex, Result<Option<Box<VirtualMachineInstance>>, Trouble>),
    /// Answer to [`Action::Explain`]: what a migration waits for.
    Explained(FlightIndex, Option<String>),
    /// Migrations or VMIs cannot be watched: nothing is begun any more.
    Blind(Trouble),
    Signal,
    /// Time has passed; see [`Engine::wake_at`].
    Tick,
}

/// Why a migration object was not made.
#[derive(Debug)]
pub enum NotMade {
    /// The server said no.
    Refused(Trouble),
    /// No answer came: it may be there.
    Unknown(Trouble),
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read the nodes and judge the pool.
    Survey,
    Create(FlightIndex),
    Seek(FlightIndex),
    Cancel(FlightIndex),
    /// Read the VMI now.
    Look(FlightIndex),
    Explain(FlightIndex),
    /// The migration's state has changed.
    Show(FlightIndex),
    /// The VM cannot be moved any more, or now; told once a reason.
    LeftOut(usize),
    /// A line for a person.
    Note(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Surveying(u64),
    Flying(u64),
    Resting {
        next: u64,
        until: Instant,
    },
    /// No new migrations; those in flight are waited for.
    Winding,
    Over,
}

/// A VM of the pool.
#[derive(Debug, Clone)]
pub struct PoolVm {
    /// `namespace/name`
    pub key: String,
    pub node: String,
    /// Why it was left out of a round last, until it takes part again.
    pub unfit: Option<String>,
    /// It was to be moved and could not be: for another reason than being where it was to go.
    pub failed_to_move: Option<String>,
}

/// The state of one run.
pub struct Engine {
    pub(super) clock: Clock,
    schedule: Schedule,
    timeout: Duration,
    began: Instant,
    pub(super) vms: Vec<PoolVm>,
    pub(super) flights: Vec<Flight>,
    /// Those in flight.
    pub(super) airborne: Vec<FlightIndex>,
    /// Objects seen before the answer to their creation, by UID.
    pub(super) early: BTreeMap<String, VirtualMachineInstanceMigration>,
    stage: Stage,
    signals: u32,
    pub(super) halted_by: Option<String>,
    trouble: Option<Trouble>,
    pub(super) actions: Vec<Action>,
}

// === impl Engine ===

impl Engine {
    /// A run at its beginning, and the first actions.
    pub fn new(plan: &MigrationPlan, now: Instant) -> (Self, Vec<Action>) {
        let vms = plan.pool.iter().map(|vm| PoolVm {
            key: vm.key(),
            node: vm.node.clone(),
            unfit: None,
            failed_to_move: None,
        });
        let engine = Self {
            clock: Clock::start(now),
            schedule: plan.schedule.clone(),
            timeout: plan.timeout(),
            began: now,
            vms: vms.collect(),
            flights: Vec::new(),
            airborne: Vec::new(),
            early: BTreeMap::new(),
            stage: Stage::Surveying(1),
            signals: 0,
            halted_by: None,
            trouble: None,
            actions: Vec::new(),
        };
        (engine, vec![Action::Survey])
    }

    /// Takes one input and says what is to be done about it.
    pub fn handle(&mut self, input: Input, now: Instant) -> Vec<Action> {
        match input {
            Input::Surveyed(pool) => self.surveyed(pool, now),
            Input::Created(flight, answer) => self.created(flight, answer, now),
            Input::Found(flight, answer) => self.found(flight, answer, now),
            Input::Cancelled(flight, answer) => self.cancelled(flight, answer, now),
            Input::Migration(object) => self.migration(*object, now),
            Input::Gone(uid) => self.gone(&uid),
            Input::Vmi(vm, vmi) => self.vmi(vm, vmi.as_deref(), now),
            Input::Looked(flight, answer) => self.looked(flight, answer, now),
            Input::Explained(flight, why) => self.explained(flight, why),
            Input::Blind(trouble) => {
                self.trouble.get_or_insert(trouble);
                self.wind(Why::Error, now);
            }
            Input::Signal => self.signal(now),
            Input::Tick => self.tick(now),
        }
        self.advance(now);
        std::mem::take(&mut self.actions)
    }

    pub fn is_done(&self) -> bool {
        self.stage == Stage::Over
    }

    pub fn flights(&self) -> &[Flight] {
        &self.flights
    }

    pub fn into_flights(self) -> Vec<Flight> {
        self.flights
    }

    pub fn vms(&self) -> &[PoolVm] {
        &self.vms
    }

    /// Signals received so far.
    pub fn signals(&self) -> u32 {
        self.signals
    }

    /// Who told the run to end from outside.
    pub fn halted_by(&self) -> Option<&str> {
        self.halted_by.as_deref()
    }

    /// Why the run as a whole could not go on.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn timeout_text(&self) -> String {
        format!("{} s", self.timeout.as_secs_f64())
    }

    /// When to come back with [`Input::Tick`] at the latest.
    pub fn wake_at(&self) -> Option<Instant> {
        let flights = self.airborne.iter().flat_map(|flight| {
            let flight = &self.flights[*flight];
            let limit = match (&flight.cancel, flight.lost.is_some()) {
                (_, true) => None,
                (None, _) => Some(flight.asked_at + self.timeout),
                (Some(_), _) if flight.is_past_cancelling() => None,
                (Some(cancel), _) => Some(cancel.since + CANCEL_LIMIT),
            };
            [limit, flight.retry_at, flight.explain_at]
        });
        let rest = match self.stage {
            Stage::Resting { until, .. } => Some(until),
            _ => None,
        };
        flights.flatten().chain(rest).min()
    }

    fn surveyed(&mut self, pool: Vec<Result<Movable, Unfit>>, now: Instant) {
        let Stage::Surveying(number) = self.stage else {
            return;
        };
        for (vm, found) in self.vms.iter_mut().zip(&pool) {
            if let Ok(found) = found {
                vm.node.clone_from(&found.node);
            }
        }
        let round = self
            .schedule
            .round(number, |vm| pool.get(vm).is_some_and(Result::is_ok));
        for vm in round.left_out {
            let Some(Err(unfit)) = pool.get(vm) else { continue };
            if !unfit.reason.starts_with(ALREADY_THERE) {
                self.vms[vm].failed_to_move = Some(unfit.reason.clone());
            }
            if self.vms[vm].unfit.as_ref() != Some(&unfit.reason) {
                self.vms[vm].unfit = Some(unfit.reason.clone());
                self.actions.push(Action::LeftOut(vm));
            }
        }
        if round.members.is_empty() {
            return self.next_round(number, now, IDLE);
        }
        self.stage = Stage::Flying(number);
        for vm in round.members {
            self.vms[vm].unfit = None;
            let flight = Flight::new(vm, number, self.vms[vm].node.clone(), now, &self.clock);
            self.flights.push(flight);
            self.airborne.push(self.flights.len() - 1);
            self.actions.push(Action::Create(self.flights.len() - 1));
        }
    }

    fn created(
        &mut self,
        index: FlightIndex,
        answer: Result<Box<VirtualMachineInstanceMigration>, NotMade>,
        now: Instant,
    ) {
        match answer {
            Ok(object) => self.made(index, *object, now),
            Err(NotMade::Refused(trouble)) => self.refused(index, trouble, now),
            Err(NotMade::Unknown(trouble)) => {
                let flight = &mut self.flights[index];
                if flight.object == Object::Asked {
                    flight.object = Object::Sought;
                    flight.failure = Some(trouble.message);
                    self.actions.push(Action::Seek(index));
                }
            }
        }
    }

    fn found(
        &mut self,
        index: FlightIndex,
        answer: Result<Option<Box<VirtualMachineInstanceMigration>>, Trouble>,
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
                let trouble = Trouble::new("not-created", format!("its migration could not be created: {why}"));
                self.refused(index, trouble, now);
            }
            Err(_) if now < flight.asked_at + SEEK_LIMIT => flight.retry_at = Some(now + RETRY),
            Err(trouble) => {
                flight.lost = Some(format!(
                    "its migration may have been created, and nobody could look: {}",
                    trouble.message
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

    fn refused(&mut self, index: FlightIndex, trouble: Trouble, now: Instant) {
        self.end(index, End::Refused(trouble), now);
    }

    fn cancelled(&mut self, index: FlightIndex, answer: Result<(), Trouble>, now: Instant) {
        let flight = &mut self.flights[index];
        if flight.is_over() {
            return;
        }
        match answer {
            // The watch tells the rest; where there is none, the VMI has to be asked.
            Ok(()) if self.trouble.is_some() => self.actions.push(Action::Look(index)),
            Ok(()) => {}
            Err(trouble) => {
                flight.waits_for = Some(format!("it could not be cancelled: {}", trouble.message));
                flight.retry_at = Some(now + RETRY);
                self.actions.push(Action::Show(index));
            }
        }
    }

    fn explained(&mut self, index: FlightIndex, why: Option<String>) {
        let flight = &mut self.flights[index];
        if !flight.is_over() && why.is_some() && flight.waits_for != why {
            flight.waits_for = why;
            self.actions.push(Action::Show(index));
        }
    }

    /// A migration is over.
    pub(super) fn end(&mut self, index: FlightIndex, end: End, now: Instant) {
        let flight = &mut self.flights[index];
        if flight.is_over() {
            return;
        }
        flight.ended_at = Some(self.clock.read(now));
        flight.end = Some(end);
        flight.lost = None;
        flight.waits_for = None;
        (flight.retry_at, flight.explain_at) = (None, None);
        self.airborne.retain(|other| *other != index);
        self.actions.push(Action::Show(index));
    }

    fn signal(&mut self, now: Instant) {
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

    fn cancel(&mut self, index: FlightIndex, why: Why, now: Instant) {
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

    fn tick(&mut self, now: Instant) {
        if let Stage::Resting { next, until } = self.stage
            && now >= until
        {
            self.survey(next);
        }
        for index in self.airborne.clone() {
            self.tick_flight(index, now);
        }
    }

    fn tick_flight(&mut self, index: FlightIndex, now: Instant) {
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

    fn survey(&mut self, round: u64) {
        self.stage = Stage::Surveying(round);
        self.actions.push(Action::Survey);
    }

    fn next_round(&mut self, over: u64, now: Instant, at_least: Duration) {
        let next = over + 1;
        if self.schedule.rounds().is_some_and(|rounds| next > rounds) {
            self.stage = Stage::Over;
            return;
        }
        let gap = match self.schedule.rounds() {
            // Empty rounds come to an end by themselves.
            Some(_) => self.schedule.gap(next),
            None => self.schedule.gap(next).max(at_least),
        };
        if let Extent::For(time) = self.schedule.extent
            && now + gap > self.began + time.as_duration()
        {
            self.stage = Stage::Over;
            return;
        }
        if gap.is_zero() {
            return self.survey(next);
        }
        let of = self
            .schedule
            .rounds()
            .map(|rounds| format!(" of {rounds}"))
            .unwrap_or_default();
        self.actions
            .push(Action::Note(format!("round {next}{of} begins in {:.0?}", gap)));
        self.stage = Stage::Resting { next, until: now + gap };
    }

    fn advance(&mut self, now: Instant) {
        let settled = self.airborne.iter().all(|flight| self.flights[*flight].is_settled());
        match self.stage {
            Stage::Flying(number) if settled => self.next_round(number, now, Duration::ZERO),
            Stage::Winding if settled => self.stage = Stage::Over,
            _ => {}
        }
    }
}
