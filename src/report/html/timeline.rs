//! The timeline as SVG: a lane a VM, time from left to right.

use std::fmt::Write as _;

use super::super::{Migration, ProbeReport, RunReport, TargetReport, Time};
use super::{is_good, safe};
use jiff::Timestamp;

const WIDTH: f64 = 1060.0;
/// Room for names, left of the lanes.
const NAMES: f64 = 220.0;
const LANE: f64 = 26.0;
/// Below a lane, where the VM was probed.
const CHART: f64 = 34.0;
const TOP: f64 = 24.0;
/// Characters of a name that fit.
const NAME: usize = 34;

/// Moments as places on the page.
struct Scale {
    from: Timestamp,
    seconds: f64,
}

impl Scale {
    fn x(&self, at: Timestamp) -> f64 {
        let part = at.duration_since(self.from).as_secs_f64() / self.seconds;
        NAMES + part.clamp(0.0, 1.0) * (WIDTH - NAMES)
    }
}

/// Empty where nothing happened to any VM.
pub(super) fn svg(report: &RunReport) -> String {
    let happened = |target: &TargetReport| !target.timeline.is_empty() || target.injected_at.is_some();
    if !report.targets.iter().any(happened) && report.migrations.is_empty() {
        return String::new();
    }
    let until = report.finished_at.unwrap_or_else(Time::now).0;
    let scale = Scale {
        from: report.started_at.0,
        seconds: until.duration_since(report.started_at.0).as_secs_f64().max(0.001),
    };
    let mut body = String::new();
    let mut y = TOP;
    for target in &report.targets {
        lane(&mut body, &scale, y, target, report, until);
        y += LANE;
        for probed in &target.probes {
            chart(&mut body, &scale, y, probed);
            y += CHART;
        }
    }
    let mut text = format!(
        "<h2>Timeline</h2>\n<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"timeline\">\n",
        y + 4.0
    );
    axis(&mut text, &scale, y);
    text.push_str(&body);
    text.push_str("</svg>\n");
    text
}

fn axis(text: &mut String, scale: &Scale, bottom: f64) {
    for tick in 0..=5 {
        let seconds = scale.seconds * f64::from(tick) / 5.0;
        let x = NAMES + (WIDTH - NAMES) * f64::from(tick) / 5.0;
        let anchor = match tick {
            0 => "start",
            5 => "end",
            _ => "middle",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>\
             <text x=\"{x:.1}\" y=\"14\" text-anchor=\"{anchor}\">{}</text>",
            after(seconds)
        );
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

fn lane(text: &mut String, scale: &Scale, y: f64, target: &TargetReport, report: &RunReport, until: Timestamp) {
    let key = target.key();
    let short: String = match key.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.clone(),
    };
    let _ = writeln!(
        text,
        "<g><title>{}</title><text x=\"0\" y=\"{:.1}\">{}</text></g>",
        safe(&key),
        y + 16.0,
        safe(&short)
    );
    if let Some(injected) = target.injected_at {
        let class = if is_good(target) { "fault" } else { "bad" };
        let end = target.restored_at.map_or(until, |at| at.0);
        let held = target.held_seconds.map(|held| format!(", {held}")).unwrap_or_default();
        bar(
            text,
            scale,
            y,
            injected.0,
            end,
            class,
            &format!("{}{held}", report.outcome.word()),
        );
    }
    for moved in &target.moves {
        let gap = moved.gap_seconds.map_or(0.0, |gap| gap.0.as_secs_f64());
        let back = moved
            .at
            .0
            .checked_add(jiff::SignedDuration::from_secs_f64(gap))
            .unwrap_or(moved.at.0);
        bar(
            text,
            scale,
            y,
            moved.at.0,
            back,
            "gap",
            &format!("{} to {}", moved.from, moved.to),
        );
    }
    for migration in report.migrations.iter().filter(|migration| migration.vmi == key) {
        phases(text, scale, y, migration, until);
    }
    for event in &target.timeline {
        let x = scale.x(event.at.0);
        let _ = writeln!(
            text,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"><title>{} {}</title></line>",
            y + 3.0,
            y + LANE - 3.0,
            event.at,
            safe(&event.event)
        );
    }
}

fn bar(text: &mut String, scale: &Scale, y: f64, from: Timestamp, to: Timestamp, class: &str, title: &str) {
    let (left, right) = (scale.x(from), scale.x(to));
    let _ = writeln!(
        text,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"><title>{}</title></rect>",
        y + 6.0,
        (right - left).max(1.5),
        LANE - 12.0,
        safe(title)
    );
}

fn phases(text: &mut String, scale: &Scale, y: f64, migration: &Migration, until: Timestamp) {
    let end = migration.ended_at.map_or(until, |at| at.0);
    let starts = migration.phases.iter().skip(1).map(|phase| phase.at.0);
    for (index, (phase, to)) in migration.phases.iter().zip(starts.chain([end])).enumerate() {
        let class = match &*phase.phase {
            "Succeeded" => "good",
            "Failed" => "bad",
            _ if index % 2 == 0 => "step even",
            _ => "step",
        };
        bar(text, scale, y, phase.at.0, to, class, &phase.phase);
    }
}

/// Milliseconds over the time of the lane; a cross where there was no answer.
fn chart(text: &mut String, scale: &Scale, y: f64, ProbeReport { probe, samples, .. }: &ProbeReport) {
    let worst = samples
        .iter()
        .filter_map(|sample| Some(sample.ms?.0))
        .fold(0.001, f64::max);
    let _ = writeln!(
        text,
        "<text x=\"12\" y=\"{:.1}\">{} (to {worst:.1} ms)</text>",
        y + 20.0,
        safe(probe)
    );
    let mut path = String::new();
    let mut pen_down = false;
    for sample in samples {
        let (at, x) = (sample.at, scale.x(sample.at.0));
        if let Some(ms) = sample.ms.map(|ms| ms.0) {
            let height = y + CHART - 4.0 - (ms / worst) * (CHART - 8.0);
            let _ = write!(path, "{}{x:.1} {height:.1}", if pen_down { "L" } else { "M" });
            let _ = writeln!(
                text,
                "<circle class=\"step\" cx=\"{x:.1}\" cy=\"{height:.1}\" r=\"2\"><title>{at} {ms:.3} ms</title></circle>"
            );
        } else {
            let _ = writeln!(
                text,
                "<text class=\"bad\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">×<title>{at} not answered</title></text>",
                y + CHART - 6.0
            );
        }
        pen_down = sample.ms.is_some();
    }
    let _ = writeln!(text, "<path class=\"probe\" d=\"{path}\"/>");
}
