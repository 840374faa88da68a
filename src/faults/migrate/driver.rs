//! Drives the engine: watches, requests, timers and signals in; migrations, cancellations and progress out.
//!
//! The task that calls [`run`] owns the driver, and in it the engine and the pool: no other writes them. Watches (`feed`) and requests
//! (`requests`) are tasks of their own; they know only what they were started with, and tell the rest by messages.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

use super::engine::{Action, Engine, Input, PoolVm};
use super::explain::Limits;
use super::feed::{feed_migrations, feed_vmis};
use super::flight::{Flight, last_kept};
use super::mark::mark;
use super::pool::{Pool, Seen};
use super::screen::Shown;
use crate::cluster::Cluster;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::Change;
use crate::fault::Unfit;
use crate::faults::migrate::eligibility::{Ineligible, Terrain, eligibility};
use crate::faults::migrate::plan::MigrationPlan;
use crate::faults::screen::Screen;
use crate::plan::consent::Confirmed;
use crate::problem::Problem;
use crate::run::machine::{self, Driver as _, Moment, drive, step};
use crate::run::signals::Signals;

/// So long is tried to leave word that no round follows.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// How a run went.
pub(crate) struct Ran {
    pub vms: Vec<PoolVm>,
    /// In the order of their making.
    pub flights: Vec<Flight>,
    pub signals: u32,
    /// Who told it to end from outside.
    pub halted_by: Option<String>,
    /// Why it could not go on.
    pub problem: Option<Problem>,
}

/// What the driver is told by its tasks.
pub(super) enum Message {
    Input(Input),
    /// For a survey: the nodes, and VMIs of the pool that their watch was behind with.
    Terrain(Terrain, Vec<Seen>),
    /// VMIs of a namespace.
    Vmis(String, Box<Change<VirtualMachineInstance>>),
}

pub(super) struct Driver<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) plan: &'a MigrationPlan,
    pub(super) engine: Engine,
    pool: Pool,
    /// Read for a survey that waits for the VMIs.
    terrain: Option<Terrain>,
    pub(super) limits: Limits,
    messages: UnboundedSender<Message>,
    shown: Shown<'a>,
}

/// Runs a confirmed plan to its end: until every migration is over, or it is known which are not.
pub(crate) async fn run(
    cluster: &Cluster,
    confirmed: &Confirmed<MigrationPlan>,
    signals: &Signals,
    screen: &Screen,
) -> Ran {
    let plan = confirmed.plan();
    let (sender, mut messages) = unbounded_channel();
    let pool = Pool::new(&plan.pool);
    let mut feeds = tokio::task::JoinSet::new();
    for namespace in pool.namespaces() {
        feeds.spawn(feed_migrations(
            cluster.clone(),
            namespace.clone(),
            plan.run.clone(),
            sender.clone(),
        ));
        let only = pool.only(namespace).map(str::to_owned);
        feeds.spawn(feed_vmis(cluster.clone(), namespace.clone(), only, sender.clone()));
    }
    let (engine, first) = Engine::new(plan, Moment::now());
    let mut driver = Driver {
        cluster,
        plan,
        engine,
        pool,
        terrain: None,
        limits: plan.limits,
        messages: sender,
        shown: Shown::new(screen, plan),
    };
    driver.act(first);
    let seen = drive(&mut driver, &mut messages, signals).await;
    drop(feeds);
    driver.close(signals, seen).await;
    let engine = driver.engine;
    Ran {
        vms: engine.vms().to_vec(),
        signals: engine.signals(),
        halted_by: engine.halted_by().map(str::to_owned),
        problem: engine.problem().cloned(),
        flights: engine.into_flights(),
    }
}

// === impl Driver ===

impl machine::Driver for Driver<'_> {
    type Machine = Engine;
    type Message = Message;

    fn machine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn take(&mut self, message: Message) -> Option<Input> {
        match message {
            Message::Input(input) => Some(input),
            Message::Terrain(terrain, read) => {
                let behind = self.behind();
                for (vm, vmi) in read {
                    if behind.contains(&vm) {
                        self.pool.set(vm, vmi);
                    }
                }
                self.terrain = Some(terrain);
                self.survey()
            }
            Message::Vmis(namespace, change) => {
                for (vm, vmi) in self.pool.changed(&namespace, *change) {
                    self.pool.set(vm, vmi.clone());
                    step(self, Input::Vmi(vm, vmi));
                }
                self.survey()
            }
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Survey => self.ask_for_survey(),
                Action::Create(flight) => self.create(flight),
                Action::Seek(flight) => self.seek(flight),
                Action::Cancel(flight) => self.cancel(flight),
                Action::Look(flight) => self.look(flight),
                Action::Explain(flight) => self.explain(flight),
                Action::Show(flight) => {
                    let flight = &self.engine.flights()[flight];
                    let vm = &self.engine.vms()[flight.vm];
                    self.shown.show(vm, flight);
                }
                Action::LeftOut(vm) => self.shown.left_out(&self.engine.vms()[vm]),
                Action::Note(text) => self.shown.note(&text),
            }
        }
    }
}

impl Driver<'_> {
    /// VMs that their watch is behind with.
    pub(super) fn behind(&self) -> Vec<usize> {
        let now = self.engine.clock().read(Instant::now());
        self.pool.behind(self.engine.flights(), now)
    }

    /// The answer to a survey, once nodes and VMIs are known.
    fn survey(&mut self) -> Option<Input> {
        if !self.pool.is_listed() {
            return None;
        }
        let terrain = self.terrain.take()?;
        let destination = &self.plan.spec.destination;
        let judged = self
            .pool
            .vmis()
            .iter()
            .zip(&self.plan.pool)
            .map(|(vmi, planned)| match vmi {
                Some(vmi) => eligibility(vmi, &terrain, destination),
                None => Err(Ineligible::Unfit(Unfit {
                    namespace: planned.namespace.clone(),
                    name: planned.name.clone(),
                    reason: "does not run any more".to_owned(),
                    hint: None,
                })),
            });
        Some(Input::Surveyed(judged.collect()))
    }

    /// The last object says that another round may follow; nobody would know that none will.
    async fn close(&self, signals: &Signals, seen: u32) {
        if self.engine.halted_by().is_some() {
            return;
        }
        let Some(last) = last_kept(self.engine.flights()).filter(|last| self.plan.is_followed(last.round)) else {
            return;
        };
        let namespace = &self.plan.pool[last.vm].namespace;
        let marking = mark(self.cluster, namespace, &last.name, &last.uid, &self.plan.user);
        // A courtesy: it may be forbidden, or the object gone.
        tokio::select! {
            biased;
            () = signals.more_than(seen.max(1)) => {}
            _ = timeout(CLOSE_LIMIT, marking) => {}
        }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = Message> + Send + 'static) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            // Nobody listens any more once the run is over.
            let _ = messages.send(work.await);
        });
    }
}
