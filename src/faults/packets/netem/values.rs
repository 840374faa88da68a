//! The netem fault: what is done to a VM's packets, and which effects go together.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::fault::{Percent, Rate, Time, ValueError};
use crate::problem::Problem;

/// What is asked for, flag by flag; `Some` of zero takes an effect out of a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetemSettings {
    pub latency: Option<Time>,
    pub jitter: Option<Time>,
    pub correlation: Option<Percent>,
    pub distribution: Option<Distribution>,
    pub loss: Option<Percent>,
    pub duplicate: Option<Percent>,
    pub corrupt: Option<Percent>,
    pub reorder: Option<Percent>,
    pub gap: Option<u32>,
    pub bandwidth: Option<Rate>,
    pub limit: Option<u32>,
}

/// A netem fault that makes sense: at least one effect, and every value that needs another has it. Absent means not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Netem {
    /// Added to every packet, in each direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Time>,
    /// The latency varies by this much to both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Time>,
    /// How much a packet's latency depends on that of the one before; without jitter there is nothing to correlate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<Percent>,
    /// This share of packets skips the latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Percent>,
    /// Only every n-th packet may skip it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Rate>,
    /// Packets the queue holds; computed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// How latencies spread within the jitter; evenly when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    Normal,
    Pareto,
    ParetoNormal,
}

// === impl NetemSettings ===

impl NetemSettings {
    /// These settings, and `beneath` where they say nothing.
    #[must_use]
    pub fn over(self, beneath: Self) -> Self {
        Self {
            latency: self.latency.or(beneath.latency),
            jitter: self.jitter.or(beneath.jitter),
            correlation: self.correlation.or(beneath.correlation),
            distribution: self.distribution.or(beneath.distribution),
            loss: self.loss.or(beneath.loss),
            duplicate: self.duplicate.or(beneath.duplicate),
            corrupt: self.corrupt.or(beneath.corrupt),
            reorder: self.reorder.or(beneath.reorder),
            gap: self.gap.or(beneath.gap),
            bandwidth: self.bandwidth.or(beneath.bandwidth),
            limit: self.limit.or(beneath.limit),
        }
    }

    /// The fault these settings make, or why they make none.
    pub fn resolve(self) -> Result<Netem, Problem> {
        let netem = Netem {
            latency: self.latency.filter(|t| !t.is_zero()),
            jitter: self.jitter.filter(|t| !t.is_zero()),
            correlation: self.correlation.filter(|p| !p.is_zero()),
            distribution: self.distribution.filter(|_| self.jitter.is_none_or(|t| !t.is_zero())),
            loss: self.loss.filter(|p| !p.is_zero()),
            duplicate: self.duplicate.filter(|p| !p.is_zero()),
            corrupt: self.corrupt.filter(|p| !p.is_zero()),
            reorder: self.reorder.filter(|p| !p.is_zero()),
            gap: self.gap.filter(|n| *n != 0),
            bandwidth: self.bandwidth.filter(|r| !r.is_zero()),
            limit: self.limit.filter(|n| *n != 0),
        };
        netem.check()?;
        Ok(netem)
    }
}

// === impl Netem ===

impl Netem {
    fn check(&self) -> Result<(), Problem> {
        let needs = |flag: &str, other: &str, why: &str, example: &str| {
            Err(Problem::usage(
                format!("{flag} needs {other}: {why}"),
                format!("add {example}"),
            ))
        };
        if self.latency.is_none() {
            if self.jitter.is_some() {
                return needs(
                    "--jitter",
                    "--latency",
                    "it is what a latency varies by",
                    "--latency 100ms",
                );
            }
            if self.correlation.is_some() {
                return needs("--correlation", "--latency", "it is the latency's", "--latency 100ms");
            }
            if self.reorder.is_some() {
                return needs(
                    "--reorder",
                    "--latency",
                    "a packet overtakes by skipping the latency of the others",
                    "--latency 10ms",
                );
            }
        }
        if self.distribution.is_some() && self.jitter.is_none() {
            return needs(
                "--distribution",
                "--jitter",
                "it is how the latency spreads within the jitter",
                "--latency 100ms --jitter 10ms",
            );
        }
        if self.gap.is_some() && self.reorder.is_none() {
            return needs(
                "--gap",
                "--reorder",
                "it says which packets may overtake",
                "--reorder 25%",
            );
        }
        let effects = self.latency.is_some()
            || self.loss.is_some()
            || self.duplicate.is_some()
            || self.corrupt.is_some()
            || self.bandwidth.is_some();
        if !effects {
            return Err(Problem::usage(
                "nothing to do to the network: no effect is asked for",
                "give at least one of --latency, --loss, --duplicate, --corrupt, --bandwidth or a --preset, e.g. --latency 100ms",
            ));
        }
        Ok(())
    }

    /// Whether a rate is all that is asked: then the kernel's token bucket does it, which is there where netem is not.
    /// A limit in packets is netem's; the token bucket counts bytes.
    pub fn is_only_bandwidth(&self) -> bool {
        let other = [self.loss, self.duplicate, self.corrupt].iter().any(Option::is_some);
        self.bandwidth.is_some() && self.latency.is_none() && self.limit.is_none() && !other
    }

    /// The latency, or none at all.
    pub fn delay(&self) -> Time {
        self.latency.unwrap_or_default()
    }

    /// The longest a packet waits, for all that matters: four times the jitter holds 99.99 % of a normal distribution.
    pub fn longest_delay(&self) -> Time {
        self.delay().plus(self.jitter.unwrap_or_default().times(4))
    }
}

/// `latency 100ms ±10ms (normal), loss 10%, bandwidth 1mbit`.
impl fmt::Display for Netem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(latency) = self.latency {
            let jitter = self.jitter.map(|jitter| format!(" ±{jitter}")).unwrap_or_default();
            let spread = [
                self.distribution.map(|d| d.to_string()),
                self.correlation.map(|c| format!("correlation {c}")),
            ];
            let spread: Vec<_> = spread.into_iter().flatten().collect();
            let spread = if spread.is_empty() {
                String::new()
            } else {
                format!(" ({})", spread.join(", "))
            };
            parts.push(format!("latency {latency}{jitter}{spread}"));
        }
        for (name, share) in [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
            ("reorder", self.reorder),
        ] {
            if let Some(share) = share {
                let gap = self
                    .gap
                    .filter(|_| name == "reorder")
                    .map(|n| format!(" gap {n}"))
                    .unwrap_or_default();
                parts.push(format!("{name} {share}{gap}"));
            }
        }
        if let Some(rate) = self.bandwidth {
            parts.push(format!("bandwidth {rate}"));
        }
        if let Some(limit) = self.limit {
            parts.push(format!("limit {limit} packets"));
        }
        f.write_str(&parts.join(", "))
    }
}

// === impl Distribution ===

impl Distribution {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Pareto, Self::ParetoNormal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Pareto => "pareto",
            Self::ParetoNormal => "paretonormal",
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distribution {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|d| d.name() == text)
            .ok_or_else(|| ValueError::new("not one of normal, pareto, paretonormal", "normal"))
    }
}

impl Serialize for Distribution {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests;
