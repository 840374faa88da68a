//! A run of migrations for the tests of its state machine: a clock that only moves when told, and the answers of a server.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::engine::{Action, Engine, Input};
use super::flight::{End, Flight};
use crate::fault::{Time, Unfit};
use crate::faults::migrate::eligibility::Ineligible;
use crate::faults::migrate::plan::MigrationPlan;
use crate::faults::migrate::schedule::Schedule;
use crate::faults::migrate::spec::{Destination, Eligible, Extent, MigrateSpec};
use crate::run::machine::{Machine, Moment, Outside};
fn moment(at: Instant) -> Moment {
    Moment {
        at,
        clock: jiff::Timestamp::now(),
    }
}

/// An engine, its clock, and what it wants done.
pub(super) struct Run {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) asked: Vec<Action>,
}

pub(super) fn eligible(name: &str) -> Eligible {
    Eligible {
        namespace: "shop".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        node: "a".into(),
        to: None,
    }
}

impl Run {
    pub(super) fn new(extent: Extent, parallel: u32, interval: Option<(u64, u64)>, vms: &[&str]) -> Self {
        let spec = MigrateSpec {
            extent,
            parallel,
            interval: interval.map(|(min, max)| (Time::from_millis(min), Time::from_millis(max))),
            timeout: Time::from_millis(300_000),
            destination: Destination::default(),
        };
        let plan = MigrationPlan {
            run: "k3f9ab".into(),
            schedule: Schedule::new(&spec, vms.len(), 1),
            spec,
            pool: vms.iter().map(|name| eligible(name)).collect(),
            matched: vms.len(),
            left_out: Vec::new(),
            node_labels: [].into(),
            limits: super::explain::Limits::of(None),
            is_version_known: true,
            user: "jane".into(),
            reason: None,
        };
        let now = Instant::now();
        let (engine, asked) = Engine::new(&plan, moment(now));
        let mut run = Self { engine, now, asked };
        run.expect(&[Action::Survey]);
        run
    }

    pub(super) fn handle(&mut self, input: Input) {
        let actions = self.engine.handle(input, moment(self.now));
        self.asked.extend(
            actions
                .into_iter()
                .filter(|action| !matches!(action, Action::Show(_) | Action::Note(_))),
        );
    }

    /// What it wants done, apart from what is shown.
    #[track_caller]
    pub(super) fn expect(&mut self, actions: &[Action]) {
        assert_eq!(std::mem::take(&mut self.asked), actions);
    }

    pub(super) fn survey(&mut self, pool: &[&str]) {
        let judged = pool.iter().map(|name| match name.strip_prefix('!') {
            None => Ok(eligible(name)),
            Some(name) => Err(Ineligible::Unfit(Unfit {
                namespace: "shop".into(),
                name: name.into(),
                reason: "is paused".into(),
                hint: None,
            })),
        });
        self.handle(Input::Surveyed(judged.collect()));
    }

    /// Lets time pass up to when the engine wants to be woken.
    pub(super) fn sleep(&mut self) -> Duration {
        let wake = self.engine.wake_at().unwrap();
        let slept = wake.saturating_duration_since(self.now);
        self.now = wake;
        self.handle(Outside::Tick.into());
        slept
    }

    pub(super) fn sleep_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.engine.wake_at().is_some_and(|wake| wake <= until) {
            self.sleep();
        }
        self.now = until;
    }

    pub(super) fn created(&mut self, flight: usize) {
        let object = self.object(flight, "");
        self.handle(Input::Created(flight, Ok(serde_json::from_value(object).unwrap())));
    }

    pub(super) fn object(&self, flight: usize, phase: &str) -> Value {
        let vm = self.engine.vms()[self.engine.flights()[flight].vm]
            .key
            .replace("shop/", "");
        let round = self.engine.flights()[flight].round.to_string();
        json!({
            "metadata": {"name": format!("m{flight}"), "namespace": "shop", "uid": format!("m{flight}"), "annotations": {"vmchaos.dev/round": round}},
            "spec": {"vmiName": vm},
            "status": {"phase": phase, "migrationState": {"migrationUid": format!("m{flight}"), "targetNode": "b"}},
        })
    }

    pub(super) fn phase(&mut self, flight: usize, phase: &str) {
        let object = self.object(flight, phase);
        self.handle(Input::Migration(serde_json::from_value(object).unwrap()));
    }

    pub(super) fn vmi(&self, flight: usize, state: &Value) -> Value {
        let vm = &self.engine.vms()[self.engine.flights()[flight].vm].key;
        json!({"metadata": {"name": vm.replace("shop/", "")}, "status": {"phase": "Running", "nodeName": "a", "migrationState": state}})
    }

    pub(super) fn looked(&mut self, flight: usize, state: &Value) {
        let vmi = self.vmi(flight, state);
        self.handle(Input::Looked(flight, Ok(Some(serde_json::from_value(vmi).unwrap()))));
    }

    pub(super) fn flight(&self, flight: usize) -> &Flight {
        &self.engine.flights()[flight]
    }

    pub(super) fn end(&self, flight: usize) -> Option<&End> {
        self.flight(flight).end.as_ref()
    }
}

pub(super) fn once(vms: &[&str]) -> Run {
    Run::new(Extent::Once, 1, None, vms)
}

/// A run with its first migration made and in this phase.
pub(super) fn flying(phase: &str) -> Run {
    let mut run = once(&["x"]);
    run.survey(&["x"]);
    run.created(0);
    run.phase(0, phase);
    run.expect(&[Action::Create(0)]);
    run
}
