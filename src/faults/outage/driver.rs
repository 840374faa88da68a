//! Drives the engine: a watch a VMI, answers, timers and signals in; requests, progress and Events out.
//!
//! The task that calls [`run`] owns the driver and in it the engine: no other writes either. Watches and requests are tasks of their
//! own; they know only what they were started with, and tell the rest by messages. They end with the run; pods that are being deleted
//! are waited for.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::VmiState;
use super::back::{bring_back, go_back};
use super::begin::{Request, ask, mark_first};
use super::engine::{Action, Engine, Input, VmIndex};
use super::kill::kill;
use super::screen;
use super::vm::{Done, Effect, Outage, Outcome, Step};
use crate::cluster::events::Happened;
use crate::cluster::watch::{self, Change};
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};
use crate::faults::outage::plan::OutagePlan;
use crate::faults::outage::spec::Owner;
use crate::faults::screen::Screen;
use crate::plan::consent::Confirmed;
use crate::problem::{Problem, Reason};
use crate::run::machine::{self, Driver as _, drive};
use crate::run::one_shot_pod::Removal;
use crate::run::signals::Signals;

/// How a run went.
pub(crate) struct Ran {
    /// In the order of the plan.
    pub vms: Vec<Outage>,
    pub signals: u32,
}

/// What the driver is told by its tasks.
enum Message {
    Input(Input),
    /// A debug pod whose work is done.
    Over(Removal),
}

struct Driver<'a> {
    cluster: &'a Cluster,
    plan: Arc<OutagePlan>,
    screen: &'a Screen,
    signals: &'a Signals,
    engine: Engine,
    watches: BTreeMap<VmIndex, AbortHandle>,
    /// Watches and requests: they end with the run.
    tasks: JoinSet<()>,
    /// Debug pods that are being deleted.
    pods: Vec<JoinHandle<()>>,
    messages: UnboundedSender<Message>,
}

/// Runs a confirmed plan to its end: until every VMI is back, or it is known which are not.
pub(crate) async fn run(
    cluster: &Cluster,
    confirmed: &Confirmed<OutagePlan>,
    signals: &Signals,
    screen: &Screen,
) -> Ran {
    let plan = Arc::new(confirmed.plan().clone());
    let (sender, mut messages) = unbounded_channel();
    let outages = plan
        .vms
        .iter()
        .map(|vm| Outage::new(vm.target.clone(), plan.spec.clone(), vm.prediction.clone()));
    let (engine, first) = Engine::new(outages.collect(), plan.spec.execution);
    let mut driver = Driver {
        cluster,
        plan,
        screen,
        signals,
        engine,
        watches: BTreeMap::new(),
        tasks: JoinSet::new(),
        pods: Vec::new(),
        messages: sender,
    };
    driver.act(first);
    drive(&mut driver, &mut messages, signals).await;
    tokio::select! {
        _ = join_all(driver.pods) => {}
        () = signals.more_than(1) => {}
    }
    Ran {
        vms: driver.engine.into_vms(),
        signals: signals.count(),
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
            // The guest's recovery is not timed with the end of the pod.
            Message::Over(pod) => {
                self.pods.push(tokio::spawn(pod.finish()));
                None
            }
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Watch(index) => self.watch(index),
                Action::Leave(index) => {
                    if let Some(watch) = self.watches.remove(&index) {
                        watch.abort();
                    }
                }
                Action::Do(index, effect) => self.begin(index, effect),
                Action::Show(index) => screen::show(self.screen, &self.engine.vms()[index]),
                Action::Tell(index, happened) => self.tell(&self.engine.vms()[index], happened),
            }
        }
    }
}

impl Driver<'_> {
    fn watch(&mut self, index: VmIndex) {
        let target = &self.plan.vms[index].target;
        let name = match target.owner {
            // What replaces it has another name.
            Owner::ReplicaSet { .. } => None,
            _ => Some(target.name.as_str()),
        };
        let mut changes = watch::vmis(self.cluster, &target.namespace, name);
        let messages = self.messages.clone();
        let feed = async move {
            while let Some(change) = changes.next().await {
                let input = match change {
                    Ok(change) => Input::Change(index, seen(change)),
                    Err(error) => Input::Blind(index, unwatched(&error)),
                };
                // Nobody listens any more once the run is over.
                if messages.send(Message::Input(input)).is_err() {
                    return;
                }
            }
        };
        self.watches.insert(index, self.tasks.spawn(feed));
    }

    fn begin(&mut self, index: VmIndex, effect: Effect) {
        let (cluster, plan) = (self.cluster.clone(), self.plan.clone());
        let (signals, messages) = (self.signals.clone(), self.messages.clone());
        self.tasks.spawn(async move {
            let (done, pod) = perform(&cluster, &plan, index, effect, signals).await;
            let pod = pod.map(Message::Over);
            for message in pod.into_iter().chain([Message::Input(Input::Done(index, done))]) {
                let _ = messages.send(message);
            }
        });
    }

    fn tell(&self, vm: &Outage, happened: Happened) {
        let (run, mode) = (&self.plan.run, self.plan.spec.mode.name());
        let new = vm.new.as_ref().map_or(&vm.target.uid, |new| &new.uid);
        let (uid, note) = match &vm.step {
            _ if happened == Happened::Injected => (&vm.target.uid, format!("run {run}: outage by {mode}")),
            Step::Over(Outcome::Failed(problem) | Outcome::Leaked(problem)) => {
                (new, format!("run {run}: outage by {mode}: {}", problem.message))
            }
            _ => {
                let by = if vm.by_us() { "by this run" } else { "by itself" };
                (new, format!("run {run}: back {by} after outage by {mode}"))
            }
        };
        screen::tell(self.screen, vm, uid, happened, note);
    }
}

/// Does what is to be done for a VMI; the debug pod, where there was one, is still to be removed.
async fn perform(
    cluster: &Cluster,
    plan: &OutagePlan,
    index: VmIndex,
    effect: Effect,
    signals: Signals,
) -> (Done, Option<Removal>) {
    let planned = &plan.vms[index];
    match effect {
        Effect::Act => {}
        Effect::Undo => return (go_back(cluster, plan, &planned.target).await, None),
        Effect::Help(help) => return (bring_back(cluster, planned, help).await, None),
    }
    if let Err(done) = mark_first(cluster, plan, &planned.target).await {
        return (done, None);
    }
    match Request::of(plan, &planned.target) {
        Some(request) => (ask(cluster, plan, &planned.target, request).await, None),
        None => kill(cluster, plan, index, signals).await,
    }
}

/// A change of VMIs as far as it matters for their recovery.
fn seen(change: Change<VirtualMachineInstance>) -> Change<VmiState> {
    match change {
        Change::Listed(all) => Change::Listed(all.iter().map(VmiState::of).collect()),
        Change::Applied(vmi) => Change::Applied(VmiState::of(&vmi)),
        Change::Deleted(vmi) => Change::Deleted(VmiState::of(&vmi)),
    }
}

fn unwatched(error: &ClusterError) -> Problem {
    error
        .problem(Reason::Blind)
        .context("the VMI cannot be watched any more")
}
