//! Drives outages: a watch a VMI, requests, timers and signals in; requests, progress and Events out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use tokio::task::JoinHandle;

use super::VmiState;
use super::back::{bring_back, go_back};
use super::begin::{Request, ask, mark_first};
use super::engine::{Done, Effect, Outage, Outcome, Step};
use super::kill::kill;
use super::screen;
use crate::cluster::events::Happened;
use crate::cluster::watch::{self, Change};
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};
use crate::fault::Execution;
use crate::faults::outage::plan::OutagePlan;
use crate::faults::outage::spec::Owner;
use crate::faults::screen::Screen;
use crate::plan::consent::Confirmed;
use crate::problem::{Problem, Reason};
use crate::run::machine::at;
use crate::run::moment::Moment;
use crate::run::signals::Signals;

/// How a run went.
pub(crate) struct Ran {
    /// In the order of the plan.
    pub vms: Vec<Outage>,
    pub signals: u32,
}

struct Driver<'a> {
    cluster: &'a Cluster,
    plan: &'a OutagePlan,
    screen: &'a Screen,
    /// Which VMI that came back belongs to which outage: two of one replica set must not count the same one.
    claimed: Mutex<BTreeMap<String, usize>>,
    /// Debug pods that are being deleted.
    pods: Mutex<Vec<JoinHandle<()>>>,
}

/// Runs a confirmed plan to its end: until every VMI is back, or it is known which are not.
pub(crate) async fn run(
    cluster: &Cluster,
    confirmed: &Confirmed<OutagePlan>,
    signals: &Signals,
    screen: &Screen,
) -> Ran {
    let plan = confirmed.plan();
    let driver = Driver {
        cluster,
        plan,
        screen,
        claimed: Mutex::default(),
        pods: Mutex::default(),
    };
    let outages = plan
        .vms
        .iter()
        .map(|vm| Outage::new(vm.target.clone(), plan.spec.clone(), vm.prediction.clone()));
    let mut outages: Vec<Outage> = outages.collect();
    match plan.spec.execution {
        Execution::Parallel => {
            let all = outages.iter_mut().enumerate();
            join_all(all.map(|(index, vm)| driver.one(index, vm, signals))).await;
        }
        Execution::Serial => {
            let mut go_on = true;
            for (index, vm) in outages.iter_mut().enumerate() {
                if go_on && signals.count() == 0 {
                    driver.one(index, vm, signals).await;
                    go_on = vm.is_well();
                } else {
                    vm.skip();
                    screen::show(screen, vm);
                }
            }
        }
    }
    let pods = std::mem::take(&mut *driver.pods.lock().unwrap_or_else(PoisonError::into_inner));
    tokio::select! {
        _ = join_all(pods) => {}
        () = signals.more_than(1) => {}
    }
    Ran {
        vms: outages,
        signals: signals.count(),
    }
}

impl Driver<'_> {
    /// From the first look at a VMI to the end of its outage, or to a second signal.
    async fn one(&self, index: usize, vm: &mut Outage, signals: &Signals) {
        vm.begin();
        let name = match vm.target.owner {
            // What replaces it has another name.
            Owner::ReplicaSet { .. } => None,
            _ => Some(vm.target.name.as_str()),
        };
        let mut changes = Some(watch::vmis(self.cluster, &vm.target.namespace, name));
        let mut known: Vec<VmiState> = Vec::new();
        let mut work: Option<BoxFuture<'_, Done>> = None;
        let mut signalled = 0;
        let mut enough = signals.enough_count();
        while !vm.is_over() {
            let before = vm.clone();
            let effect = tokio::select! {
                biased;
                () = signals.more_than(signalled) => {
                    signalled = signals.count();
                    if signalled > 1 {
                        return;
                    }
                    vm.hurry(&self.visible(index, &known), Moment::now())
                }
                () = signals.enough_after(enough) => {
                    enough = signals.enough_count();
                    vm.enough(&self.visible(index, &known), Moment::now())
                }
                done = or_never(work.as_mut()) => {
                    work = None;
                    vm.done(done, &self.visible(index, &known), Moment::now())
                }
                change = next(&mut changes) => match change {
                    Ok(change) => {
                        take(&mut known, change);
                        vm.see(&self.visible(index, &known), Moment::now())
                    }
                    Err(error) => {
                        changes = None;
                        vm.blind(unwatched(&error), &self.visible(index, &known), Moment::now())
                    }
                },
                () = at(vm.wake_at()) => vm.tick(&self.visible(index, &known), Moment::now()),
            };
            self.claim(index, vm);
            self.tell(&before, vm);
            if let Some(effect) = effect {
                work = Some(self.perform(index, effect, signals.clone()).boxed());
            }
        }
    }

    async fn perform(&self, index: usize, effect: Effect, signals: Signals) -> Done {
        let (cluster, plan) = (self.cluster, self.plan);
        let planned = &plan.vms[index];
        match effect {
            Effect::Act => {}
            Effect::Undo => return go_back(cluster, plan, &planned.target).await,
            Effect::Help(help) => return bring_back(cluster, planned, help).await,
        }
        if let Err(done) = mark_first(cluster, plan, &planned.target).await {
            return done;
        }
        if let Some(request) = Request::of(plan, &planned.target) {
            return ask(cluster, plan, &planned.target, request).await;
        }
        let (done, pod) = kill(cluster, plan, index, signals).await;
        // The guest's recovery is not timed with the end of the pod.
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.extend(pod.map(|pod| tokio::spawn(pod.finish())));
        done
    }

    /// What is there, without what came back of other outages.
    fn visible(&self, index: usize, known: &[VmiState]) -> Vec<VmiState> {
        let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |vmi: &&VmiState| claimed.get(&vmi.uid).is_none_or(|by| *by == index);
        known.iter().filter(free).cloned().collect()
    }

    fn claim(&self, index: usize, vm: &Outage) {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.retain(|_, by| *by != index);
        if let Some(new) = &vm.new {
            claimed.insert(new.uid.clone(), index);
        }
    }

    fn tell(&self, before: &Outage, vm: &Outage) {
        if before.step != vm.step || before.hurried != vm.hurried || before.new != vm.new || before.times != vm.times {
            screen::show(self.screen, vm);
        }
        let mode = self.plan.spec.mode.name();
        if before.times.acted.is_none() && vm.times.acted.is_some() {
            let note = format!("run {}: outage by {mode}", self.plan.run);
            screen::tell(self.screen, vm, &vm.target.uid, Happened::Injected, note);
        }
        let uid = vm.new.as_ref().map_or(&vm.target.uid, |new| &new.uid);
        match &vm.step {
            Step::Over(Outcome::Recovered(_)) => {
                let by = if vm.by_us() { "by this run" } else { "by itself" };
                let note = format!("run {}: back {by} after outage by {mode}", self.plan.run);
                screen::tell(self.screen, vm, uid, Happened::Restored, note);
            }
            Step::Over(Outcome::Failed(problem) | Outcome::Leaked(problem)) if vm.times.acted.is_some() => {
                let note = format!("run {}: outage by {mode}: {}", self.plan.run, problem.message);
                screen::tell(self.screen, vm, uid, Happened::Failed, note);
            }
            _ => {}
        }
    }
}

async fn or_never(work: Option<&mut BoxFuture<'_, Done>>) -> Done {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn next(
    changes: &mut Option<watch::Changes<VirtualMachineInstance>>,
) -> Result<Change<VirtualMachineInstance>, ClusterError> {
    if let Some(stream) = changes
        && let Some(change) = stream.next().await
    {
        return change;
    }
    std::future::pending().await
}

/// Brings what is known up to date.
fn take(known: &mut Vec<VmiState>, change: Change<VirtualMachineInstance>) {
    match change {
        Change::Listed(all) => *known = all.iter().map(VmiState::of).collect(),
        Change::Applied(vmi) => {
            let seen = VmiState::of(&vmi);
            match known.iter_mut().find(|one| one.uid == seen.uid) {
                Some(one) => *one = seen,
                None => known.push(seen),
            }
        }
        Change::Deleted(vmi) => known.retain(|one| one.uid != vmi.uid()),
    }
}

fn unwatched(error: &ClusterError) -> Problem {
    let problem = Problem::new(
        Reason::Blind,
        format!("the VMI cannot be watched any more: {}", error.message),
    );
    match &error.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}
