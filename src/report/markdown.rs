//! A run as Markdown, for a post-mortem.

use std::fmt::Write as _;

use serde_json::Value;

use super::{MigrationSummary, RunReport, TargetReport};

impl RunReport {
    /// The whole of it: what was done and how it ended, a table of the VMs, what the kernel read, what happened when.
    pub(super) fn as_markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |what: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{what}");
        };
        let kind = self.fault.command;
        line(format!(
            "# {} {}: {}\n",
            safe(kind),
            safe(&self.id),
            self.outcome.word()
        ));
        for (name, value) in self.facts() {
            line(format!("- **{name}:** {}", safe(&value)));
        }
        if let Some(error) = &self.error {
            line(format!("\n> {}: {}", error.reason, safe(&error.message)));
        }
        if !self.targets.is_empty() {
            line("\n## VMs\n".to_owned());
            line("| VM | node | state | ended by | injected | restored | held |".to_owned());
            line("|---|---|---|---|---|---|---:|".to_owned());
            for target in &self.targets {
                line(row(target));
            }
        }
        for target in &self.targets {
            details(target, &mut line);
        }
        if !self.migrations.is_empty() {
            line("\n## Migrations\n".to_owned());
            line("| VM | from | to | created | started | ended | took | phases | mode | result | why |".to_owned());
            line("|---|---|---|---|---|---|---:|---|---|---|---|".to_owned());
            for one in &self.migrations {
                let cells = [
                    one.vmi.clone(),
                    one.from.clone().unwrap_or_default(),
                    one.to.clone().unwrap_or_default(),
                    one.created_at.to_string(),
                    one.started_at.map(|at| at.to_string()).unwrap_or_default(),
                    one.ended_at.map(|at| at.to_string()).unwrap_or_default(),
                    one.took().map(|took| took.to_string()).unwrap_or_default(),
                    one.phase_times(),
                    one.mode.clone().unwrap_or_default(),
                    one.result.to_string(),
                    one.failure_reason.clone().unwrap_or_default(),
                ];
                line(format!("| {} |", cells.map(|cell| safe(&cell)).join(" | ")));
            }
            if let Some(summary) = MigrationSummary::of(&self.migrations) {
                line(String::new());
                summary
                    .words()
                    .lines()
                    .for_each(|words| line(format!("- {}", safe(words.trim()))));
            }
        }
        if !self.plan.is_empty() {
            line("\n## Commands on the nodes\n".to_owned());
            for entry in &self.plan {
                line(format!(
                    "- {}, by pod {}/{}:\n",
                    safe(&entry.node),
                    safe(&entry.namespace),
                    safe(&entry.pod)
                ));
                for command in &entry.commands {
                    line(format!("      {}", command.escape_debug()));
                }
                line(String::new());
            }
        }
        text
    }

    /// What stands at the head of every form: names and values.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let summary = &self.summary;
        let given = self.fault.settings.iter();
        let fault: Vec<String> = given
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            })
            .collect();
        let mut facts = vec![
            ("Fault", fault.join(", ")),
            ("Run", self.id.clone()),
            ("Context", self.context.clone()),
        ];
        let mut more = |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
        more("Server", self.server.clone());
        more("User", self.user.clone());
        more("Reason", self.reason.clone());
        more("Seed", self.seed.map(|seed| seed.to_string()));
        more("Started", Some(self.started_at.to_string()));
        more("Finished", self.finished_at.map(|at| at.to_string()));
        more("Exit code", Some(self.exit_code.code().to_string()));
        more(
            "VMs",
            Some(format!(
                "{} in all: {} ok, {} failed, {} leaked, {} skipped",
                summary.targets, summary.ok, summary.failed, summary.leaked, summary.skipped
            )),
        );
        facts
    }
}

fn row(target: &TargetReport) -> String {
    let cells = [
        target.key(),
        target.node.clone().unwrap_or_default(),
        target.state.map(super::TargetState::word).unwrap_or_default(),
        target.ended_by.map(super::EndedBy::word).unwrap_or_default(),
        target.injected_at.map(|at| at.to_string()).unwrap_or_default(),
        target.restored_at.map(|at| at.to_string()).unwrap_or_default(),
        target.held_seconds.map(|held| held.to_string()).unwrap_or_default(),
    ];
    format!("| {} |", cells.map(|cell| safe(&cell)).join(" | "))
}

fn details(target: &TargetReport, line: &mut impl FnMut(String)) {
    let silent = target.verified.is_empty() && target.timeline.is_empty() && target.moves.is_empty();
    if silent && target.error.is_none() {
        return;
    }
    line(format!("\n## {}\n", safe(&target.key())));
    if let Some(error) = &target.error {
        line(format!("> {}: {}\n", error.reason, safe(&error.message)));
    }
    for verified in &target.verified {
        let count = |name: &str, count: Option<u64>| count.map(|n| format!("; {n} {name}")).unwrap_or_default();
        line(format!(
            "- {} ({}): asked {}, read {}{}{}",
            safe(&verified.device),
            safe(&verified.engine),
            safe(&verified.asked),
            safe(&verified.read),
            count("packets", verified.packets),
            count("dropped", verified.dropped),
        ));
        if let Some(changed) = &verified.changed_by_others {
            line(format!("  - changed by others: {}", safe(changed)));
        }
    }
    if let Some(recovery) = &target.recovery {
        line(format!("- {}", safe(&recovery.words(target.recovered_by))));
    }
    for probed in &target.probes {
        line(format!("- probed by {}: {}", safe(&probed.probe), probed.words()));
    }
    for moved in &target.moves {
        let gap = match moved.gap_seconds {
            Some(gap) => format!("{gap} without the fault"),
            None => "the fault was not put back".to_owned(),
        };
        line(format!(
            "- {}: moved from {} to {}, {gap}",
            moved.at,
            safe(&moved.from),
            safe(&moved.to)
        ));
    }
    for event in &target.timeline {
        line(format!("- {}: {}", event.at, safe(&event.event)));
    }
}

/// Text as it is: nothing in it is Markdown, HTML or a line break.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::escape::escape(text).chars() {
        if "\\`*_{}[]<>#|&~".contains(c) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn nothing_in_a_value_is_markup() {
        assert_eq!(
            safe("a|b <script> `c` [d](e)\n# f"),
            "a\\|b \\<script\\> \\`c\\` \\[d\\](e)\\\\n\\# f"
        );
    }
}
