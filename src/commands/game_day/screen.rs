//! A game day on a terminal, below its VMs: the step under way, what comes next and when it ends, and the last looks of each check. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Zoned;

use super::plan::GameDayPlan;
use crate::gameday::engine::Turn;
use crate::report::small_chart::{self, Signs};
use crate::report::{CheckReport, Sample};
use crate::ui::Line;

/// Looks that are drawn of a check.
const LOOKS: usize = 24;
const CLOCK: &str = "%H:%M:%S";

/// How far a game day is.
pub(super) struct Stage<'a> {
    pub(super) plan: &'a GameDayPlan,
    pub(super) under_way: &'a [Turn],
    /// Faults that have begun.
    pub(super) begun: &'a BTreeSet<usize>,
    pub(super) began: &'a Zoned,
    pub(super) checks: &'a [CheckReport],
}

/// The rows for it.
pub(super) fn lines(stage: &Stage<'_>, unicode: bool) -> Vec<Line> {
    let signs = Signs::of(unicode);
    let row = |title: &str, text: String| Line {
        title: title.to_owned(),
        text,
        is_bad: false,
    };
    let mut lines = vec![row("step", step(stage)), row("next", next(stage))];
    lines.extend(stage.checks.iter().map(|check| looks(check, signs)));
    lines
}

fn step(stage: &Stage<'_>) -> String {
    let faults = &stage.plan.faults;
    let words = stage.under_way.iter().map(|turn| {
        let fault = &faults[turn.fault];
        let time = match fault.times {
            0 | 1 => String::new(),
            times => format!(", {} of {times}", turn.time),
        };
        format!("{} ({}{time})", fault.name, fault.command)
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        return "none is under way".to_owned();
    }
    format!("{}; {} of {} begun", words.join(", "), stage.begun.len(), faults.len())
}

fn next(stage: &Stage<'_>) -> String {
    let faults = &stage.plan.faults;
    let next = (0..faults.len()).find(|fault| !stage.begun.contains(fault));
    let next = next.map_or("the end".to_owned(), |fault| {
        format!("{} ({})", faults[fault].name, faults[fault].command)
    });
    let clock = |after: Duration| {
        let at = stage.began.checked_add(after).ok();
        at.map(|at| at.strftime(CLOCK).to_string())
    };
    let ends = stage.plan.timeline.ends;
    let least = clock(ends.least).map(|least| format!("; ends at {least} at the earliest"));
    let most = ends.most.filter(|most| *most != ends.least).and_then(clock);
    let most = most.map(|most| format!(", {most} at the latest"));
    next + &least.unwrap_or_default() + &most.unwrap_or_default()
}

/// The last looks of a check as a chart, and what the newest of them has seen.
fn looks(check: &CheckReport, signs: &Signs) -> Line {
    let from = check.samples.len().saturating_sub(LOOKS);
    let values: Vec<Option<f64>> = check.samples[from..].iter().map(value).collect();
    let chart = small_chart::columns(&values, LOOKS, small_chart::full(&values), signs);
    let last = check.samples.last();
    let failed = last.and_then(|last| last.failed.as_deref());
    let seen = match (failed, last) {
        (Some(why), _) => format!("failed: {why}"),
        (None, Some(Sample { value: Some(value), .. })) => value.to_string(),
        (None, Some(last)) => match last.took_seconds.0.as_secs_f64() * 1000.0 {
            fast if fast < 10.0 => format!("{fast:.1} ms"),
            slow => format!("{slow:.0} ms"),
        },
        (None, None) => "not looked at yet".to_owned(),
    };
    Line {
        title: check.name.clone(),
        text: format!("{chart}  {seen}"),
        is_bad: failed.is_some(),
    }
}

/// What a column stands for: what was measured, or how long it took in milliseconds.
fn value(sample: &Sample) -> Option<f64> {
    match sample.failed {
        Some(_) => None,
        None => Some(sample.value.unwrap_or(sample.took_seconds.0.as_secs_f64() * 1000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CheckPhase, Time};

    fn check(took: &[Result<u64, &str>], value: Option<f64>) -> CheckReport {
        let samples = took.iter().map(|took| Sample {
            at: Time("2026-11-20T12:00:00Z".parse().unwrap()),
            phase: CheckPhase::During,
            took_seconds: Duration::from_millis(took.unwrap_or(5_000)).into(),
            value,
            failed: took.err().map(str::to_owned),
        });
        CheckReport {
            name: "db".to_owned(),
            what: String::new(),
            passed: 0,
            failed: 0,
            samples: samples.collect(),
        }
    }

    #[test]
    fn a_check_is_a_chart_of_its_last_looks_and_what_the_newest_has_seen() {
        let drawn = |check: &CheckReport, unicode| looks(check, Signs::of(unicode)).text;
        let good = check(&[Ok(1), Ok(100), Err("no"), Ok(50)], None);
        assert_eq!(drawn(&good, true), "▁█✕▄  50 ms");
        assert_eq!(drawn(&good, false), "_@x=  50 ms");
        let bad = looks(&check(&[Ok(1), Err("status 503")], None), Signs::of(false));
        assert_eq!((bad.text.as_str(), bad.is_bad), ("_x  failed: status 503", true));
        assert_eq!(drawn(&check(&[Ok(1)], Some(0.25)), false), "_  0.25");
        assert_eq!(drawn(&check(&[], None), false), "  not looked at yet");
        let long = drawn(&check(&[Ok(1); 500], None), false);
        assert_eq!(long.matches('_').count(), LOOKS);
    }
}
