//! A game day as one HTML page: its steps as bars over the curves of its checks, so that cause and effect are seen together.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::html::timeline::{CHART, LANE, NAME, Scale, TOP, WIDTH, axis, px};
use super::super::html::{STYLE, header, shown};
use super::super::{ExitCode, RunReport, Time};
use super::{CheckReport, GameDayReport, Sample, StepReport};
use crate::escape::escape;

impl GameDayReport {
    /// There are no scripts, and nothing is loaded.
    pub(super) fn as_html(&self) -> String {
        let outcome = self.outcome.word();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { "Game day " (self.name) ": " (outcome) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { "Game day " (self.name) ": " span class=(outcome) { (outcome) } }
                    table class="facts" {
                        @for (name, value) in self.facts() {
                            tr { th { (name) } td { (value) } }
                        }
                    }
                    @if let Some(error) = &self.error {
                        p class="bad" { (error.reason) ": " (error.message) }
                    }
                    @for told in &self.not_told { p class="bad" { (told) } }
                    (self.svg())
                    (self.steps_html())
                    @if !self.checks.is_empty() { (self.checks_html()) }
                }
            }
        };
        escape(&page.into_string())
    }

    fn svg(&self) -> Markup {
        if self.steps.iter().all(|step| step.runs.is_empty()) && self.checks.iter().all(|it| it.samples.is_empty()) {
            return Markup::default();
        }
        let until = self.finished_at.unwrap_or_else(Time::now).0;
        let scale = Scale {
            from: self.started_at.0,
            seconds: until.duration_since(self.started_at.0).as_secs_f64().max(0.001),
        };
        let lanes = LANE * self.steps.len() as f64;
        let charts = CHART * 1.6 * self.checks.len() as f64;
        let bottom = TOP + lanes + charts;
        html! {
            h2 { "Timeline" }
            svg viewBox={ "0 0 " (WIDTH) " " (bottom + 4.0) } role="img" aria-label="timeline" {
                (axis(&scale, bottom))
                // What was in place lies behind the curves.
                @for run in self.steps.iter().flat_map(|step| &step.runs) {
                    @for (from, to) in in_place(run, until) {
                        (rect(&scale, TOP + lanes, charts, (from, to), "during", ""))
                    }
                }
                @for (n, step) in self.steps.iter().enumerate() {
                    (lane(&scale, TOP + LANE * n as f64, step, until))
                }
                @for (n, check) in self.checks.iter().enumerate() {
                    (curve(&scale, TOP + lanes + CHART * 1.6 * n as f64, check))
                }
            }
        }
    }

    fn steps_html(&self) -> Markup {
        html! {
            h2 { "Steps" }
            table {
                (header(&["Step", "Fault", "VMs", "Run", "Began", "Ended", "Outcome"]))
                @for step in &self.steps {
                    @for run in &step.runs {
                        tr {
                            td { (step.name) }
                            td { (step.fault) }
                            td { (step.vms.join(", ")) }
                            td { (run.id) }
                            td { (run.started_at) }
                            td { (shown(run.finished_at)) }
                            td class=(run.outcome.word()) { (run.outcome.word()) }
                        }
                        @if let Some(error) = &run.error {
                            tr { td {} td colspan="6" class="bad" { (error.reason) ": " (error.message) } }
                        }
                        @for (target, error) in run.targets.iter().filter_map(|it| Some((it, it.error.as_ref()?))) {
                            tr { td {} td colspan="6" class="bad" { (target.key()) ": " (error.reason) ": " (error.message) } }
                        }
                    }
                    @if step.runs.is_empty() {
                        tr { td { (step.name) } td { (step.fault) } td { (step.vms.join(", ")) } td {} td {} td {} td { "skipped" } }
                    }
                }
            }
        }
    }

    fn checks_html(&self) -> Markup {
        html! {
            h2 { "Checks" }
            table {
                (header(&["Check", "What", "Looks", "Failed", "Last failure"]))
                @for check in &self.checks {
                    @let last = check.samples.iter().rev().find_map(|sample| sample.failed.as_ref().map(|why| (sample.at, why)));
                    tr {
                        td { (check.name) }
                        td { (check.what) }
                        td { (check.passed + check.failed) }
                        td class=(if check.failed == 0 { "ok" } else { "bad" }) { (check.failed) }
                        td { @if let Some((at, why)) = last { (at) ": " (why) } }
                    }
                }
            }
        }
    }
}

/// From when to when faults of a run were in place; of one that puts none on packets, from its begin to its end.
fn in_place(run: &RunReport, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let held = run.targets.iter().filter_map(|target| {
        let to = target.restored_at.map_or(until, |at| at.0);
        Some((target.injected_at?.0, to))
    });
    let held: Vec<_> = held.collect();
    if held.is_empty() {
        vec![(run.started_at.0, run.finished_at.map_or(until, |at| at.0))]
    } else {
        held
    }
}

fn lane(scale: &Scale, y: f64, step: &StepReport, until: Timestamp) -> Markup {
    html! {
        (name(y + 16.0, &step.name))
        @for run in &step.runs {
            @let class = if run.exit_code == ExitCode::Done { "fault" } else { "bad" };
            @for span in in_place(run, until) {
                (rect(scale, y + 5.0, LANE - 10.0, span, class, &format!("{} {}: {}", step.fault, run.id, run.outcome.word())))
            }
        }
    }
}

/// The values of a check, or how long each look took; a failed look is a mark.
fn curve(scale: &Scale, y: f64, check: &CheckReport) -> Markup {
    let (top, height) = (y + 8.0, CHART * 1.6 - 14.0);
    let of = |sample: &Sample| sample.value.unwrap_or(sample.took_seconds.0.as_secs_f64());
    let good = || check.samples.iter().filter(|sample| sample.failed.is_none());
    let most = good().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let place = |sample: &Sample| {
        let part = (of(sample) / most).clamp(0.0, 1.0);
        format!("{},{}", px(scale.x(sample.at.0)), px(top + height * (1.0 - part)))
    };
    let points: Vec<String> = good().map(place).collect();
    let unit = if good().any(|sample| sample.value.is_some()) {
        ""
    } else {
        "s"
    };
    html! {
        (name(y + 20.0, &check.name))
        text x="0" y=(px(y + 34.0)) { "up to " (format!("{most:.3}")) (unit) }
        polyline class="probe" points=(points.join(" ")) {}
        @for sample in &check.samples {
            @if let Some(why) = &sample.failed {
                rect class="bad" x=(px(scale.x(sample.at.0) - 1.5)) y=(px(top)) width="3" height=(px(height)) { title { (sample.at) ": " (why) } }
            }
        }
    }
}

fn name(y: f64, name: &str) -> Markup {
    let short = match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    };
    html! { g { title { (name) } text x="0" y=(px(y)) { (short) } } }
}

fn rect(scale: &Scale, y: f64, height: f64, span: (Timestamp, Timestamp), class: &str, title: &str) -> Markup {
    let (from, to) = (scale.x(span.0), scale.x(span.1));
    html! {
        rect class=(class) x=(px(from)) y=(px(y)) width=(px((to - from).max(2.0))) height=(px(height)) {
            @if !title.is_empty() { title { (title) } }
        }
    }
}
