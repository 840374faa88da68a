//! The state machine of a run of migrations. Pure: inputs in, actions out; whoever drives it owns requests and watches.
//!
//! It owns the rounds and their migrations ([`Flight`]). Only the driver's task calls it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cancel::CANCEL_LIMIT;
use super::flight::{Clock, End, Flight, Why};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::faults::migrate::eligibility::Ineligible;
use crate::faults::migrate::plan::MigrationPlan;
use crate::faults::migrate::schedule::Schedule;
use crate::faults::migrate::spec::{Eligible, Extent};
use crate::problem::Problem;
use crate::run::machine::{Machine, Moment, Outside};

pub(crate) use super::messages::{Action, FlightIndex, Input, NotMade};

/// A run without pauses of its own takes one where nobody could be moved.
const IDLE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
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
pub(crate) struct PoolVm {
    /// `namespace/name`
    pub key: String,
    pub node: String,
    /// Why it was left out of a round last, until it takes part again.
    pub unfit: Option<String>,
    /// It was to be moved and could not be: for another reason than being where it was to go.
    pub failed_to_move: Option<String>,
}

/// The state of one run.
pub(crate) struct Engine {
    pub(super) clock: Clock,
    schedule: Schedule,
    pub(super) timeout: Duration,
    began: Instant,
    pub(super) vms: Vec<PoolVm>,
    pub(super) flights: Vec<Flight>,
    /// Those in flight.
    pub(super) airborne: Vec<FlightIndex>,
    /// Objects seen before the answer to their creation, by UID.
    pub(super) early: BTreeMap<String, VirtualMachineInstanceMigration>,
    pub(super) stage: Stage,
    pub(super) signals: u32,
    pub(super) halted_by: Option<String>,
    pub(super) problem: Option<Problem>,
    pub(super) actions: Vec<Action>,
}

// === impl Machine ===

impl Machine for Engine {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Moment) -> Vec<Action> {
        let now = now.at;
        match input {
            Input::Surveyed(pool) => self.surveyed(&pool, now),
            Input::Created(flight, answer) => self.created(flight, answer, now),
            Input::Found(flight, answer) => self.found(flight, answer, now),
            Input::Cancelled(flight, answer) => self.cancelled(flight, answer, now),
            Input::Migration(object) => self.migration(*object, now),
            Input::Gone(uid) => self.gone(&uid),
            Input::Vmi(vm, vmi) => self.vmi(vm, vmi.as_deref(), now),
            Input::Looked(flight, answer) => self.looked(flight, answer, now),
            Input::Explained(flight, why) => self.explained(flight, why),
            Input::Blind(problem) => {
                self.problem.get_or_insert(problem);
                self.wind(Why::Error, now);
            }
            Input::Outside(Outside::Signal) => self.signal(now),
            Input::Outside(Outside::Enough) => self.enough(),
            Input::Outside(Outside::Tick) => self.tick(now),
        }
        self.advance(now);
        std::mem::take(&mut self.actions)
    }

    fn wake_at(&self) -> Option<Instant> {
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

    fn is_done(&self) -> bool {
        self.stage == Stage::Over
    }
}

// === impl Engine ===

impl Engine {
    /// A run at its beginning, and the first actions.
    pub(crate) fn new(plan: &MigrationPlan, now: Moment) -> (Self, Vec<Action>) {
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
            began: now.at,
            vms: vms.collect(),
            flights: Vec::new(),
            airborne: Vec::new(),
            early: BTreeMap::new(),
            stage: Stage::Surveying(1),
            signals: 0,
            halted_by: None,
            problem: None,
            actions: Vec::new(),
        };
        (engine, vec![Action::Survey])
    }

    pub(crate) fn flights(&self) -> &[Flight] {
        &self.flights
    }

    pub(crate) fn into_flights(self) -> Vec<Flight> {
        self.flights
    }

    pub(crate) fn vms(&self) -> &[PoolVm] {
        &self.vms
    }

    /// Signals received so far.
    pub(crate) fn signals(&self) -> u32 {
        self.signals
    }

    /// Who told the run to end from outside.
    pub(crate) fn halted_by(&self) -> Option<&str> {
        self.halted_by.as_deref()
    }

    /// Why the run as a whole could not go on.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn timeout_text(&self) -> String {
        format!("{} s", self.timeout.as_secs_f64())
    }

    fn surveyed(&mut self, pool: &[Result<Eligible, Ineligible>], now: Instant) {
        let Stage::Surveying(number) = self.stage else {
            return;
        };
        for (vm, found) in self.vms.iter_mut().zip(pool) {
            if let Ok(found) = found {
                vm.node.clone_from(&found.node);
            }
        }
        let round = self
            .schedule
            .round(number, |vm| pool.get(vm).is_some_and(Result::is_ok));
        for (vm, found) in pool.iter().enumerate().take(self.vms.len()) {
            let Err(why) = found else {
                self.vms[vm].unfit = None;
                continue;
            };
            let stays = matches!(why, Ineligible::IsThere(_));
            let (turn, reason) = (round.left_out.contains(&vm), why.reason());
            if turn && !stays {
                self.vms[vm].failed_to_move = Some(format!("round {number}: it {reason}"));
            }
            // It is out of the draw, whoever's turn it is.
            if (turn || !stays) && self.vms[vm].unfit.as_deref() != Some(reason) {
                self.vms[vm].unfit = Some(reason.to_owned());
                self.actions.push(Action::LeftOut(vm));
            }
        }
        if round.members.is_empty() {
            return self.next_round(number, now, IDLE);
        }
        self.stage = Stage::Flying(number);
        for vm in round.members {
            let flight = Flight::new(vm, number, self.vms[vm].node.clone(), now, &self.clock);
            self.flights.push(flight);
            self.airborne.push(self.flights.len() - 1);
            self.actions.push(Action::Create(self.flights.len() - 1));
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

    /// No round is begun any more; what is in flight goes on to its end.
    fn enough(&mut self) {
        if self.stage != Stage::Over {
            self.stage = Stage::Winding;
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
            .push(Action::Note(format!("round {next}{of} begins in {gap:.0?}")));
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
