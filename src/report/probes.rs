//! What the probes of a target measured, with a summary of each phase.

use serde::Serialize;
use serde::ser::Serializer;

use super::Time;

/// One kind of probe of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// As it was asked for, e.g. `tcp:8080`.
    pub probe: String,
    /// Where it went: the address of the launcher pod the VM is in at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub before: ProbeSummary,
    pub during: ProbeSummary,
    pub after: ProbeSummary,
    pub samples: Vec<ProbeSample>,
}

/// The probes of one phase.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeSummary {
    pub sent: usize,
    pub answered: usize,
    /// Of those that were answered; of an even number the lower one in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_ms: Option<Millis>,
}

/// One probe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProbeSample {
    /// When it began.
    pub at: Time,
    pub phase: ProbePhase,
    /// Until the answer; `None` when there was none.
    pub ms: Option<Millis>,
}

/// Where in a fault's time a probe was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbePhase {
    Before,
    During,
    After,
}

/// Milliseconds, shown to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Millis(pub f64);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0 * 1000.0).round() / 1000.0)
    }
}

/// As people read it: `0.4 ms`, `204 ms`, `2.3 s`.
impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            ms if ms < 0.095 => write!(f, "{ms:.2} ms"),
            ms if ms < 9.95 => write!(f, "{ms:.1} ms"),
            ms if ms < 9_999.5 => write!(f, "{ms:.0} ms"),
            ms => write!(f, "{:.1} s", ms / 1000.0),
        }
    }
}

impl ProbeReport {
    pub fn new(probe: String, address: Option<String>, samples: Vec<ProbeSample>) -> Self {
        let of = |phase| ProbeSummary::of(samples.iter().filter(|sample| sample.phase == phase));
        Self {
            probe,
            address,
            before: of(ProbePhase::Before),
            during: of(ProbePhase::During),
            after: of(ProbePhase::After),
            samples,
        }
    }

    /// `before 0.4 ms, during 204 ms, after 0.4 ms; 1 of 14 lost`: medians, and how many had no answer.
    pub fn words(&self) -> String {
        let phases = [("before", self.before), ("during", self.during), ("after", self.after)];
        let told = phases.iter().filter(|(_, summary)| summary.sent > 0);
        let medians: Vec<String> = told
            .map(|(name, summary)| match summary.median_ms {
                Some(median) => format!("{name} {median}"),
                None => format!("{name} no answer"),
            })
            .collect();
        let (sent, answered) = phases.iter().fold((0, 0), |(sent, answered), (_, summary)| {
            (sent + summary.sent, answered + summary.answered)
        });
        if sent == 0 {
            return "not probed".to_owned();
        }
        format!("{}; {} of {sent} lost", medians.join(", "), sent - answered)
    }
}

impl ProbeSummary {
    fn of<'a>(samples: impl Iterator<Item = &'a ProbeSample>) -> Self {
        let all: Vec<Option<Millis>> = samples.map(|sample| sample.ms).collect();
        let mut times: Vec<Millis> = all.iter().copied().flatten().collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            sent: all.len(),
            answered: times.len(),
            median_ms: times.get(times.len().saturating_sub(1) / 2).copied(),
            worst_ms: times.last().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(phase: ProbePhase, ms: Option<f64>) -> ProbeSample {
        ProbeSample {
            at: Time("2026-11-20T12:00:00Z".parse().unwrap()),
            phase,
            ms: ms.map(Millis),
        }
    }

    #[test]
    fn a_phase_is_summed_up_by_median_and_worst() {
        use ProbePhase::{After, Before, During};
        let samples = vec![
            sample(Before, Some(0.4)),
            sample(Before, Some(0.5)),
            sample(Before, Some(9.0)),
            sample(During, Some(204.1)),
            sample(During, None),
            sample(After, None),
        ];
        let report = ProbeReport::new("tcp:80".into(), Some("10.0.0.1".into()), samples);
        assert_eq!(report.before.median_ms, Some(Millis(0.5)));
        assert_eq!(report.before.worst_ms, Some(Millis(9.0)));
        assert_eq!((report.during.sent, report.during.answered), (2, 1));
        assert_eq!(
            report.after,
            ProbeSummary {
                sent: 1,
                ..ProbeSummary::default()
            }
        );
        assert_eq!(
            report.words(),
            "before 0.5 ms, during 204 ms, after no answer; 2 of 6 lost"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["after"], serde_json::json!({"sent": 1, "answered": 0}));
        assert_eq!(json["samples"][4]["ms"], serde_json::Value::Null);
        assert_eq!(json["samples"][0]["phase"], "before");
    }

    #[test]
    fn times_are_shown_as_precise_as_they_matter() {
        let shown = [0.043, 0.44, 9.94, 204.3, 9_999.9].map(|ms| Millis(ms).to_string());
        assert_eq!(shown, ["0.04 ms", "0.4 ms", "9.9 ms", "204 ms", "10.0 s"]);
    }
}
