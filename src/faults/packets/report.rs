//! A run's outcome as the document tells it.

use super::driver::Ran;
use super::pods::PodLeft;
use super::vm::{Cause, End, Step, Vm};
use crate::faults::packets::plan::{Plan, PlannedVm};
use crate::faults::packets::probe::Probe;
use crate::node::pod::service_account;
use crate::node::wire;
use crate::problem::{Problem, Reason};
use crate::report::{
    EndedBy, Ending, Event, InterfaceReport, Millis, Move, PlanEntry, ProbePhase, ProbeReport, ProbeSample, RunReport,
    Seconds, TargetReport, TargetState, Time, Verified,
};

/// Puts what is planned into the document: pods, commands, targets.
pub(crate) fn plan(report: &mut RunReport, plan: &Plan, namespace: &str) {
    report.seed = plan.seed;
    report.plan = plan
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| PlanEntry {
            node: node.name.clone(),
            namespace: namespace.to_owned(),
            pod: plan.pod_name(index),
            service_account: service_account(plan.pod.service_account.as_deref()).to_owned(),
            image: plan.image(index).image().to_owned(),
            image_source: plan.image(index).source().name(),
            commands: node
                .vms
                .iter()
                .flat_map(|&vm| plan.vms[vm].compiled.commands_for_people.clone())
                .collect(),
        })
        .collect();
    report.targets = plan.vms.iter().map(|vm| planned(plan, vm)).collect();
}

fn planned(plan: &Plan, vm: &PlannedVm) -> TargetReport {
    let target = &vm.target;
    let mut report = TargetReport::new(&target.namespace, &target.name);
    report.uid = Some(target.uid.clone());
    report.node = Some(target.node.clone());
    report.pod = Some(target.launcher.name.clone());
    report.interfaces = target
        .interfaces
        .iter()
        .map(|interface| InterfaceReport {
            network: interface.network.clone(),
            device: interface.tap.clone(),
            binding: interface.binding.to_string(),
        })
        .collect();
    let address = target.launcher.address.map(|address| address.to_string());
    let probe = |probe: &Probe| ProbeReport::new(probe.to_string(), address.clone(), Vec::new());
    report.probes = plan.spec.probes.iter().map(probe).collect();
    report
}

/// Puts what happened into the document, and how the run ended as a whole.
pub(crate) fn outcome(report: &mut RunReport, ran: &Ran) -> Ending {
    for vm in &ran.vms {
        let target = report.target_mut(&vm.key);
        fill(target, vm);
    }
    match ran.signals {
        _ if ran.pods_left.iter().any(PodLeft::may_run_on) => Ending::Unverified,
        0 => Ending::Ran,
        1 => Ending::Interrupted,
        _ => Ending::Unverified,
    }
}

fn fill(target: &mut TargetReport, vm: &Vm) {
    target.state = Some(state(vm));
    target.ended_by = vm
        .cause
        .filter(|_| target.state != Some(TargetState::Detached))
        .map(ended_by);
    target.injected_at = vm.injected_at.map(|(at, _)| Time(at));
    if vm.injected_at.is_some() && target.state != Some(TargetState::Leaked) {
        target.restored_at = vm
            .ended_at
            .filter(|_| target.state != Some(TargetState::Detached))
            .map(Time);
    }
    // A node's word: no more than a number.
    let held = std::time::Duration::try_from_secs_f64(vm.held).ok();
    target.held_seconds = held.filter(|held| !held.is_zero()).map(Seconds);
    target.moves = vm
        .moves
        .iter()
        .map(|moved| Move {
            at: Time(moved.at),
            from: moved.from.clone(),
            to: moved.to.clone(),
            gap_seconds: moved.gap.map(Seconds),
        })
        .collect();
    target.verified = vm
        .readings
        .iter()
        .map(|reading| Verified {
            device: reading.device.clone(),
            engine: reading.engine.to_owned(),
            asked: reading.asked.clone(),
            read: reading.read.clone(),
            packets: reading.packets,
            dropped: Some(reading.dropped),
            changed_by_others: vm.changed_by_others.clone(),
        })
        .collect();
    for (probe, samples) in target.probes.iter_mut().zip(&vm.probing.samples) {
        let address = vm.probing.address.map(|address| address.to_string());
        let mut samples: Vec<_> = samples.iter().collect();
        // One that is not answered is told of later than those that began after it.
        samples.sort_by_key(|sample| sample.at);
        let samples = samples.into_iter().map(|sample| ProbeSample {
            at: Time(sample.at),
            phase: phase(sample.phase),
            ms: sample.ms.map(Millis),
        });
        *probe = ProbeReport::new(std::mem::take(&mut probe.probe), address, samples.collect());
    }
    target.timeline = vm
        .timeline
        .iter()
        .map(|(at, event)| Event {
            at: Time(*at),
            event: event.clone(),
            recovery: None,
        })
        .collect();
    target.error.clone_from(&vm.problem);
    if let Some(left) = vm.leaked() {
        target.error = Some(Problem::new(
            Reason::Leaked,
            format!("something may still be in place: {left}"),
        ));
    }
    if let Some(placement) = vm.placements.last() {
        target.node = Some(placement.node.clone());
    }
}

/// How a VM ended, in the document's words.
pub(crate) fn state(vm: &Vm) -> TargetState {
    let untouched = vm
        .placements
        .iter()
        .all(|placement| placement.step == Step::Final(End::Untouched));
    if vm.leaked().is_some() {
        TargetState::Leaked
    } else if vm
        .problem
        .as_ref()
        .is_some_and(|problem| problem.reason != Reason::StreamLost)
    {
        TargetState::Failed
    } else if untouched {
        TargetState::Skipped
    } else if vm.current().step == Step::Final(End::Detached) {
        TargetState::Detached
    } else if vm.cause == Some(Cause::Gone) {
        TargetState::Gone
    } else {
        TargetState::Restored
    }
}

fn phase(phase: wire::ProbePhase) -> ProbePhase {
    match phase {
        wire::ProbePhase::Before => ProbePhase::Before,
        wire::ProbePhase::During => ProbePhase::During,
        wire::ProbePhase::After => ProbePhase::After,
    }
}

fn ended_by(cause: Cause) -> EndedBy {
    match cause {
        Cause::Deadline => EndedBy::Deadline,
        Cause::Signal => EndedBy::Signal,
        Cause::Operator => EndedBy::Operator,
        Cause::LostOperator => EndedBy::LostOperator,
        Cause::Migration => EndedBy::Migration,
        Cause::Cleanup => EndedBy::Cleanup,
        Cause::Gone => EndedBy::Gone,
        Cause::Error => EndedBy::Error,
    }
}
