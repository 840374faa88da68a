//! How times and durations are written.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment, written in RFC 3339, UTC, with milliseconds: `2026-11-20T12:03:04.250Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

/// A duration from a monotonic clock, written as a number of seconds with at most milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl Time {
    pub fn now() -> Self {
        Self(Timestamp::now())
    }

    /// In digits that sort: `20261120T120304250`.
    pub fn sorting(self) -> String {
        self.to_string()
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == 'T')
            .collect()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Seconds {
    fn rounded(self) -> f64 {
        (self.0.as_secs_f64() * 1000.0).round() / 1000.0
    }
}

/// As a table shows it: `10.003s`, `120s`.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.rounded())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.rounded())
    }
}

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_exactly_milliseconds() {
        for (nanos, written) in [(0, "000"), (250_000_000, "250"), (999_999_999, "999")] {
            let at = Time(Timestamp::new(1_795_435_384, nanos).unwrap());
            assert_eq!(
                serde_json::to_string(&at).unwrap(),
                format!("\"2026-11-23T12:03:04.{written}Z\"")
            );
        }
    }

    #[test]
    fn seconds_are_numbers_with_milliseconds() {
        let written = |nanos| serde_json::to_string(&Seconds(Duration::from_nanos(nanos))).unwrap();
        assert_eq!(written(10_003_499_999), "10.003");
        assert_eq!(written(120_000_000_000), "120.0");
        assert_eq!(Seconds(Duration::from_secs(120)).to_string(), "120s");
        assert_eq!(Seconds(Duration::from_millis(1_500)).to_string(), "1.5s");
    }
}
