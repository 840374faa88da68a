//! What is done to a run, its pods, its agent, its VM or the API server.

use std::path::Path;
use std::time::Duration;

use vmchaos_rehearsal::{Answer, Rule, host};

use super::case::{Dice, Point};
use crate::support::{Rehearsal, Running};

/// A signal that asks a command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Int,
    Term,
    Hup,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Hup => "HUP",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Killer {
    Command(Signal),
    CommandTwice(Signal, Signal, Duration),
    CommandKilled,
    /// It stands still for so long, then it is killed.
    CommandStoppedAndKilled(Duration),
    /// Deleted with its grace period, as an eviction does it, too.
    PodsDeleted,
    PodsForceDeleted,
    ContainersKilled,
    ContainersTerminated,
    /// Some of the agent's processes, drawn by this number, are killed; its command lives.
    AgentProcesses(u64),
    AttachDropped,
    AttachDroppedForTheCommand,
    AttachFrozen,
    /// The API server drops every connection for so long.
    ServerAway(Duration),
    /// The VM moves to another node; so long after that began, the command gets a signal, or (`None`) is killed.
    MigrationAnd(Option<Signal>, Duration),
    VmiDeleted,
    LauncherDeleted,
    LauncherForceDeleted,
}

const ANYWHERE: &[Point] = &[Point::Begun, Point::Pod, Point::Armed, Point::Injected, Point::Injected];
const WITH_A_POD: &[Point] = &[Point::Pod, Point::Armed, Point::Injected, Point::Injected];
const ATTACHED: &[Point] = &[Point::Armed, Point::Injected, Point::Injected];

impl Killer {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let millis = |dice: &mut Dice, most| Duration::from_millis(dice.below(most));
        match dice.below(18) {
            0 | 1 => Self::Command(dice.signal()),
            2 => Self::CommandTwice(dice.signal(), dice.signal(), millis(dice, 400)),
            3 | 4 => Self::CommandKilled,
            5 => Self::CommandStoppedAndKilled(millis(dice, 2_000)),
            6 => Self::PodsDeleted,
            7 => Self::PodsForceDeleted,
            8 => Self::ContainersKilled,
            9 => Self::ContainersTerminated,
            10 => Self::AgentProcesses(dice.below(1 << 16)),
            11 => Self::AttachDropped,
            12 => Self::AttachDroppedForTheCommand,
            13 => Self::AttachFrozen,
            14 => Self::ServerAway(Duration::from_millis(200 + dice.below(4_000))),
            15 => {
                let signal = [None, Some(dice.signal())][usize::from(dice.below(2) == 1)];
                Self::MigrationAnd(signal, millis(dice, 1_500))
            }
            16 => Self::VmiDeleted,
            _ => [Self::LauncherDeleted, Self::LauncherForceDeleted][usize::from(dice.below(2) == 1)].clone(),
        }
    }

    /// Its row in the table.
    pub(crate) fn name(&self) -> String {
        let debug = format!("{self:?}");
        match self {
            Self::Command(signal) => format!("Command {}", signal.name()),
            Self::MigrationAnd(Some(_), _) => "Migration, then a signal".to_owned(),
            Self::MigrationAnd(None, _) => "Migration, then KILL".to_owned(),
            _ => debug.split('(').next().unwrap_or_default().to_owned(),
        }
    }

    /// The points of a run at which it makes sense.
    pub(crate) fn points(&self) -> &'static [Point] {
        match self {
            Self::PodsDeleted
            | Self::PodsForceDeleted
            | Self::ContainersKilled
            | Self::ContainersTerminated
            | Self::VmiDeleted
            | Self::LauncherDeleted
            | Self::LauncherForceDeleted => WITH_A_POD,
            Self::AgentProcesses(_) | Self::MigrationAnd(..) => &[Point::Injected],
            Self::AttachDropped | Self::AttachDroppedForTheCommand | Self::AttachFrozen => ATTACHED,
            _ => ANYWHERE,
        }
    }

    /// A run may go on as if nothing had happened.
    pub(crate) fn may_miss(&self) -> bool {
        matches!(
            self,
            Self::ServerAway(_) | Self::ContainersKilled | Self::ContainersTerminated | Self::AgentProcesses(_)
        )
    }

    /// Nobody is left of the command who could say how it ended.
    pub(crate) fn kills_the_command(&self) -> bool {
        matches!(
            self,
            Self::CommandKilled | Self::CommandStoppedAndKilled(_) | Self::MigrationAnd(None, _)
        )
    }

    /// Nothing but missing heartbeats tells of it.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(
            self,
            Self::CommandStoppedAndKilled(_)
                | Self::AttachFrozen
                | Self::AttachDroppedForTheCommand
                | Self::ServerAway(_)
        )
    }

    /// Does it to a run; what lasts is over when this returns.
    pub(crate) fn strike(&self, rehearsal: &Rehearsal, run: &mut Running) {
        let practice = &rehearsal.practice;
        match self {
            Self::Command(signal) => send(run, signal.name()),
            Self::CommandTwice(first, second, between) => {
                send(run, first.name());
                std::thread::sleep(*between);
                send(run, second.name());
            }
            Self::CommandKilled => send(run, "KILL"),
            Self::CommandStoppedAndKilled(between) => {
                send(run, "STOP");
                std::thread::sleep(*between);
                send(run, "KILL");
            }
            Self::PodsDeleted => rehearsal.end_pods(),
            Self::PodsForceDeleted => {
                for (namespace, name) in rehearsal.pod_names() {
                    practice.remove("Pod", &namespace, &name);
                }
            }
            Self::ContainersKilled => containers(rehearsal, host::Signal::Kill),
            Self::ContainersTerminated => containers(rehearsal, host::Signal::Term),
            Self::AgentProcesses(which) => {
                let all = processes(rehearsal);
                let place = |place: usize| u32::try_from(place).unwrap() % 16;
                let some = all.iter().enumerate().filter(|(at, _)| which >> place(*at) & 1 == 1);
                for (_, pid) in some {
                    kill(*pid);
                }
            }
            Self::AttachDropped => on_every_node(|node| practice.drop_attach(node)),
            Self::AttachDroppedForTheCommand => on_every_node(|node| practice.drop_attach_for_clients(node)),
            Self::AttachFrozen => on_every_node(|node| practice.freeze_attach(node, true)),
            Self::ServerAway(time) => {
                practice.fail(Rule::new("*", "", Answer::Drop).unwrap().always());
                on_every_node(|node| practice.drop_attach(node));
                std::thread::sleep(*time);
                practice.clear_faults();
            }
            Self::MigrationAnd(signal, delay) => {
                let moved = practice.migrate("default", "web-1", Some("node-2"));
                let strike = async {
                    tokio::time::sleep(*delay).await;
                    send(run, signal.map_or("KILL", Signal::name));
                };
                // It may not move any more when its fault's end was at the same time: then it was only a signal.
                let _ = rehearsal.runtime.block_on(async { tokio::join!(moved, strike).0 });
            }
            Self::VmiDeleted => practice.delete_vmi("default", "web-1"),
            Self::LauncherDeleted | Self::LauncherForceDeleted => {
                let Some(pod) = practice.launcher("default", "web-1") else {
                    return;
                };
                let name = pod["metadata"]["name"].as_str().unwrap();
                if matches!(self, Self::LauncherDeleted) {
                    practice.evict("default", name);
                } else {
                    practice.remove("Pod", "default", name);
                }
            }
        }
    }
}

/// A command that has ended meanwhile gets none.
fn send(run: &mut Running, signal: &str) {
    if !run.over() {
        run.signal(signal);
    }
}

fn containers(rehearsal: &Rehearsal, signal: host::Signal) {
    for (namespace, name) in rehearsal.pod_names() {
        rehearsal.practice.kill_container(&namespace, &name, signal);
    }
}

fn on_every_node(mut what: impl FnMut(&str)) {
    for node in ["node-1", "node-2", "node-3"] {
        what(node);
    }
}

/// The runs that this cluster was asked to make pods for.
fn runs(rehearsal: &Rehearsal) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    for request in rehearsal.practice.requests() {
        if request.method == "POST" && request.path.ends_with("/pods") {
            let run = request.json()["metadata"]["labels"]["vmchaos.dev/run"].clone();
            runs.extend(run.as_str().map(str::to_owned));
        }
    }
    runs.sort();
    runs.dedup();
    runs
}

/// Processes of this cluster's runs: those with a run's name in their environment, oldest first.
pub(crate) fn processes(rehearsal: &Rehearsal) -> Vec<u32> {
    let marks: Vec<String> = runs(rehearsal).iter().map(|run| format!("VMCHAOS_RUN={run}")).collect();
    let is_ours = |pid: &u32| {
        let environment = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|entry| marks.iter().any(|mark| entry == mark.as_bytes()))
    };
    let all = std::fs::read_dir("/proc").unwrap();
    let mut pids: Vec<u32> = all
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(is_ours)
        .collect();
    pids.sort_unstable();
    pids
}

fn kill(pid: u32) {
    // One that has ended meanwhile is as good.
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}
