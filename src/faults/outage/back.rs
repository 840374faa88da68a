//! Brings back what an outage took: what was changed is put back, what is gone is made again.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::vm::Done;
use crate::cluster::lifecycle::{Action, act, delete_vmi};
use crate::cluster::manifest;
use crate::cluster::undo::{Back, Holder, HolderKind, carry_back};
use crate::cluster::{Cluster, ClusterError, ErrorKind};
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::RunField;
use crate::faults::outage::plan::{OutagePlan, PlannedOutage};
use crate::faults::outage::recovery::{Help, Sight, help};
use crate::faults::outage::spec::{Mode, OutageTarget, Owner};
use crate::problem::{Problem, Reason};

/// How often a helping request is tried when it does not get through, with so much time between.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// Where it is not even answered, it is tried no more after this long.
const TRIED_FOR: Duration = Duration::from_secs(30);

/// The object that says how to go back.
pub(crate) fn holder(target: &OutageTarget) -> Holder {
    Holder {
        kind: match target.owner {
            Owner::Vm(_) => HolderKind::Vm,
            _ => HolderKind::Vmi,
        },
        namespace: target.namespace.clone(),
        name: target.name.clone(),
    }
}

/// Puts back what was changed.
pub(super) async fn go_back(cluster: &Cluster, plan: &OutagePlan, target: &OutageTarget) -> Done {
    let own = plan.undo(target, String::new());
    match carry_back(cluster, &holder(target), &plan.run, own.as_ref()).await {
        Ok(Back::Done) => Done::Undone,
        Ok(Back::Theirs { now }) => {
            let before = target.run_field().cloned().unwrap_or(RunField::Neither);
            Done::NotUndone(theirs(cluster, target, &now, &before))
        }
        Err(error) => Done::NotUndone(
            error
                .problem(Reason::NotUndone)
                .hint(cluster.again(plan.halt_command()).to("to undo it: ")),
        ),
    }
}

fn theirs(cluster: &Cluster, target: &OutageTarget, now: &RunField, before: &RunField) -> Problem {
    let command = put_back_command(&target.namespace, &target.name, now, before);
    Problem::new(Reason::ChangedByOthers, strategy_of_others(now, before, "this run"))
        .hint(cluster.again(command).to("to put it back: "))
}

/// What is said where somebody has changed what a run had changed.
pub(crate) fn strategy_of_others(now: &RunField, before: &RunField, run: &str) -> String {
    format!(
        "somebody else set its run strategy to {} meanwhile, and it was left so; before {run} it was {}",
        escape(now.in_force()),
        escape(before.in_force())
    )
}

/// The command that makes one run field of another.
pub(crate) fn put_back_command(namespace: &str, name: &str, now: &RunField, before: &RunField) -> CommandLine {
    let field = |field: &RunField| match field {
        RunField::RunStrategy(strategy) => Some(("runStrategy", json!(strategy))),
        RunField::Running(running) => Some(("running", json!(running))),
        RunField::Neither => None,
    };
    let (now, before) = (field(now), field(before));
    let mut spec = Map::new();
    spec.extend(now.map(|(name, _)| (name.to_owned(), Value::Null)));
    spec.extend(before.map(|(name, value)| (name.to_owned(), value)));
    CommandLine::new("kubectl patch vm")
        .arg(name)
        .flag("-n", namespace)
        .own("--type merge")
        .flag("-p", json!({"spec": spec}).to_string())
}

/// Does what the platform did not.
pub(super) async fn bring_back(cluster: &Cluster, vm: &PlannedOutage, help: Help) -> Done {
    let (mut tries, since) = (1, Instant::now());
    loop {
        let Err(error) = once(cluster, &vm.target, &vm.manifest, help).await else {
            return Done::Helped(help);
        };
        match answered(&error, tries, since.elapsed()) {
            Answered::Theirs => return Done::NotNeeded,
            Answered::Ours => return Done::Helped(help),
            Answered::Refused => return Done::NotHelped(not_helped(cluster, vm, help, &error)),
            Answered::Unknown => {}
        }
        tries += 1;
        sleep(PAUSE).await;
    }
}

/// What an error says of a helping request.
#[derive(Debug, PartialEq, Eq)]
enum Answered {
    /// Gone already, running already, made already: somebody was faster.
    Theirs,
    /// This command was, and the answer to an earlier try was lost.
    Ours,
    /// It is tried once more.
    Unknown,
    Refused,
}

/// `since` is the time from the first of so many `tries`.
fn answered(error: &ClusterError, tries: u32, since: Duration) -> Answered {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::AlreadyExists if tries > 1 => Answered::Ours,
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::AlreadyExists => Answered::Theirs,
        _ if is_uncertain(error) && tries < TRIES && since < TRIED_FOR => Answered::Unknown,
        _ => Answered::Refused,
    }
}

async fn once(cluster: &Cluster, target: &OutageTarget, manifest: &Value, help: Help) -> Result<(), ClusterError> {
    let (namespace, name) = (&target.namespace, &target.name);
    match help {
        Help::Remove => delete_vmi(cluster, namespace, name, &target.uid, false).await,
        Help::Start => act(cluster, Action::Start, namespace, name, None, false).await,
        Help::Create => manifest::create(cluster, namespace, manifest, false).await,
    }
}

fn not_helped(cluster: &Cluster, vm: &PlannedOutage, help: Help, error: &ClusterError) -> Problem {
    let (namespace, name) = (&vm.target.namespace, &vm.target.name);
    let command = match help {
        Help::Start => CommandLine::new("virtctl start").arg(name).flag("-n", namespace),
        Help::Remove => CommandLine::new("kubectl delete vmi").arg(name).flag("-n", namespace),
        Help::Create => create_command(&vm.file),
    };
    let problem = error.problem(Reason::NotRecovered);
    let problem = problem.context(format_args!("{} failed", help.words()));
    problem.hint(cluster.again(command).to("to bring it back: "))
}

/// What somebody types to bring a VMI back where this command does not; `None` where only the platform can.
pub(crate) fn by_hand(mode: Mode, vm: &PlannedOutage) -> Option<CommandLine> {
    let (namespace, name) = (&vm.target.namespace, &vm.target.name);
    let removed = || {
        CommandLine::new("kubectl delete vmi")
            .arg(name)
            .flag("-n", namespace)
            .own("--ignore-not-found")
    };
    // Its end leaves the VMI there, finished.
    let in_the_way = matches!(mode, Mode::Kill | Mode::Pod);
    match help(&vm.target.owner, Sight::Finished)? {
        Help::Start => Some(CommandLine::new("virtctl start").arg(name).flag("-n", namespace)),
        // KubeVirt starts such VMs by itself once nothing is in the way.
        _ if matches!(vm.target.owner, Owner::Vm(_)) => in_the_way.then(removed),
        _ if in_the_way => Some(removed().and(create_command(&vm.file))),
        _ => Some(create_command(&vm.file)),
    }
}

/// What somebody types to see how a VMI is.
pub(crate) fn look_command(target: &OutageTarget) -> CommandLine {
    let look = CommandLine::new("kubectl get vmi");
    match target.owner {
        // What replaces it has another name.
        Owner::ReplicaSet { .. } | Owner::Other { .. } => look,
        _ => look.arg(&target.name),
    }
    .flag("-n", &target.namespace)
}

/// The command that makes a VMI again from its kept manifest.
pub(crate) fn create_command(file: &Path) -> CommandLine {
    CommandLine::new("kubectl create -f").arg(file.to_string_lossy())
}

/// Whether the server may have done it all the same.
pub(super) fn is_uncertain(error: &ClusterError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Other | ErrorKind::Refused
    )
}

#[cfg(test)]
#[path = "back_tests.rs"]
mod tests;
