//! What has to hold after a kill, by the contract: nothing is left in any VM, no pod runs on, the exit code tells the truth, and
//! `status` and `halt` agree.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::case::{Case, Point};
use super::killer::{Killer, processes};
use crate::support::{Ended, Rehearsal, Running};

/// What the machine may add to any limit: one that runs a campaign has several clusters at once, one that runs all tests may
/// have much else to do.
fn margin() -> Duration {
    let campaign = super::setting("VMCHAOS_KILLS_SECONDS").is_some();
    Duration::from_secs(if campaign { 8 } else { 25 })
}

/// Until nothing is left in the kernel, where the node is told.
const TOLD: Duration = Duration::from_secs(2);
/// The same, where only silence tells.
const SILENT: Duration = Duration::from_secs(10);
/// Until a pod has ended that nobody ever attached to.
const UNATTENDED: Duration = Duration::from_secs(5);
/// Until a command has ended, whatever happens around it.
const COMMAND: Duration = Duration::from_secs(40);

/// Plays a case on a cluster of its own. How long something was left in the kernel, or what does not hold.
pub(crate) fn holds(case: &Case) -> Result<Duration, String> {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&case.args);
    come_to(&rehearsal, &mut run, case.moment.point);
    std::thread::sleep(case.moment.delay);
    let before = rehearsal.practice.requests().len();
    let struck = Instant::now();
    case.killer.strike(&rehearsal, &mut run);
    let watched = watch(&rehearsal, &mut run, case, struck)?;
    let ended = run.end();
    let said = format!("exit {:?}\n{}\n{}", ended.code, reported(&ended.out), ended.err);
    let judged = told_the_truth(case, &ended, &watched, before)
        .and_then(|()| looked_after(&rehearsal, case))
        .and_then(|()| in_time(case, &watched));
    judged.map_err(|problem| format!("{problem}\n{said}"))?;
    Ok(watched.dirty_for)
}

/// Waits until the command has come to a point, or has ended.
fn come_to(rehearsal: &Rehearsal, run: &mut Running, point: Point) {
    rehearsal.until("the command comes to its point, or ends", |rehearsal| {
        run.over()
            || match point.word() {
                Some(word) => run.said().contains(word),
                None => point == Point::Begun || !rehearsal.debug_pods().is_empty(),
            }
    });
}

struct Watched {
    /// From the kill until nothing was left in the kernel for good.
    dirty_for: Duration,
    /// From the kill until no debug pod ran any more.
    ran_for: Duration,
    /// What was in the kernel when the command had ended, and the pods that ran on and were not being deleted.
    left_at_exit: Vec<String>,
    running_at_exit: Vec<String>,
}

/// Watches until the command has ended, no pod runs, and nothing is left in any VM.
fn watch(rehearsal: &Rehearsal, run: &mut Running, case: &Case, struck: Instant) -> Result<Watched, String> {
    let (mut dirty_for, mut ran_for) = (Duration::ZERO, Duration::ZERO);
    let (mut left_at_exit, mut running_at_exit) = (Vec::new(), Vec::new());
    let mut over = false;
    loop {
        // In this order: what was left when the command had ended was left then.
        let ends = !over && run.over();
        let (left, live) = (in_kernel(rehearsal, case), live_pods(rehearsal));
        let now = struck.elapsed();
        if !left.is_empty() {
            dirty_for = now;
        }
        if !live.is_empty() {
            ran_for = now;
        }
        if ends {
            over = true;
            left_at_exit.clone_from(&left);
            let going = live.iter().filter(|(_, deleted)| !deleted);
            running_at_exit = going.map(|(name, _)| name.clone()).collect();
        }
        if over && left.is_empty() && live.is_empty() {
            break;
        }
        if now > COMMAND + margin() {
            let problem = if over {
                "something is left"
            } else {
                "the command does not end"
            };
            let all = processes(rehearsal);
            let said = run.said();
            return Err(format!(
                "{problem} after {now:.1?}: {left:?}, pods {live:?}, processes {all:?}\n{said}"
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Watched {
        dirty_for,
        ran_for,
        left_at_exit,
        running_at_exit,
    })
}

/// What of ours is in the kernel of a case's VMs. Asking costs processes: only for what the fault could have left.
fn in_kernel(rehearsal: &Rehearsal, case: &Case) -> Vec<String> {
    let vms = ["web-1", "web-2"].into_iter().filter(|vm| case.args.contains(vm));
    let ask = |vm| match case.args[0] {
        "netem" => rehearsal.ours("default", vm),
        _ => rehearsal.practice.filters("default", vm),
    };
    vms.flat_map(ask).collect()
}

/// Debug pods that may still do something, and whether each is being deleted.
fn live_pods(rehearsal: &Rehearsal) -> Vec<(String, bool)> {
    let mut pods = rehearsal.practice.list("Pod", "");
    pods.retain(|pod| {
        let ended = ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
        !ended && pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-vmchaos"
    });
    pods.iter()
        .map(|pod| {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            (name, !pod["metadata"]["deletionTimestamp"].is_null())
        })
        .collect()
}

/// The exit code is one that the contract has for what happened, and true when the command ended.
fn told_the_truth(case: &Case, ended: &Ended, watched: &Watched, asked_before: usize) -> Result<(), String> {
    if case.killer.kills_the_command() && ended.code.is_none() {
        return Ok(());
    }
    let Some(code) = ended.code else {
        // A signal that comes before the command has looked at anything ends it as any other command.
        let early = case.moment.point == Point::Begun && asked_before == 0;
        return if early {
            Ok(())
        } else {
            Err("a signal ended it".to_owned())
        };
    };
    let mut codes = codes(&case.killer).to_vec();
    if case.short {
        codes.push(0);
    }
    if !codes.contains(&code) {
        return Err(format!("exit {code} is not one of {codes:?}"));
    }
    let (left, running) = (&watched.left_at_exit, &watched.running_at_exit);
    // A server that is away cannot be told to delete a pod that has nothing in place: then its name is told.
    let told = |pod: &String| ended.err.contains("could not be deleted") && ended.err.contains(pod.as_str());
    if code != 3 && !(left.is_empty() && running.iter().all(told)) {
        return Err(format!(
            "exit {code} says that everything is back, when in the kernel were {left:?}, and running {running:?}"
        ));
    }
    if code == 3 && !ended.err.contains("to remove it: kubectl vmchaos ") {
        return Err("exit 3 without the command that removes it".to_owned());
    }
    let report: Value = serde_json::from_str(&ended.out).map_err(|error| format!("no report: {error}"))?;
    let leaked = report["outcome"] == "leaked";
    if report["exitCode"] != code || leaked != (code == 3) {
        let (code, outcome) = (&report["exitCode"], &report["outcome"]);
        return Err(format!("the report says exit {code}, {outcome}"));
    }
    Ok(())
}

/// The report in a few lines.
fn reported(out: &str) -> String {
    let report: Value = serde_json::from_str(out).unwrap_or_default();
    let targets = report["targets"].as_array().into_iter().flatten();
    let lines = targets.map(|target| {
        let [name, state, by, error] = ["name", "state", "endedBy", "error"].map(|field| &target[field]);
        format!("\n  {name}: {state} by {by}: {error}")
    });
    format!("report: {}{}", report["outcome"], lines.collect::<String>())
}

/// Exit codes for a run that would have gone on.
fn codes(killer: &Killer) -> &'static [i32] {
    match killer {
        Killer::Command(_) => &[130],
        // The second signal may come when all is verified.
        Killer::CommandTwice(..) => &[130, 3],
        // An ended run cannot be killed; a VM that is gone may be noticed before the first write.
        Killer::VmiDeleted | Killer::LauncherDeleted | Killer::LauncherForceDeleted => &[1, 4],
        // Whether a server that is away took the pod may never be known.
        Killer::ServerAway(_) => &[1, 3, 4],
        // The VM moves while a process of the old node's agent is told to end.
        Killer::MigrationAnd(..) => &[130, 1],
        _ => &[1],
    }
}

/// Nothing is left for anybody to find: no process, and after `halt` no pod and no run.
fn looked_after(rehearsal: &Rehearsal, case: &Case) -> Result<(), String> {
    let practice = &rehearsal.practice;
    if matches!(case.killer, Killer::AttachFrozen) {
        for node in ["node-1", "node-2", "node-3"] {
            practice.freeze_attach(node, false);
        }
    }
    let listed = rehearsal.run(&["status", "-o", "json"]);
    if listed.code != Some(0) {
        return Err(format!("`status`: exit {:?}\n{}", listed.code, listed.err));
    }
    let going = |item: &&Value| !matches!(item["state"].as_str(), Some("finished" | "unproven"));
    let items = listed.json()["items"].as_array().cloned().unwrap_or_default();
    if let Some(item) = items.iter().find(going) {
        return Err(format!("`status` still lists {item}"));
    }
    let halted = rehearsal.run(&["halt", "--all", "-y"]);
    if halted.code != Some(0) {
        let (code, out, err) = (halted.code, halted.out, halted.err);
        return Err(format!("`halt --all`: exit {code:?}\n{err}\n{out}"));
    }
    let (left, pods) = (in_kernel(rehearsal, case), rehearsal.debug_pods());
    if !left.is_empty() || !pods.is_empty() {
        return Err(format!("`halt --all` left {left:?}, pods {pods:?}"));
    }
    let again = rehearsal.run(&["status", "-o", "json"]).json();
    if again["items"].as_array().is_some_and(|items| !items.is_empty()) {
        return Err(format!("`status` after `halt --all`: {again}"));
    }
    let began = Instant::now();
    loop {
        let all = processes(rehearsal);
        if all.is_empty() {
            return Ok(());
        }
        if began.elapsed() > margin() {
            return Err(format!("processes of the run are left: {all:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Within what the contract promises.
fn in_time(case: &Case, watched: &Watched) -> Result<(), String> {
    // A fault that is asked to last for some seconds lasts so long where the kill does not end it.
    let own = if case.short {
        Duration::from_secs(3)
    } else {
        Duration::ZERO
    };
    let limit = if case.killer.is_silent() { SILENT } else { TOLD } + own;
    let &Watched { dirty_for, ran_for, .. } = watched;
    if dirty_for > limit + margin() {
        return Err(format!(
            "the fault was in place for {dirty_for:.1?}, {limit:?} is the limit"
        ));
    }
    let limit = limit.max(UNATTENDED) + Duration::from_secs(2);
    if ran_for > limit + margin() {
        return Err(format!("a debug pod ran for {ran_for:.1?}, {limit:?} is the limit"));
    }
    Ok(())
}
