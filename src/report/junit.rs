//! A run as `JUnit` XML, for pipelines: a suite with a case a VM, and for migrations a case a migration.

use std::fmt::Write as _;

use super::{ExitCode, Migration, MigrationResult, RunReport, Seconds, TargetReport, TargetState, Time};
use crate::problem::Problem;

/// One case's outcome: the element it holds, where it did not pass.
pub(super) struct Case {
    pub(super) class: &'static str,
    pub(super) name: String,
    pub(super) took: Option<Seconds>,
    /// `failure`, `error` or `skipped`; its type and its text.
    pub(super) not_passed: Option<(&'static str, String, String)>,
}

impl RunReport {
    /// What did not go as asked is a failure, what may be left in place or concerns the whole run an error.
    pub(super) fn as_junit(&self) -> String {
        let mut cases: Vec<Case> = if self.migrations.is_empty() {
            self.targets.iter().map(of_target).collect()
        } else {
            let mut cases: Vec<Case> = self.migrations.iter().map(of_migration).collect();
            // A VM that was left out has no migration that failed.
            let told = |target: &TargetReport| {
                let key = target.key();
                let mut all = self.migrations.iter().filter(|one| one.vmi == key);
                all.any(|one| one.result != MigrationResult::Succeeded)
            };
            let left_out = self
                .targets
                .iter()
                .filter(|target| target.error.is_some() && !told(target));
            cases.extend(left_out.map(of_target));
            cases
        };
        if let Some(error) = &self.error {
            cases.push(Case {
                class: "run",
                name: self.id.clone(),
                took: None,
                not_passed: Some(("error", error.reason.to_string(), error.message.clone())),
            });
        }
        suite(self.fault.command, &cases, self.took(), self.started_at, &self.facts())
    }
}

/// A document with one suite.
pub(super) fn suite(
    name: &str,
    cases: &[Case],
    took: Option<Seconds>,
    started_at: Time,
    facts: &[(&'static str, String)],
) -> String {
    let count = |kind: &str| {
        let is = |case: &&Case| case.not_passed.as_ref().is_some_and(|(not, ..)| *not == kind);
        cases.iter().filter(is).count()
    };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites>\n  <testsuite name=\"vmchaos {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\" timestamp=\"{}\">\n    <properties>",
        safe(name),
        cases.len(),
        count("failure"),
        count("error"),
        count("skipped"),
        number(took),
        started_at,
    );
    for (name, value) in facts {
        let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", safe(value));
    }
    xml.push_str("    </properties>\n");
    for case in cases {
        case.write(&mut xml);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

impl Case {
    fn write(&self, xml: &mut String) {
        let head = format!(
            "    <testcase classname=\"vmchaos.{}\" name=\"{}\" time=\"{}\"",
            self.class,
            safe(&self.name),
            number(self.took)
        );
        let _ = match &self.not_passed {
            None => writeln!(xml, "{head}/>"),
            Some(("skipped", _, text)) => {
                writeln!(
                    xml,
                    "{head}>\n      <skipped message=\"{}\"/>\n    </testcase>",
                    safe(text)
                )
            }
            Some((kind, reason, text)) => writeln!(
                xml,
                "{head}>\n      <{kind} type=\"{}\" message=\"{}\"/>\n    </testcase>",
                safe(reason),
                safe(text)
            ),
        };
    }
}

fn of_target(target: &TargetReport) -> Case {
    let (reason, text) = words(target.error.as_ref(), target);
    let not_passed = match (target.state, target.exit_code()) {
        (Some(TargetState::Leaked), _) => Some("error"),
        (Some(TargetState::Skipped), _) => Some("skipped"),
        (_, ExitCode::Done) => None,
        _ => Some("failure"),
    };
    Case {
        class: "vm",
        name: target.key(),
        took: target.held_seconds,
        not_passed: not_passed.map(|kind| (kind, reason, text)),
    }
}

fn words(error: Option<&Problem>, target: &TargetReport) -> (String, String) {
    if let Some(error) = error {
        return (error.reason.to_string(), error.message.clone());
    }
    let state = target.state.map(TargetState::word).unwrap_or_default();
    let by = target
        .ended_by
        .map(|by| format!(" by {}", by.word()))
        .unwrap_or_default();
    (state.clone(), format!("{state}{by}"))
}

fn of_migration(migration: &Migration) -> Case {
    let why = migration.failure_reason.clone().unwrap_or_default();
    let not_passed = match migration.result {
        MigrationResult::Succeeded => None,
        MigrationResult::Cancelled => Some("skipped"),
        MigrationResult::Unknown => Some("error"),
        _ => Some("failure"),
    };
    Case {
        class: "migration",
        name: format!("{} at {}", migration.vmi, migration.created_at),
        took: migration.took(),
        not_passed: not_passed.map(|kind| (kind, migration.result.to_string(), why)),
    }
}

fn number(seconds: Option<Seconds>) -> String {
    seconds.map_or_else(|| "0".to_owned(), |seconds| format!("{:.3}", seconds.0.as_secs_f64()))
}

/// For an attribute. XML 1.0 has no way to write most control characters: they are shown escaped.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::escape::escape(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn nothing_in_a_value_is_markup_or_forbidden_in_xml() {
        assert_eq!(
            safe("<a b=\"c\">&'\0\u{1b}"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;\\u{0}\\u{1b}"
        );
    }
}
