//! Times: latencies, which need a unit, and durations, for which a bare number is seconds as everywhere in Kubernetes.

use std::fmt;
use std::time::Duration;

use super::{Decimal, Inexact, ValueError, write_decimal};

/// A span of time in whole microseconds, the resolution of `tc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(u64);

const UNITS: [(&str, u64); 13] = [
    ("us", 1),
    ("µs", 1),
    ("μs", 1),
    ("usec", 1),
    ("ms", 1_000),
    ("msec", 1_000),
    ("s", 1_000_000),
    ("sec", 1_000_000),
    ("secs", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("hr", 3_600_000_000),
];

impl Time {
    pub const ZERO: Self = Self(0);
    /// Below this the clock of the packet scheduler (64 ns ticks, printed in microseconds) cannot show that a delay is there.
    pub const MIN_DELAY: Self = Self(10);
    /// Older kernels and `tc` keep a netem delay in 32 bits of 64 ns ticks: 274.8 s.
    pub const MAX_DELAY: Self = Self::from_millis(270_000);
    /// netem keeps its jitter in 31 bits of nanoseconds and silently cuts off what is above.
    pub const MAX_JITTER: Self = Self::from_millis(2_147);
    /// Shorter than this, applying and reading back take longer than the fault.
    pub const MIN_DURATION: Self = Self::from_millis(100);
    /// A week: what stays longer is not an experiment any more.
    pub const MAX_DURATION: Self = Self::from_millis(7 * 24 * 3_600_000);

    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    pub const fn as_duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// So long, `by` times as fast; never so short that what is measured takes longer ([`Self::MIN_DURATION`]).
    #[must_use]
    pub fn hastened(self, by: u32) -> Self {
        let shorter = Self(self.0 / u64::from(by.max(1)));
        shorter.max(Self::MIN_DURATION).min(self)
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// A delay of packets: `100ms`, `1.5s`; a bare number is an error, since `tc` reads it as microseconds and people mean milliseconds.
    pub fn parse_latency(text: &str) -> Result<Self, ValueError> {
        Self::parse_within(text, Self::MAX_DELAY, "the kernel keeps a delay in 32 bits of 64 ns")
    }

    /// The spread of a delay; the kernel's limit is lower than that of the delay itself.
    pub fn parse_jitter(text: &str) -> Result<Self, ValueError> {
        Self::parse_within(
            text,
            Self::MAX_JITTER,
            "the kernel keeps jitter in 31 bits of nanoseconds",
        )
    }

    /// How long a fault stays: `120s`, `2m`, `1m30s`; a bare whole number is seconds. Zero is not refused here.
    pub fn parse_duration(text: &str) -> Result<Self, ValueError> {
        let time = Self::parse_wait(text)?;
        if !time.is_zero() && time < Self::MIN_DURATION {
            let problem = format!(
                "shorter than {}, the time it takes to inject and read back",
                Self::MIN_DURATION
            );
            return Err(ValueError::new(problem, "1s"));
        }
        Ok(time)
    }

    /// How long something else may take; a bare whole number is seconds.
    pub fn parse_wait(text: &str) -> Result<Self, ValueError> {
        let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let time = if bare {
            Self::parse(&format!("{text}s"), "120s", "s")?
        } else {
            Self::parse(text, "120s", "s")?
        };
        if time > Self::MAX_DURATION {
            return Err(ValueError::new("longer than a week (168h)", "1h"));
        }
        Ok(time)
    }

    fn parse_within(text: &str, max: Self, why: &str) -> Result<Self, ValueError> {
        let time = Self::parse(text, "100ms", "ms")?;
        if !time.is_zero() && time < Self::MIN_DELAY {
            return Err(ValueError::new(
                "below 10us, finer than the kernel's packet clock can show",
                "10us",
            ));
        }
        if time > max {
            // `100m` for `100ms` is the slip that ends here.
            let slip = text
                .strip_suffix('m')
                .map(|n| format!("{n}ms"))
                .filter(|t| Self::parse(t, "", "").is_ok_and(|t| t <= max));
            return Err(ValueError::new(
                format!("more than {max}, and {why}"),
                slip.unwrap_or_else(|| max.to_string()),
            ));
        }
        Ok(time)
    }

    /// One or more numbers with units, as Go writes durations; `unit` is what a bare number is most likely meant in.
    fn parse(text: &str, example: &str, unit: &str) -> Result<Self, ValueError> {
        let mut total = 0u64;
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        loop {
            let (number, after) = Decimal::split(rest).map_err(|e| e.into_error(rest, example))?;
            let end = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (name, next) = after.split_at(end);
            if name.is_empty() {
                let before = text.trim().strip_suffix(rest).unwrap_or_default();
                return Err(ValueError::new("has no unit", format!("{before}{rest}{unit}")));
            }
            let Some((_, micros)) = UNITS.iter().find(|(known, _)| *known == name) else {
                return Err(ValueError::new(
                    format!("`{}` is not a unit of time (us, ms, s, m, h)", name.escape_debug()),
                    example,
                ));
            };
            let part = number.times(u128::from(*micros)).map_err(|e| match e {
                Inexact::TooFine => ValueError::new("finer than a microsecond", example),
                Inexact::TooLarge => ValueError::new("too long", example),
            })?;
            total = total
                .checked_add(part)
                .ok_or_else(|| ValueError::new("too long", example))?;
            if next.is_empty() {
                return Ok(Self(total));
            }
            rest = next;
        }
    }

    /// As `tc` is told: a whole number of `ms`, else of `us`.
    pub fn tc(self) -> String {
        if self.0.is_multiple_of(1_000) {
            format!("{}ms", self.0 / 1_000)
        } else {
            format!("{}us", self.0)
        }
    }

    /// As a duration is written, e.g. `8s` or `0.5s`: in seconds, however short it is.
    pub fn in_seconds(self) -> String {
        format!("{}s", self.seconds())
    }

    /// As decimal seconds without a unit, e.g. `120` or `1.5`.
    pub fn seconds(self) -> String {
        struct Seconds(u64);
        impl fmt::Display for Seconds {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_decimal(f, self.0, 6)
            }
        }
        Seconds(self.0).to_string()
    }
}

/// `500us`, `1.5ms`, `2000ms`, `15s`: milliseconds up to ten seconds, the unit latencies are thought in, then seconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{}us", self.0),
            1_000..10_000_000 => {
                write_decimal(f, self.0, 3)?;
                f.write_str("ms")
            }
            _ => {
                write_decimal(f, self.0, 6)?;
                f.write_str("s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_need_a_unit() {
        assert_eq!(Time::parse_latency("100ms"), Ok(Time(100_000)));
        assert_eq!(Time::parse_latency("1.5s"), Ok(Time(1_500_000)));
        assert_eq!(Time::parse_latency("2m"), Ok(Time(120_000_000)));
        assert_eq!(Time::parse_latency("250us"), Ok(Time(250)));
        assert_eq!(Time::parse_latency("250µs"), Ok(Time(250)));
        assert_eq!(Time::parse_latency("0"), Ok(Time::ZERO));
        assert_eq!(Time::parse_latency("0ms"), Ok(Time::ZERO));
        assert_eq!(
            Time::parse_latency("100").unwrap_err().to_string(),
            "has no unit; try `100ms`"
        );
        assert_eq!(
            Time::parse_latency("-5ms").unwrap_err().to_string(),
            "cannot be negative; try `5ms`"
        );
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for bad in [
            "",
            "ms",
            "NaN",
            "inf",
            "1e3ms",
            "1,5ms",
            "100 ms",
            "100MS",
            "१००ms",
            "0.0005ms",
            "1..5ms",
            "+1ms",
            "5us",
            "271s",
        ] {
            assert!(Time::parse_latency(bad).is_err(), "{bad} passed");
        }
        assert!(Time::parse_latency(&"9".repeat(400)).is_err());
        assert!(Time::parse_latency(&format!("{}h", "9".repeat(20))).is_err());
    }

    #[test]
    fn a_delay_in_minutes_by_a_slip_is_told_the_milliseconds() {
        assert_eq!(Time::parse_latency("100m").unwrap_err().instead, "100ms");
        assert_eq!(Time::parse_jitter("2148ms").unwrap_err().instead, "2147ms");
    }

    #[test]
    fn a_bare_whole_number_is_seconds_for_durations() {
        assert_eq!(Time::parse_duration("120"), Ok(Time::from_millis(120_000)));
        assert_eq!(Time::parse_duration("1m30s"), Ok(Time::from_millis(90_000)));
        assert_eq!(Time::parse_duration("0"), Ok(Time::ZERO));
        assert_eq!(
            Time::parse_duration("1.5").unwrap_err().to_string(),
            "has no unit; try `1.5s`"
        );
        assert_eq!(Time::parse_duration("1m30").unwrap_err().instead, "1m30s");
        assert!(Time::parse_duration("99ms").is_err());
        assert_eq!(Time::parse_wait("99ms"), Ok(Time::from_millis(99)));
        assert!(Time::parse_duration("169h").is_err());
        assert!(Time::parse_duration("18446744073709551615").is_err());
    }

    #[test]
    fn a_time_is_shown_exactly() {
        for (micros, shown, tc, seconds) in [
            (250, "250us", "250us", "0.00025"),
            (1_500, "1.5ms", "1500us", "0.0015"),
            (2_000_000, "2000ms", "2000ms", "2"),
            (10_000_000, "10s", "10000ms", "10"),
            (90_500_000, "90.5s", "90500ms", "90.5"),
        ] {
            let time = Time(micros);
            assert_eq!(
                (time.to_string().as_str(), time.tc().as_str(), time.seconds().as_str()),
                (shown, tc, seconds)
            );
        }
    }
}
