//! Debug pods that only probe: whether ports of VMs take connections from their nodes, for as long as somebody listens. A pod for
//! each VM, because each follows its own when it moves.
//!
//! ```text
//! the VMI's watch ── runs on a node ──> its launcher ──> a debug pod there ── probe … ──> Reading
//!        └────────── runs on another: that pod ends, and the next begins
//! ```
//! Each VM has a task: it owns the VM's pod, and no other writes the VM's readings.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::one_shot_pod::{Next, OneShotPod, Removal};
use super::words;
use crate::cluster::watch::{Change, Changes, vmis};
use crate::cluster::{Cluster, NamedTarget, Selection, VirtualMachineInstance, survey};
use crate::fault::Target;
use crate::node::pod::DebugPod;
use crate::node::wire::{Event, Word};
use crate::plan::agent_lines::{CompileError, compile_probes};
use crate::plan::pod_options::{FAULT, PodOptions, TARGETS};
use crate::problem::{Problem, Reason};

/// Between two looks for a VM's launcher: it shows in several kinds of objects, so that it is looked for again and not watched.
const AGAIN: Duration = Duration::from_secs(1);
/// KubeVirt tells a VMI's new address some seconds after a migration.
const MOVED: Duration = Duration::from_secs(30);
/// Between a pod that failed and the next one for its VM: [`AGAIN`] at first, doubled each time, and no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// From the agent's first word to the game day's end, however long that takes: the pod has its own deadline.
const ANSWER_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is probed, and by which pods.
#[derive(Debug, Clone)]
pub(crate) struct ProbePlan {
    pub(crate) run: String,
    /// Of the debug pods.
    pub(crate) namespace: String,
    pub(crate) options: PodOptions,
    pub(crate) vms: Vec<ProbedVm>,
    /// When Kubernetes ends a pod, whatever happens.
    pub(crate) active_deadline: Duration,
}

/// A VM, and what it is probed by.
#[derive(Debug, Clone)]
pub(crate) struct ProbedVm {
    /// Where it was when it was planned.
    pub(crate) target: Target,
    /// Ports, each with the seconds that a connection may take.
    pub(crate) ports: Vec<(u16, u64)>,
}

/// The last that is known of a port.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// Nobody probes it yet: its pod is being made, or the VM has moved; why, where that is known.
    Waiting(Option<String>),
    /// Its pod could not be made, or has ended before it had a result; another one follows.
    Failed(String),
    /// How long it took to connect; none where that was not in time.
    Probed(Option<Duration>),
    /// There is nothing to be probed, as a sentence.
    Down(String),
}

/// What is known of a port as time goes on.
#[derive(Debug, Clone)]
pub(crate) struct Readings {
    pub(crate) last: Receiver<Reading>,
    /// How long nobody may probe it: while its pod starts, or after a move of the VM.
    pub(crate) first: Duration,
}

/// Pods that probe, each in a task of its own; all end with this.
pub(crate) struct ProbePods {
    /// Of each VM, in the order of the plan, of each of its ports.
    readings: Vec<Vec<Receiver<Reading>>>,
    /// How long a pod may take to start.
    start_limit: Duration,
    stop: Sender<bool>,
    tasks: JoinSet<()>,
}

/// What one VM's task works with.
struct Follower {
    cluster: Cluster,
    plan: Arc<ProbePlan>,
    vm: usize,
    tell: Vec<Sender<Reading>>,
    stop: Receiver<bool>,
}

/// A running guest: the VMI's UID, and its node.
type Place = (String, String);

// === impl ProbePods ===

impl ProbePods {
    pub(crate) fn start(cluster: &Cluster, plan: &ProbePlan) -> Self {
        let (plan, start_limit) = (Arc::new(plan.clone()), plan.options.start_limit);
        let (stop, stopped) = watch::channel(false);
        let (mut readings, mut tasks) = (Vec::new(), JoinSet::new());
        for (vm, probed) in plan.vms.iter().enumerate() {
            let channels = probed.ports.iter().map(|_| watch::channel(Reading::Waiting(None)));
            let (tell, heard) = channels.unzip();
            readings.push(heard);
            let follower = Follower {
                cluster: cluster.clone(),
                plan: Arc::clone(&plan),
                vm,
                tell,
                stop: stopped.clone(),
            };
            tasks.spawn(follower.follow());
        }
        Self {
            readings,
            start_limit,
            stop,
            tasks,
        }
    }

    /// What is known of a VM's port, by their numbers in the plan.
    pub(crate) fn readings(&self, vm: usize, port: usize) -> Option<Readings> {
        let last = self.readings.get(vm)?.get(port)?.clone();
        let first = self.start_limit + MOVED;
        Some(Readings { last, first })
    }

    /// Ends the pods, and waits until they are gone.
    pub(crate) async fn finish(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

// === impl Follower ===

impl Follower {
    async fn follow(self) {
        let target = &self.plan.vms[self.vm].target;
        let mut changes = vmis(&self.cluster, &target.namespace, Some(&target.name));
        let mut place = None;
        let mut removals = JoinSet::new();
        let (mut number, mut pause) = (0, AGAIN);
        while !*self.stop.borrow() {
            let Some(here) = place.clone() else {
                tokio::select! {
                    () = self.stopped() => {}
                    () = self.until_elsewhere(&mut changes, &mut place) => {}
                }
                continue;
            };
            self.tell_all(&Reading::Waiting(None));
            let found = tokio::select! {
                () = self.stopped() => break,
                () = self.until_elsewhere(&mut changes, &mut place) => continue,
                found = self.find(&here) => found,
            };
            let pod = match self.plan.pod(self.vm, &found, number) {
                Ok(pod) => pod,
                Err(error) => {
                    self.tell_all(&Reading::Waiting(Some(error.to_string())));
                    sleep(AGAIN).await;
                    continue;
                }
            };
            number += 1;
            let (why, removal) = self.probe(pod, &mut changes, &mut place).await;
            removals.spawn(removal.finish());
            if why.reason == Reason::Stopped {
                pause = AGAIN;
                continue;
            }
            // Of one that has probed the next one's results are waited for.
            let probed = self
                .tell
                .iter()
                .any(|tell| matches!(*tell.borrow(), Reading::Probed(_)));
            let again = if probed {
                Reading::Waiting(Some(why.message))
            } else {
                Reading::Failed(why.message)
            };
            self.tell_all(&again);
            tokio::select! {
                () = self.stopped() => {}
                () = self.until_elsewhere(&mut changes, &mut place) => {}
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
        while removals.join_next().await.is_some() {}
    }

    /// Until the guest is not where it was; `place` is then where it is.
    async fn until_elsewhere(&self, changes: &mut Changes<VirtualMachineInstance>, place: &mut Option<Place>) {
        let target = &self.plan.vms[self.vm].target;
        while let Some(change) = changes.next().await {
            let now = match &change {
                Ok(Change::Listed(all)) => all.first().and_then(runs),
                Ok(Change::Applied(vmi)) => runs(vmi),
                Ok(Change::Deleted(_)) => None,
                Err(error) => {
                    self.tell_all(&Reading::Waiting(Some(error.message.clone())));
                    continue;
                }
            };
            if now.is_none() {
                self.tell_all(&Reading::Down(format!("vmi {} does not run", target.key())));
            }
            if now != *place {
                *place = now;
                return;
            }
        }
        // Nobody tells where it is any more: what is probed is probed on.
        std::future::pending::<()>().await;
    }

    async fn stopped(&self) {
        // Whoever could stop it is gone: that is the same.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// The guest's launcher on its node, as soon as the cluster shows it.
    async fn find(&self, (uid, node): &Place) -> Target {
        let target = &self.plan.vms[self.vm].target;
        let named = NamedTarget {
            namespace: Some(target.namespace.clone()),
            name: target.name.clone(),
        };
        let selection = Selection {
            names: vec![named],
            ..Selection::default()
        };
        loop {
            let why = match survey(&self.cluster, &selection, &[], None).await {
                Ok(found) => match found.rows.into_iter().next().map(|row| row.placed) {
                    Some(Ok(found)) if found.uid == *uid && found.node == *node => return found,
                    Some(Err(why)) => format!("vmi {} {why}", target.key()),
                    _ => format!("vmi {} is not on node {node} yet", target.key()),
                },
                Err(error) => error.message,
            };
            self.tell_all(&Reading::Waiting(Some(why)));
            sleep(AGAIN).await;
        }
    }

    /// Probes until it is stopped, or the guest is elsewhere ([`Reason::Stopped`]), or it cannot be probed any more.
    async fn probe(
        &self,
        pod: DebugPod,
        changes: &mut Changes<VirtualMachineInstance>,
        place: &mut Option<Place>,
    ) -> (Problem, Removal) {
        let one_shot = OneShotPod {
            cluster: &self.cluster,
            pod,
            start_limit: self.plan.options.start_limit,
            answer_limit: ANSWER_LIMIT,
        };
        let cancel = async {
            tokio::select! {
                () = self.stopped() => {}
                () = self.until_elsewhere(changes, place) => {}
            }
        };
        let key = self.plan.vms[self.vm].target.key();
        let answer = |event| match event {
            Event::Found { .. } => Next::Say(Word::Probe),
            Event::Probe { n, ms, .. } => {
                if let Some(tell) = self.tell.get(n) {
                    let took = ms.map(|ms| Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default());
                    tell.send_replace(Reading::Probed(took));
                }
                Next::Listen
            }
            Event::Refused {
                reason, device, detail, ..
            } => Next::Done(words::refused(&key, &reason, device.as_deref(), &detail)),
            _ => Next::Listen,
        };
        let (ended, removal) = one_shot.run(cancel, answer).await;
        let (Ok(why) | Err(why)) = ended;
        (why, removal)
    }

    fn tell_all(&self, reading: &Reading) {
        for tell in &self.tell {
            tell.send_replace(reading.clone());
        }
    }
}

/// Where a guest runs.
fn runs(vmi: &VirtualMachineInstance) -> Option<Place> {
    let is_running = vmi.status.phase == "Running" && !vmi.status.node_name.is_empty();
    is_running.then(|| (vmi.uid().to_owned(), vmi.status.node_name.clone()))
}

// === impl ProbePlan ===

impl ProbePlan {
    /// The `number`th pod for a VM, on the node where it is now.
    pub(crate) fn pod(&self, vm: usize, target: &Target, number: usize) -> Result<DebugPod, CompileError> {
        let ports = &self.vms[vm].ports;
        let lines = compile_probes(target, 0, ports)?;
        let mut annotations = self.options.annotations.clone();
        let what: Vec<String> = ports.iter().map(|(port, _)| format!("tcp:{port}")).collect();
        annotations.insert(FAULT.to_owned(), format!("probes {}", what.join(", ")));
        annotations.insert(TARGETS.to_owned(), target.key());
        Ok(DebugPod {
            run: self.run.clone(),
            suffix: format!("probe-{vm}-{number}"),
            fault: "run".to_owned(),
            node: target.node.clone(),
            namespace: self.namespace.clone(),
            image: self.options.images.on(&target.node).clone(),
            service_account: self.options.service_account.clone(),
            tolerations: self.options.tolerations(),
            annotations,
            plan: lines.join("\n") + "\n",
            active_deadline: self.active_deadline,
        })
    }
}
