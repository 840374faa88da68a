//! A run of migrations as its document tells it.

use super::driver::Ran;
use super::engine::PoolVm;
use super::flight::{End, Flight};
use crate::faults::migrate::plan::MigrationPlan;
use crate::problem::{Problem, Reason};
use crate::report::{
    DryRun, Ending, Migration, MigrationResult, Phase, RunReport, ScheduledRound, Seconds, TargetReport, TargetState,
    Time,
};

/// Puts what is planned into the document.
pub(crate) fn plan(report: &mut RunReport, plan: &MigrationPlan) {
    report.seed = plan.schedule.is_drawn().then_some(plan.schedule.seed).or(report.seed);
    let targets = plan.pool.iter().map(|vm| TargetReport {
        uid: Some(vm.uid.clone()),
        node: Some(vm.node.clone()),
        candidates: vm.to.clone(),
        ..TargetReport::new(&vm.namespace, &vm.name)
    });
    report.targets = targets.collect();
    if report.dry_run != DryRun::None {
        let rounds = plan.rounds(plan.shown());
        let told = rounds.map(|(round, gap, members)| ScheduledRound {
            round,
            after_seconds: Seconds(gap),
            vmis: members.iter().map(|vm| plan.pool[*vm].key()).collect(),
        });
        report.schedule = told.collect();
    }
}

/// Puts what happened into the document, and how the run ended as a whole.
pub(crate) fn outcome(report: &mut RunReport, ran: &Ran) -> Ending {
    for (target, vm) in report.targets.iter_mut().zip(&ran.vms) {
        target.node = Some(vm.node.clone());
        // Where it could go was true of where it was.
        target.candidates = None;
    }
    for flight in &ran.flights {
        let vm = &ran.vms[flight.vm];
        if !flight.uid.is_empty() || matches!(flight.end, Some(End::Refused(_))) {
            report.migrations.push(migration(flight, vm));
        }
        tell(&mut report.targets[flight.vm], flight);
    }
    for (target, vm) in report.targets.iter_mut().zip(&ran.vms) {
        if let Some(why) = vm.failed_to_move.as_ref().filter(|_| target.error.is_none()) {
            target.state = Some(TargetState::Failed);
            target.error = Some(Problem::new(Reason::NotMigrated, format!("left out of {why}")));
        }
    }
    report.error.clone_from(&ran.problem);
    match ran.signals {
        0 if ran.problem.is_some() || ran.halted_by.is_some() => Ending::Failed,
        0 => Ending::Ran,
        1 => Ending::Interrupted,
        _ => Ending::Unverified,
    }
}

/// What a migration means for its VM: a failure stays, also when a later round moved it.
fn tell(target: &mut TargetReport, flight: &Flight) {
    if let Some(lost) = &flight.lost {
        target.state = Some(TargetState::Leaked);
        target.error = Some(Problem::new(
            Reason::Leaked,
            format!("its migration may still be under way: {lost}"),
        ));
        return;
    }
    let failed = match &flight.end {
        Some(End::Succeeded) => {
            target.state.get_or_insert(TargetState::Migrated);
            return;
        }
        Some(End::Failed | End::TimedOut) => flight.failure.clone().unwrap_or_default(),
        Some(End::Refused(problem)) => problem.message.clone(),
        // Where it was, and as it was.
        Some(End::Cancelled) | None => {
            target.state.get_or_insert(TargetState::Skipped);
            return;
        }
    };
    if target.state != Some(TargetState::Leaked) {
        target.state = Some(TargetState::Failed);
        target.error = Some(Problem::new(Reason::NotMigrated, failed));
    }
}

fn migration(flight: &Flight, vm: &PoolVm) -> Migration {
    let result = match &flight.end {
        Some(End::Succeeded) => MigrationResult::Succeeded,
        Some(End::Failed | End::Refused(_)) => MigrationResult::Failed,
        Some(End::TimedOut) => MigrationResult::Timeout,
        Some(End::Cancelled) => MigrationResult::Cancelled,
        None => MigrationResult::Unknown,
    };
    let next = flight.phases.iter().skip(1).map(|seen| Some(seen.at));
    let ends = next.chain([flight.ended_at]);
    let refused = match &flight.end {
        Some(End::Refused(problem)) => Some(problem.message.clone()),
        _ => None,
    };
    Migration {
        vmi: vm.key.clone(),
        uid: flight.uid.clone(),
        from: Some(flight.from.clone()).filter(|from| !from.is_empty()),
        to: flight.to.clone(),
        created_at: Time(flight.created_at),
        started_at: flight.started_at.map(Time),
        ended_at: flight.ended_at.map(Time),
        phases: (flight.phases.iter().zip(ends))
            .map(|(seen, end)| Phase {
                phase: seen.phase.clone(),
                at: Time(seen.at),
                seconds: end
                    .filter(|_| !matches!(&*seen.phase, "Succeeded" | "Failed"))
                    .map(|end| Seconds(end.duration_since(seen.at).unsigned_abs())),
            })
            .collect(),
        mode: flight.mode.clone(),
        result,
        failure_reason: refused
            .or_else(|| flight.failure.clone())
            .or_else(|| flight.lost.clone()),
    }
}
