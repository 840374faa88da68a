//! A game day as `JUnit` XML: a case a step and a check.

use super::super::junit::{Case, suite};
use super::super::{ExitCode, RunReport, Seconds};
use super::{CheckPhase, CheckReport, GameDayReport, StepReport, Verdict};

impl GameDayReport {
    pub(super) fn as_junit(&self) -> String {
        let steps = self.steps.iter().map(of_step);
        let checks = self.checks.iter().map(|check| self.of_check(check));
        let mut cases: Vec<Case> = steps.chain(checks).collect();
        if let Some(error) = &self.error {
            cases.push(Case {
                class: "game-day",
                name: self.name.clone(),
                took: None,
                not_passed: Some(("error", error.reason.to_string(), error.message.clone())),
            });
        }
        let name = format!("run {}", self.name);
        suite(&name, &cases, self.took(), self.started_at, &self.facts())
    }

    /// A look that failed and was not too many is none of the pipeline's business where the hypothesis held.
    fn of_check(&self, check: &CheckReport) -> Case {
        let failed = check.samples.iter().rev().find_map(|sample| sample.failed.clone());
        let ended_it = self.abort.as_ref().is_some_and(|abort| abort.check == check.name);
        let last = check.samples.last().is_some_and(|sample| sample.failed.is_some());
        let refuted = self.verdict == Some(Verdict::Refuted) && failed.is_some();
        let not_passed = if check.samples.is_empty() {
            Some(("skipped", "skipped".to_owned(), "was not looked at".to_owned()))
        } else if ended_it || last || refuted {
            let told = format!("{}: {}", check.words(), failed.unwrap_or_default());
            Some(("failure", "check".to_owned(), told))
        } else {
            None
        };
        Case {
            class: "check",
            name: check.name.clone(),
            took: check
                .samples
                .iter()
                .filter(|it| it.phase == CheckPhase::During)
                .map(|it| it.took_seconds)
                .max(),
            not_passed,
        }
    }
}

fn of_step(step: &StepReport) -> Case {
    let worst = ExitCode::worst(step.runs.iter().map(|run| run.exit_code));
    let bad = step.runs.iter().find(|run| run.exit_code == worst);
    let told = bad.map_or_else(String::new, |run| match &run.error {
        Some(error) => format!("run {}: {}", run.id, error.message),
        None => format!("run {}: {}", run.id, run.outcome.word()),
    });
    let not_passed = match worst {
        _ if step.runs.is_empty() => Some(("skipped", "skipped".to_owned(), "was not begun".to_owned())),
        ExitCode::Done => None,
        // By a check, or by whoever ran it.
        ExitCode::Interrupted => Some(("skipped", "interrupted".to_owned(), told)),
        ExitCode::Leaked => Some(("error", "leaked".to_owned(), told)),
        code => Some(("failure", format!("exit {}", code.code()), told)),
    };
    let took: std::time::Duration = step.runs.iter().filter_map(RunReport::took).map(|took| took.0).sum();
    Case {
        class: "step",
        name: step.name.clone(),
        took: (!step.runs.is_empty()).then_some(Seconds(took)),
        not_passed,
    }
}
