//! The timeline as SVG: a lane a VM, time from left to right.

use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::{Migration, ProbeReport, RunReport, TargetReport, Time};
use super::is_good;

pub(in crate::report) const WIDTH: f64 = 1060.0;
/// Room for names, left of the lanes.
const NAMES: f64 = 220.0;
pub(in crate::report) const LANE: f64 = 26.0;
/// Below a lane, where the VM was probed.
pub(in crate::report) const CHART: f64 = 34.0;
pub(in crate::report) const TOP: f64 = 24.0;
/// Characters of a name that fit.
pub(in crate::report) const NAME: usize = 34;

/// A length on the page, as it is written.
pub(in crate::report) fn px(length: f64) -> String {
    format!("{length:.1}")
}

/// Moments as places on the page.
pub(in crate::report) struct Scale {
    pub(in crate::report) from: Timestamp,
    pub(in crate::report) seconds: f64,
}

impl Scale {
    pub(in crate::report) fn x(&self, at: Timestamp) -> f64 {
        let part = at.duration_since(self.from).as_secs_f64() / self.seconds;
        NAMES + part.clamp(0.0, 1.0) * (WIDTH - NAMES)
    }
}

/// Empty where nothing happened to any VM.
pub(super) fn svg(report: &RunReport) -> Markup {
    let happened = |target: &TargetReport| !target.timeline.is_empty() || target.injected_at.is_some();
    if !report.targets.iter().any(happened) && report.migrations.is_empty() {
        return Markup::default();
    }
    let until = report.finished_at.unwrap_or_else(Time::now).0;
    let scale = Scale {
        from: report.started_at.0,
        seconds: until.duration_since(report.started_at.0).as_secs_f64().max(0.001),
    };
    let mut y = TOP;
    let mut place = |height: f64| {
        let top = y;
        y += height;
        top
    };
    let lanes = html! {
        @for target in &report.targets {
            (lane(&scale, place(LANE), target, report, until))
            @for probed in &target.probes {
                (chart(&scale, place(CHART), probed))
            }
        }
    };
    html! {
        h2 { "Timeline" }
        svg viewBox={ "0 0 " (WIDTH) " " (y + 4.0) } role="img" aria-label="timeline" {
            (axis(&scale, y))
            (lanes)
        }
    }
}

pub(in crate::report) fn axis(scale: &Scale, bottom: f64) -> Markup {
    html! {
        @for tick in 0..=5 {
            @let part = f64::from(tick) / 5.0;
            @let x = px(NAMES + (WIDTH - NAMES) * part);
            line class="grid" x1=(x) x2=(x) y1=(TOP) y2=(px(bottom)) {}
            text x=(x) y="14" text-anchor=(match tick { 0 => "start", 5 => "end", _ => "middle" }) {
                (after(scale.seconds * part))
            }
        }
    }
}

/// Seconds since the start, as short as they can be read.
fn after(seconds: f64) -> String {
    if seconds >= 600.0 {
        format!("+{:.0}m", seconds / 60.0)
    } else if seconds >= 20.0 {
        format!("+{seconds:.0}s")
    } else {
        format!("+{seconds:.1}s")
    }
}

fn lane(scale: &Scale, y: f64, target: &TargetReport, report: &RunReport, until: Timestamp) -> Markup {
    let key = target.key();
    let short = match key.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.clone(),
    };
    html! {
        g { title { (key) } text x="0" y=(px(y + 16.0)) { (short) } }
        @if let Some(injected) = target.injected_at {
            @let held = target.held_seconds.map(|held| format!(", {held}")).unwrap_or_default();
            @let title = format!("{}{held}", report.outcome.word());
            @let end = target.restored_at.map_or(until, |at| at.0);
            (bar(scale, y, injected.0, end, if is_good(target) { "fault" } else { "bad" }, &title))
        }
        @for moved in &target.moves {
            @let gap = moved.gap_seconds.map_or(0.0, |gap| gap.0.as_secs_f64());
            @let back = moved.at.0.checked_add(jiff::SignedDuration::from_secs_f64(gap)).unwrap_or(moved.at.0);
            (bar(scale, y, moved.at.0, back, "gap", &format!("{} to {}", moved.from, moved.to)))
        }
        @for migration in report.migrations.iter().filter(|migration| migration.vmi == key) {
            (phases(scale, y, migration, until))
        }
        @for event in &target.timeline {
            @let x = px(scale.x(event.at.0));
            line class="mark" x1=(x) x2=(x) y1=(px(y + 3.0)) y2=(px(y + LANE - 3.0)) {
                title { (event.at) " " (event.event) }
            }
        }
    }
}

fn bar(scale: &Scale, y: f64, from: Timestamp, to: Timestamp, class: &str, title: &str) -> Markup {
    let (left, right) = (scale.x(from), scale.x(to));
    let width = (right - left).max(1.5);
    html! {
        rect class=(class) x=(px(left)) y=(px(y + 6.0)) width=(px(width)) height=(px(LANE - 12.0)) rx="2" {
            title { (title) }
        }
    }
}

fn phases(scale: &Scale, y: f64, migration: &Migration, until: Timestamp) -> Markup {
    let end = migration.ended_at.map_or(until, |at| at.0);
    let starts = migration.phases.iter().skip(1).map(|phase| phase.at.0);
    let class = |index: usize, phase: &str| match phase {
        "Succeeded" => "good",
        "Failed" => "bad",
        _ if index.is_multiple_of(2) => "step even",
        _ => "step",
    };
    html! {
        @for (index, (phase, to)) in migration.phases.iter().zip(starts.chain([end])).enumerate() {
            (bar(scale, y, phase.at.0, to, class(index, &phase.phase), &phase.phase))
        }
    }
}

/// Milliseconds over the time of the lane; a cross where there was no answer.
fn chart(scale: &Scale, y: f64, ProbeReport { probe, samples, .. }: &ProbeReport) -> Markup {
    let worst = samples
        .iter()
        .filter_map(|sample| Some(sample.ms?.0))
        .fold(0.001, f64::max);
    let height = |ms: f64| y + CHART - 4.0 - (ms / worst) * (CHART - 8.0);
    let mut path = String::new();
    let mut pen_down = false;
    for sample in samples {
        if let Some(ms) = sample.ms {
            let (pen, x) = (if pen_down { "L" } else { "M" }, scale.x(sample.at.0));
            // Writing to a String cannot fail.
            let _ = write!(path, "{pen}{x:.1} {:.1}", height(ms.0));
        }
        pen_down = sample.ms.is_some();
    }
    html! {
        text x="12" y=(px(y + 20.0)) { (probe) " (to " (px(worst)) " ms)" }
        @for sample in samples {
            @let x = px(scale.x(sample.at.0));
            @if let Some(ms) = sample.ms.map(|ms| ms.0) {
                circle class="step" cx=(x) cy=(px(height(ms))) r="2" { title { (sample.at) (format!(" {ms:.3} ms")) } }
            } @else {
                text class="bad" x=(x) y=(px(y + CHART - 6.0)) text-anchor="middle" {
                    "×" title { (sample.at) " not answered" }
                }
            }
        }
        path class="probe" d=(path) {}
    }
}
