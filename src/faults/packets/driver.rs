//! Drives the engine: sessions, watches, timers and signals in; words, pods, Events and progress out.
//!
//! ```text
//! sessions ─┐                      ┌─> words to the agents
//! watches  ─┼─> Message ─> Engine ─┼─> debug pods for VMs that moved, or that nobody could vouch for
//! signals  ─┘      (Input → Action)└─> progress, Events on the VMIs
//! ```
//!
//! The task that calls [`run`] owns the driver and in it the engine: no other writes either. Feeds (`feed`) and sessions are tasks of
//! their own; they know only what they were started with, and tell the rest by messages.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use super::engine::{Action, Engine, Input, Settings};
use super::pods::{PodLeft, Pods};
use super::screen;
use super::vm::{Placement, PodIndex, Vm, VmIndex};
use super::{feed, relocate};
use crate::cluster::events::Happened;
use crate::cluster::{Cluster, ClusterError};
use crate::command_line::CommandLine;
use crate::fault::{Execution, OnMigration, Target};
use crate::faults::packets::plan::Plan;
use crate::faults::packets::probes::Probing;
use crate::faults::screen::Screen;
use crate::node::pod::DebugPod;
use crate::node::pod_state::PodState;
use crate::node::wire::Word;
use crate::plan::consent::Confirmed;
use crate::problem::{Problem, Reason};
use crate::run::machine::{self, drive};
use crate::run::signals::Signals;
use crate::run::sweep;

/// What the driver is told by its tasks.
pub(super) enum Message {
    Input(Input),
    Pod(String, PodState),
    /// The debug pods cannot be watched.
    Blind(ClusterError),
    /// The launcher pod with this UID is being deleted, or has ended.
    LauncherEnds(String),
    /// The launcher of a VM that moved, and what is to be run there; or why not.
    Relocated(VmIndex, String, Box<Result<(Target, DebugPod), Problem>>),
}

/// How a run went; VMs in the order of the plan.
pub(crate) struct Ran {
    pub vms: Vec<Vm>,
    pub signals: u32,
    /// Debug pods that are there still and hold nothing any more.
    pub pods_left: Vec<PodLeft>,
}

struct Driver<'a> {
    cluster: &'a Cluster,
    plan: &'a Plan,
    namespace: &'a str,
    engine: Engine,
    pods: Pods<'a>,
    /// A VM as a debug pod knows it: by the launcher it was planned for, or one it moved to.
    targets: BTreeMap<(VmIndex, PodIndex), Target>,
    messages: mpsc::UnboundedSender<Message>,
    screen: &'a Screen,
}

/// Runs a confirmed plan to its end: until every VM is restored and verified, or it is known what is not.
pub(crate) async fn run(cluster: &Cluster, confirmed: &Confirmed<Plan>, signals: &Signals, screen: &Screen) -> Ran {
    let plan = confirmed.plan();
    let namespace = plan.namespace.as_str();
    let (sender, mut messages) = mpsc::unbounded_channel();
    let feeds = [
        feed::feed_pods(cluster.clone(), namespace.to_owned(), plan.run.clone(), sender.clone()),
        feed::feed_vmis(cluster.clone(), plan, sender.clone()),
        feed::feed_launchers(cluster.clone(), plan, sender.clone()),
    ];
    let mut driver = Driver {
        cluster,
        plan,
        namespace,
        engine: engine(plan),
        pods: Pods::new(
            cluster,
            namespace,
            plan.pod.start_limit,
            plan.nodes.len(),
            sender.clone(),
        ),
        targets: (plan.vms.iter().enumerate())
            .map(|(index, vm)| ((index, vm.node), vm.target.clone()))
            .collect(),
        messages: sender,
        screen,
    };
    for node in 0..plan.nodes.len() {
        driver.pods.open(&plan.debug_pod(node, namespace));
    }
    let seen = drive(&mut driver, &mut messages, signals).await;
    let pods_left = if driver.plan.spec.detach && driver.engine.signals() == 0 && driver.all_detached() {
        Vec::new()
    } else {
        let unproven = driver.engine.unproven_pods();
        driver.pods.clean_up(&unproven, &mut messages, signals, seen).await
    };
    drop(feeds);
    let signals = driver.engine.signals();
    Ran {
        vms: driver.engine.into_vms(),
        signals,
        pods_left,
    }
}

fn engine(plan: &Plan) -> Engine {
    let settings = Settings {
        serial: plan.spec.execution == Execution::Serial,
        detach: plan.spec.detach,
        follow: plan.spec.on_migration == OnMigration::Follow,
        hold: plan.hold(),
    };
    let vms = plan.vms.iter().map(|vm| {
        let expected = vm.compiled.expected.clone();
        let check =
            move |read: &BTreeMap<String, serde_json::Value>| expected.verify(read).map_err(|error| error.to_string());
        let placement = Placement::new(vm.node, vm.index, &vm.target.node);
        let probing = Probing::new(plan.spec.probes.len(), vm.target.launcher.address);
        Vm::new(&vm.target.key(), placement, Box::new(check)).probed(probing)
    });
    Engine::new(settings, vms.collect(), plan.nodes.len())
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
            Message::Pod(name, state) => {
                self.pods.seen(&name, state);
                None
            }
            Message::Blind(error) => {
                let problem = error.problem(Reason::Watch).context("the debug pods cannot be watched");
                Some(Input::Blind(match &problem.hint {
                    Some(_) => problem,
                    None => problem.hint(CommandLine::new("kubectl vmchaos check").to("see what is missing: ")),
                }))
            }
            Message::LauncherEnds(uid) => {
                let mut targets = self.targets.iter();
                let ((vm, pod), _) = targets.find(|(_, target)| target.launcher.uid == uid)?;
                Some(Input::LauncherEnds(*vm, *pod))
            }
            Message::Relocated(vm, node, result) => {
                let result = (*result).map(|(target, pod)| {
                    let index = self.pods.open(&pod);
                    self.engine.set_address(vm, target.launcher.address);
                    self.targets.insert((vm, index), target);
                    index
                });
                Some(Input::Placed(vm, node, result))
            }
            Message::Input(input) => {
                if let Input::Session(pod, event) = &input {
                    self.pods.session_event(*pod, event);
                }
                Some(input)
            }
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        let mut unproven: BTreeMap<String, Vec<(VmIndex, usize)>> = BTreeMap::new();
        for action in actions {
            if let Action::Verify { vm, placement } = action {
                let node = self.engine.vms()[vm].placements[placement].node.clone();
                unproven.entry(node).or_default().push((vm, placement));
            } else {
                self.one(action);
            }
        }
        for (node, placements) in unproven {
            self.verify(node, placements);
        }
    }
}

impl Driver<'_> {
    fn one(&mut self, action: Action) {
        match action {
            Action::Say(pod, word) => self.pods.say(pod, word),
            // The session is not dropped: a pod that is just being created must become known, to be deleted.
            Action::Close(pod) => self.pods.say(pod, Word::Rollback(None)),
            Action::Show(vm) => screen::show(self.screen, &self.engine.vms()[vm], self.plan.hold()),
            Action::Tell(vm, told) => self.tell(vm, told),
            Action::Recheck(vm) => {
                let (cluster, target, messages) = (
                    self.cluster.clone(),
                    self.plan.vms[vm].target.clone(),
                    self.messages.clone(),
                );
                tokio::spawn(async move {
                    let seen = feed::look(&cluster, &target).await;
                    let _ = messages.send(Message::Input(Input::Vmi(vm, seen)));
                });
            }
            Action::Place { vm, node, remaining } => self.place(vm, node, remaining),
            // Together, one pod a node.
            Action::Verify { .. } => {}
        }
    }

    fn tell(&self, vm: VmIndex, told: Happened) {
        let state = &self.engine.vms()[vm];
        let fault = &self.plan.spec.fault;
        let note = match told {
            Happened::Injected => format!("{}: {fault}, for {}", fault.kind(), self.plan.spec.duration),
            Happened::Restored => format!("{} removed and verified gone", fault.kind()),
            Happened::Failed => {
                let why = state
                    .leaked()
                    .or(state.problem.as_ref().map(|problem| problem.message.as_str()));
                format!("{}: {}", fault.kind(), why.unwrap_or("see the run's report"))
            }
        };
        screen::tell(self.screen, &self.plan.vms[vm].target, told, note);
    }

    fn place(&self, vm: VmIndex, node: String, remaining: Duration) {
        let (cluster, messages) = (self.cluster.clone(), self.messages.clone());
        let moved = relocate::Moved {
            target: self.plan.vms[vm].target.clone(),
            index: self.pods.count(),
            node: node.clone(),
            namespace: self.namespace.to_owned(),
            remaining,
        };
        let plan = self.plan.clone();
        tokio::spawn(async move {
            let result = relocate::relocate(&cluster, &plan, moved).await;
            let _ = messages.send(Message::Relocated(vm, node, Box::new(result)));
        });
    }

    /// Has another agent look into all VMs of a node of which nobody could say what is left.
    fn verify(&self, node: String, placements: Vec<(VmIndex, usize)>) {
        let target = |&(vm, placement): &(VmIndex, usize)| {
            let pod = self.engine.vms()[vm].placements[placement].pod;
            let planned = &self.plan.vms[vm].target;
            self.targets.get(&(vm, pod)).unwrap_or(planned).clone()
        };
        let job = verifying(self.plan, self.namespace, node, placements.iter().map(target).collect());
        let (cluster, messages) = (self.cluster.clone(), self.messages.clone());
        tokio::spawn(async move {
            let swept = sweep::run(&cluster, &job).await;
            for ((vm, placement), result) in placements.into_iter().zip(swept) {
                let _ = messages.send(Message::Input(Input::Verified(vm, placement, result)));
            }
        });
    }

    fn all_detached(&self) -> bool {
        use super::vm::{End, Step};
        self.engine
            .vms()
            .iter()
            .all(|vm| vm.current().step == Step::Final(End::Detached))
    }
}

/// What looks after a run's VMs on a node, and removes that run's objects alone: others' may be there by right.
fn verifying(plan: &Plan, namespace: &str, node: String, targets: Vec<Target>) -> sweep::Job {
    sweep::Job {
        run: plan.run.clone(),
        fault: plan.spec.fault.kind().to_owned(),
        node,
        namespace: namespace.to_owned(),
        pod: plan.pod.clone(),
        targets,
        only: Some(plan.handle),
    }
}
