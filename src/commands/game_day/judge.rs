//! What has to be so before a game day, and whether its hypothesis held.

use std::sync::Arc;

use super::plan::GameDayPlan;
use super::{checks, text};
use crate::cli::GameDayRequest;
use crate::gameday::engine::Cut;
use crate::gameday::look::Looker;
use crate::plan::guards::Demand;
use crate::problem::Reason;
use crate::report::{CheckPhase, GameDayReport, Verdict};
use crate::stop::Stop;
use crate::ui::escape;

/// What has to be typed. Programs of a file run as whoever runs it, which `--yes` alone does not allow.
pub(super) fn demands(plan: &GameDayPlan, request: &GameDayRequest) -> Result<Vec<Demand>, Stop> {
    let mut demands = plan.demands.clone();
    let programs = text::programs(&plan.day);
    if programs.is_empty() || request.allow_commands {
        return Ok(demands);
    }
    if request.writing.yes {
        return Err(programs_not_allowed(&programs, "--yes does not allow that"));
    }
    let why = runs_programs(&programs);
    demands.push(Demand {
        why: format!("{why} (see above)"),
        what: "the game day's name",
        expected: plan.day.name.clone(),
    });
    Ok(demands)
}

/// Programs of a file that nobody has allowed; `why` they are not taken to be.
pub(super) fn programs_not_allowed(programs: &[String], why: &str) -> Stop {
    let told = format!("{}, and {why}: {}", runs_programs(programs), programs.join("; "));
    Stop::refused(Reason::Declined, told).hint("read the file, and add --allow-commands")
}

fn runs_programs(programs: &[String]) -> String {
    match programs.len() {
        1 => "The file runs a program on this machine, as you".to_owned(),
        count => format!("The file runs {count} programs on this machine, as you"),
    }
}

/// Looks at every check once before anything is done: all must be good.
pub(super) async fn steady(lookers: &[Arc<Looker>], report: &mut GameDayReport) -> Result<(), Stop> {
    let mut bad = Vec::new();
    for looked in checks::once(lookers, CheckPhase::Before).await {
        if let Some(why) = &looked.sample.failed {
            bad.push(format!("{}: {why}", lookers[looked.check].check().name));
        }
        checks::add(&mut report.checks, looked);
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Stop::refused(
        Reason::SteadyState,
        format!(
            "the steady state is not there, and nothing was done: {}",
            escape(&bad.join("; "))
        ),
    ))
}

/// Whether the hypothesis held, where there was something to judge it by.
pub(super) fn judge(plan: &GameDayPlan, report: &GameDayReport, cut: Option<Cut>) -> Option<Verdict> {
    if report.checks.is_empty() {
        return None;
    }
    match cut {
        Some(Cut::Abort) => return Some(Verdict::Aborted),
        // Ended before its time: nobody knows.
        Some(Cut::Signal | Cut::Step) => return None,
        None => {}
    }
    let is_bad = report.checks.iter().any(|check| {
        let last = check.samples.last().is_some_and(|sample| sample.failed.is_some());
        let during = check
            .samples
            .iter()
            .any(|sample| sample.phase == CheckPhase::During && sample.failed.is_some());
        last || (during && plan.day.abort.is_none())
    });
    Some(if is_bad { Verdict::Refuted } else { Verdict::Held })
}
