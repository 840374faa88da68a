//! A game day as Markdown, for a post-mortem.

use std::fmt::Write as _;

use super::super::markdown::safe;
use super::{CheckPhase, GameDayReport};

impl GameDayReport {
    pub(super) fn as_markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |what: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{what}");
        };
        line(&format!("# Game day {}: {}\n", safe(&self.name), self.outcome.word()));
        for (name, value) in self.facts() {
            line(&format!("- **{name}:** {}", safe(&value)));
        }
        if let Some(error) = &self.error {
            line(&format!("\n> {}: {}", error.reason, safe(&error.message)));
        }
        line("\n## Steps\n\n| step | fault | VMs | run | began | ended | outcome |\n|---|---|---|---|---|---|---|");
        for step in &self.steps {
            let head = [step.name.as_str(), step.fault, &step.vms.join(", ")]
                .map(safe)
                .join(" | ");
            for run in &step.runs {
                let ended = run.finished_at.map(|at| at.to_string()).unwrap_or_default();
                let outcome = run.outcome.word();
                line(&format!(
                    "| {head} | {} | {} | {ended} | {outcome} |",
                    run.id, run.started_at
                ));
            }
            if step.runs.is_empty() {
                line(&format!("| {head} |  |  |  | skipped |"));
            }
        }
        if !self.checks.is_empty() {
            line(
                "\n## Checks\n\n| check | what | looks | failed | while faults were in place |\n|---|---|---:|---:|---:|",
            );
        }
        for check in &self.checks {
            let during = check
                .samples
                .iter()
                .filter(|it| it.phase == CheckPhase::During && it.failed.is_some());
            let cells = [safe(&check.name), safe(&check.what)].join(" | ");
            let looks = check.passed + check.failed;
            line(&format!(
                "| {cells} | {looks} | {} | {} |",
                check.failed,
                during.count()
            ));
        }
        for check in self.checks.iter().filter(|check| check.failed > 0) {
            line(&format!("\n### {} failed\n", safe(&check.name)));
            for sample in &check.samples {
                if let Some(why) = &sample.failed {
                    line(&format!("- {}: {}", sample.at, safe(why)));
                }
            }
        }
        for told in &self.not_told {
            line(&format!("\n> {}", safe(told)));
        }
        text
    }
}
