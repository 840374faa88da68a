//! The probes of a run as small charts: a column a probe, higher is slower, with marks where the fault began and ended.

use super::small_chart::{self, Signs};
use super::{ProbePhase, ProbeReport, ProbeSample, TargetReport};

/// Columns for the time under the fault; more probes than that share columns.
const WIDEST: usize = 40;
/// Columns for the time before it, and after it.
const SIDE: usize = 8;
/// Charts that are drawn; the document has all.
const MOST: usize = 12;
/// Two lines a probe of each target: the chart, and its numbers. Empty when nothing was probed.
pub(crate) fn lines(targets: &[TargetReport], unicode: bool) -> Vec<String> {
    let signs = Signs::of(unicode);
    let probed: Vec<(String, &ProbeReport)> = targets
        .iter()
        .flat_map(|target| target.probes.iter().map(|probe| (target.key(), probe)))
        .filter(|(_, probe)| !probe.samples.is_empty())
        .collect();
    let title = |(key, probe): &(String, &ProbeReport)| format!("{key}  {}", probe.probe);
    let widest = probed
        .iter()
        .map(|one| title(one).chars().count())
        .max()
        .unwrap_or_default();
    let mut lines = Vec::new();
    for one in probed.iter().take(MOST) {
        let chart = chart(&one.1.samples, signs);
        lines.push(format!("{:widest$}  {chart}", title(one)));
        lines.push(format!("  {}", one.1.words()));
    }
    if probed.len() > MOST {
        let more = probed.len() - MOST;
        lines.push(format!("and {more} more; -o wide and -o json have all"));
    }
    lines
}

fn chart(samples: &[ProbeSample], signs: &Signs) -> String {
    let times = |phase: Option<ProbePhase>| {
        let here = samples
            .iter()
            .filter(move |sample| phase.is_none_or(|phase| sample.phase == phase));
        here.map(|sample| sample.ms.map(|ms| ms.0)).collect::<Vec<_>>()
    };
    let full = small_chart::full(&times(None));
    let part = |phase, widest| small_chart::columns(&times(Some(phase)), widest, full, signs);
    let (before, during) = (part(ProbePhase::Before, SIDE), part(ProbePhase::During, WIDEST));
    let after = part(ProbePhase::After, SIDE);
    let mark = signs.mark;
    format!("{before}{mark}{during}{mark}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Millis, Time};

    fn report(samples: &[(ProbePhase, Option<f64>)]) -> Vec<TargetReport> {
        let samples = samples.iter().map(|(phase, ms)| ProbeSample {
            at: Time("2026-11-20T12:00:00Z".parse().unwrap()),
            phase: *phase,
            ms: ms.map(Millis),
        });
        let mut target = TargetReport::new("default", "web-1");
        target.probes = vec![ProbeReport::new("tcp:8080".into(), None, samples.collect())];
        vec![target]
    }

    #[test]
    fn a_probe_is_a_column_between_two_marks() {
        use ProbePhase::{After, Before, During};
        let report = report(&[
            (Before, Some(0.4)),
            (During, Some(204.0)),
            (During, None),
            (During, Some(100.0)),
            (After, Some(0.4)),
        ]);
        let drawn = [lines(&report, true), lines(&report, false)];
        assert_eq!(drawn[0][0], "default/web-1  tcp:8080  ▁│█✕▄│▁");
        assert_eq!(drawn[1][0], "default/web-1  tcp:8080  _|@x=|_");
        assert_eq!(drawn[0][1], "  before 0.4 ms, during 100 ms, after 0.4 ms; 1 of 5 lost");
        assert!(drawn[1].iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn an_hour_fits_into_a_line_and_hides_no_loss() {
        let mut samples = vec![(ProbePhase::During, Some(0.4)); 3_600];
        samples[1_800].1 = None;
        let line = lines(&report(&samples), true).remove(0);
        assert!(line.chars().count() < 80, "{line}");
        assert_eq!(line.matches('✕').count(), 1);
    }

    #[test]
    fn nothing_is_drawn_of_a_run_without_probes() {
        assert_eq!(lines(&report(&[]), true), Vec::<String>::new());
    }
}
