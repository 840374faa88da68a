//! A game day in words: its plan, and how it went.

use std::fmt::Write as _;
use std::time::Duration;

use super::plan::GameDayPlan;
use crate::cluster::Cluster;
use crate::escape::{escape, escape_lines};
use crate::gameday::file::GameDay;
use crate::gameday::notify::How;
use crate::gameday::secret::Secret;
use crate::gameday::timeline::{Bounds, Row};
use crate::report::{GameDayReport, Verdict};
use crate::run::probe_pods::ProbePlan;
use crate::ui::Table;

/// Characters of the timeline's bars.
const WIDTH: u128 = 32;

/// The plan for a person. What it comes to stands last, where the question follows.
pub(super) fn plan(
    plan: &GameDayPlan,
    probes: Option<&ProbePlan>,
    cluster: &Cluster,
    unicode: bool,
    all: bool,
) -> String {
    let day = &plan.day;
    let mut text = String::new();
    for fault in &plan.faults {
        let _ = writeln!(text, "step {}", escape(&fault.name));
        let inner = fault.fault.describe(cluster, all);
        for inner in inner.lines() {
            let _ = writeln!(text, "  {inner}");
        }
        for guard in &fault.planned.verdict.lines {
            let _ = writeln!(text, "    guards: {}", escape(guard));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "game day {} ({})", escape(&day.name), day.files());
    let mut line = |what: &str, words: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {what:<11}{words}");
    };
    if let Some(owner) = &day.owner {
        line("owner", &escape(owner));
    }
    if let Some(hypothesis) = &day.hypothesis {
        line("hypothesis", &escape(hypothesis.trim()));
    }
    line("in", &cluster.place());
    for (n, check) in day.checks.iter().enumerate() {
        let what = if n == 0 { "checks" } else { "" };
        let words = format!("{}: {}, every {}", check.name, check.what, shown(check.every));
        line(what, &escape(&words));
    }
    if let Some(probes) = probes {
        text.push_str(&super::probes::text(probes));
    }
    let mut line = |what: &str, words: &str| _ = writeln!(text, "  {what:<11}{words}");
    let rule = match (&day.abort, day.checks.is_empty()) {
        (_, true) => "no checks: nothing judges the hypothesis".to_owned(),
        (Some(abort), _) if abort.after() == abort.of() => {
            format!(
                "{} failed looks of a check in a row: everything is rolled back",
                abort.after()
            )
        }
        (Some(abort), _) => format!(
            "{} failed looks of a check among its last {}: everything is rolled back",
            abort.after(),
            abort.of()
        ),
        (None, _) => "never; a failed look refutes the hypothesis".to_owned(),
    };
    line("abort", &rule);
    let (talks, programs) = (talks_to(day), programs(day));
    if !talks.is_empty() {
        line("talks to", &escape(&talks.join(", ")));
    }
    for (n, secret) in secrets(day).iter().enumerate() {
        line(if n == 0 { "sends" } else { "" }, &escape(secret));
    }
    for (n, program) in programs.iter().enumerate() {
        line(if n == 0 { "runs here" } else { "" }, &escape(program));
    }
    for remark in &day.remarks {
        line("note", &escape(remark));
    }
    line("takes", &between(plan.timeline.ends));
    text.push('\n');
    text.push_str(&timeline(plan, unicode));
    text
}

/// Whom the game day talks to beside the cluster.
fn talks_to(day: &GameDay) -> Vec<String> {
    let checks = day.checks.iter().filter_map(|check| check.what.origin());
    let notify = day.notify.iter().filter_map(|notify| match &notify.how {
        How::Webhook { url, .. } | How::Grafana { url, .. } => Some(url.origin()),
        How::Command(_) => None,
    });
    let mut all: Vec<String> = checks.chain(notify).collect();
    all.sort();
    all.dedup();
    all
}

/// Which secrets it sends to whom.
fn secrets(day: &GameDay) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |secret: &Secret, to: String| {
        let line = format!("{secret} to {to}");
        if !matches!(secret, Secret::Plain(_)) && !all.contains(&line) {
            all.push(line);
        }
    };
    for check in &day.checks {
        if let Some(to) = check.what.origin() {
            check
                .what
                .headers()
                .iter()
                .for_each(|(_, secret)| add(secret, to.clone()));
        }
    }
    for notify in &day.notify {
        match &notify.how {
            How::Webhook { url, headers } => headers.iter().for_each(|(_, secret)| add(secret, url.origin())),
            How::Grafana { url, token, .. } => add(token, url.origin()),
            How::Command(_) => {}
        }
    }
    all
}

/// Programs that it runs on this machine.
pub(super) fn programs(day: &GameDay) -> Vec<String> {
    let checks = day.checks.iter().filter_map(|check| check.what.program());
    let notify = day.notify.iter().filter_map(|notify| match &notify.how {
        How::Command(words) => Some(words.as_slice()),
        How::Webhook { .. } | How::Grafana { .. } => None,
    });
    let lines = checks.chain(notify).map(|words| {
        let words: Vec<String> = words.iter().map(|word| crate::command_line::quoted(word)).collect();
        words.join(" ")
    });
    lines.collect()
}

/// A line for each fault and wait, with a bar where it is at the earliest.
fn timeline(plan: &GameDayPlan, unicode: bool) -> String {
    let mut table = Table::new(["STEP", "FAULT", "VMS", "BEGINS", "ENDS", "AT THE EARLIEST"]);
    let whole = plan.timeline.ends.least.as_millis().max(1);
    for row in &plan.timeline.rows {
        let fault = row.fault.and_then(|fault| plan.faults.get(fault));
        let times = if row.times > 1 {
            format!(" ×{}", row.times)
        } else {
            String::new()
        };
        table.row([
            escape(&row.name),
            fault.map_or_else(|| "wait".to_owned(), |fault| format!("{}{times}", fault.command)),
            fault.map_or_else(String::new, |fault| fault.planned.vms.len().to_string()),
            from_to(row.begins),
            from_to(row.ends),
            bar(row, whole, unicode),
        ]);
    }
    table.render()
}

fn bar(row: &Row, whole: u128, unicode: bool) -> String {
    let at = |time: Duration| usize::try_from(time.as_millis() * WIDTH / whole).unwrap_or_default();
    let (from, to) = (at(row.begins.least), at(row.ends.least));
    let to = to
        .max(from + 1)
        .min(usize::try_from(WIDTH).unwrap_or_default().max(from + 1));
    let (full, none) = match (unicode, row.fault.is_some()) {
        (true, true) => ('█', '·'),
        (true, false) => ('░', '·'),
        (false, true) => ('#', '.'),
        (false, false) => ('-', '.'),
    };
    let width = usize::try_from(WIDTH).unwrap_or_default();
    (0..width.max(to))
        .map(|n| if (from..to).contains(&n) { full } else { none })
        .collect()
}

fn from_to(bounds: Bounds) -> String {
    match bounds.most {
        Some(most) if most == bounds.least => shown(most),
        Some(most) => format!("{}–{}", shown(bounds.least), shown(most)),
        None => format!("{}–?", shown(bounds.least)),
    }
}

fn between(bounds: Bounds) -> String {
    match bounds.most {
        Some(most) if most == bounds.least => shown(most),
        Some(most) => format!("{} to {}", shown(bounds.least), shown(most)),
        None => format!(
            "{} at least; it has no end until it is interrupted",
            shown(bounds.least)
        ),
    }
}

/// `1h 5m`, `4m 10s`, `20s`, `500ms`
pub(super) fn shown(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, 0) if millis > 0 => format!("{millis}ms"),
        (0, 0, rest) if millis > 0 => format!("{rest}.{}s", millis / 100),
        (0, 0, rest) => format!("{rest}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, rest) => format!("{minutes}m {rest}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}

/// How it went, a table of steps and one of checks.
pub(super) fn result(report: &GameDayReport) -> String {
    let mut steps = Table::new(["STEP", "FAULT", "VMS", "RUN", "OUTCOME"]);
    for step in &report.steps {
        let row = |run: String, outcome: String| {
            [
                escape(&step.name),
                step.fault.to_owned(),
                step.vms.len().to_string(),
                run,
                outcome,
            ]
        };
        for run in &step.runs {
            steps.row(row(run.id.clone(), run.outcome.word()));
        }
        if step.runs.is_empty() {
            steps.row(row("-".to_owned(), "skipped".to_owned()));
        }
    }
    let mut text = steps.render();
    if !report.checks.is_empty() {
        let mut checks = Table::new(["CHECK", "LOOKS", "FAILED", "LAST"]);
        for check in &report.checks {
            let last = check.samples.last().map_or_else(
                || "-".to_owned(),
                |sample| {
                    sample
                        .failed
                        .clone()
                        .unwrap_or_else(|| format!("good, {}", sample.took_seconds))
                },
            );
            let looks = (check.passed + check.failed).to_string();
            checks.row([
                escape(&check.name),
                looks,
                check.failed.to_string(),
                escape_lines(&last),
            ]);
        }
        text.push('\n');
        text.push_str(&checks.render());
    }
    text
}

/// The verdict in a sentence.
pub(super) fn verdict(report: &GameDayReport) -> Option<String> {
    let hypothesis = report
        .hypothesis
        .as_deref()
        .map(|it| format!(": {}", escape(it.trim())))
        .unwrap_or_default();
    Some(match (report.verdict?, &report.abort) {
        (Verdict::Held, _) => format!("the hypothesis held{hypothesis}"),
        (Verdict::Refuted, _) => format!("the hypothesis did not hold{hypothesis}"),
        (Verdict::Aborted, Some(abort)) => {
            format!(
                "aborted by check {} ({}); the hypothesis did not hold{hypothesis}",
                escape(&abort.check),
                escape(&abort.message)
            )
        }
        (Verdict::Aborted, None) => format!("aborted{hypothesis}"),
    })
}
