//! A run of outages as the document tells it.

use super::back::by_hand;
use super::driver::Ran;
use super::kill;
use super::vm::{Outage, Outcome, Step};
use crate::command_line::CommandLine;
use crate::faults::outage::plan::{OutagePlan, PlannedOutage};
use crate::faults::outage::recovery::Comeback;
use crate::faults::outage::spec::Owner;
use crate::node::pod::service_account;
use crate::problem::{Problem, Reason};
use crate::report::{
    EndedBy, Ending, Event, PlanEntry, RecoveredBy, RecoveryReport, RecoveryStep, RunReport, Seconds, TargetReport,
    TargetState, Time,
};
use crate::run::machine::Moment;

/// Puts what is planned into the document; `again` makes of a command one that reaches the same cluster.
pub(crate) fn plan(report: &mut RunReport, plan: &OutagePlan, again: impl Fn(CommandLine) -> CommandLine) {
    report.seed = plan.seed;
    if let Some(pods) = &plan.pods {
        report.plan = (plan.vms.iter().enumerate())
            .map(|(index, vm)| PlanEntry {
                node: vm.target.node.clone(),
                namespace: pods.namespace.clone(),
                pod: kill::pod_name(plan, index),
                service_account: service_account(pods.options.service_account.as_deref()).to_owned(),
                image: pods.options.images.on(&vm.target.node).image().to_owned(),
                image_source: pods.options.images.on(&vm.target.node).source().name(),
                commands: vec![kill::NODE_COMMAND.to_owned()],
            })
            .collect();
    }
    report.targets = plan
        .vms
        .iter()
        .map(|vm| {
            let target = &vm.target;
            let mut report = TargetReport::new(&target.namespace, &target.name);
            report.uid = Some(target.uid.clone());
            report.node = Some(target.node.clone());
            report.pod = target.launcher.as_ref().map(|launcher| launcher.name.clone());
            report.recovery = Some(recovery(plan, vm, &again));
            report
        })
        .collect();
}

fn recovery(plan: &OutagePlan, vm: &PlannedOutage, again: &impl Fn(CommandLine) -> CommandLine) -> RecoveryReport {
    let target = &vm.target;
    let undo = match vm.prediction.by {
        _ if plan.spec.is_held() => Some(plan.halt_command()),
        Comeback::Us => by_hand(plan.spec.mode, vm),
        Comeback::Platform => None,
    };
    RecoveryReport {
        predicted: match vm.prediction.by {
            Comeback::Platform => Some(RecoveredBy::Platform),
            Comeback::Us => (!plan.spec.no_recover).then_some(RecoveredBy::VmChaos),
        },
        why: vm.prediction.why.clone(),
        owner: match &target.owner {
            Owner::Nobody => None,
            Owner::Vm(_) => Some(format!("VirtualMachine {}", target.name)),
            Owner::ReplicaSet { name, .. } => Some(format!("VirtualMachineInstanceReplicaSet {name}")),
            Owner::Other { kind, name } => Some(format!("{kind} {name}")),
        },
        run_strategy: target.run_field().map(|field| field.in_force().to_owned()),
        manifest: vm.file.display().to_string(),
        loses: if plan.spec.mode.ends_guest() {
            target
                .volatile
                .iter()
                .map(|volume| format!("{} ({})", volume.name, volume.kind))
                .collect()
        } else {
            Vec::new()
        },
        undo: undo.map(|command| again(command).to_string()),
        new_name: None,
        new_uid: None,
    }
}

/// Puts what happened into the document, and how the run ended as a whole.
pub(crate) fn outcome(report: &mut RunReport, ran: &Ran) -> Ending {
    for vm in &ran.vms {
        fill(report.target_mut(&vm.target.key()), vm, ran.signals);
    }
    match ran.signals {
        0 => Ending::Ran,
        1 => Ending::Interrupted,
        _ => Ending::Unverified,
    }
}

fn fill(target: &mut TargetReport, vm: &Outage, signals: u32) {
    target.timeline = timeline(vm);
    let times = &vm.times;
    target.injected_at = times.gone.map(|gone| Time(gone.clock));
    let (state, problem) = match &vm.step {
        Step::Over(Outcome::Recovered(problem)) => (TargetState::Recovered, problem.as_ref()),
        Step::Over(Outcome::Failed(problem)) => (TargetState::Failed, Some(problem)),
        Step::Over(Outcome::Leaked(problem)) => (TargetState::Leaked, Some(problem)),
        Step::Over(Outcome::Skipped) | Step::Waiting | Step::Looking => (TargetState::Skipped, None),
        _ if vm.in_place => (TargetState::Leaked, None),
        _ => (TargetState::Failed, None),
    };
    let left = Problem::new(
        Reason::Left,
        if vm.in_place {
            "left by a second signal before it was undone"
        } else {
            "left by a second signal before it was back"
        },
    );
    let problem = match vm.step {
        Step::Over(_) | Step::Waiting | Step::Looking => problem,
        _ => Some(&left),
    };
    target.state = Some(state);
    if let (Some(recovery), Some(new)) = (
        &mut target.recovery,
        vm.new.as_ref().filter(|new| new.uid != vm.target.uid),
    ) {
        recovery.new_name = Some(new.name.clone());
        recovery.new_uid = Some(new.uid.clone());
    }
    target.error = problem.cloned();
    if state == TargetState::Recovered {
        if vm.shows_its_boot() {
            target.restored_at = times.recovered.map(|recovered| Time(recovered.clock));
            target.held_seconds = since(times.gone, times.recovered);
        }
        let by = if vm.by_us() {
            RecoveredBy::VmChaos
        } else {
            RecoveredBy::Platform
        };
        target.recovered_by = Some(by);
        target.ended_by = Some(match (signals, vm.cut_short) {
            (0, false) => EndedBy::Deadline,
            (0, true) => EndedBy::Operator,
            _ => EndedBy::Signal,
        });
    } else if times.acted.is_some() {
        target.ended_by = Some(if signals > 0 { EndedBy::Signal } else { EndedBy::Error });
    }
}

/// From one moment to a later one, by the monotonic clock.
fn since(from: Option<Moment>, to: Option<Moment>) -> Option<Seconds> {
    Some(Seconds(to?.at.saturating_duration_since(from?.at)))
}

/// What was seen, in its order.
fn timeline(vm: &Outage) -> Vec<Event> {
    let times = &vm.times;
    let mode = vm.spec.mode;
    let on = |word: &str| match &vm.new {
        Some(new) if !new.node.is_empty() => format!("{word} on {}", new.node),
        _ => word.to_owned(),
    };
    let undone = if vm.spec.disable_auto_restart {
        "undo: run strategy restored"
    } else if mode == crate::faults::outage::spec::Mode::Pause {
        "undo: unpaused"
    } else {
        "undo: started"
    };
    let helped: Vec<&str> = vm.helped.iter().map(|help| help.words()).collect();
    let all = [
        (
            times.acted,
            format!("{} accepted", mode.name()),
            Some(RecoveryStep::Accepted),
        ),
        (times.gone, "gone".to_owned(), Some(RecoveryStep::Gone)),
        (times.undone, undone.to_owned(), None),
        (times.helped, helped.join(", "), None),
        (times.scheduled, on("scheduled"), Some(RecoveryStep::Scheduled)),
        (times.running, "running".to_owned(), Some(RecoveryStep::Running)),
        (times.ready, "ready".to_owned(), Some(RecoveryStep::Ready)),
        (times.agent, "agent".to_owned(), Some(RecoveryStep::Agent)),
    ];
    // The VMI of a guest that boots unseen stays as it was.
    let shown = if vm.shows_its_boot() { all.len() } else { 1 };
    let mut seen: Vec<_> = all
        .into_iter()
        .take(shown)
        .filter_map(|(at, event, step)| Some((at?, event, step)))
        .collect();
    seen.sort_by_key(|(moment, ..)| moment.at);
    seen.into_iter()
        .map(|(moment, event, recovery)| Event {
            at: Time(moment.clock),
            event,
            recovery,
        })
        .collect()
}
