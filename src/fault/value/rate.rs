//! Rates in the units of `tc`, without the two that people get wrong: a bare number (bits to `tc`) and `bps` (bytes).

use std::fmt;

use super::{Decimal, Inexact, ValueError};

/// A rate in bits a second, a whole number of bytes as the kernel keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rate(u64);

const UNITS: [(&str, u64); 9] = [
    ("bit", 1),
    ("kbit", 1_000),
    ("mbit", 1_000_000),
    ("gbit", 1_000_000_000),
    ("tbit", 1_000_000_000_000),
    ("kibit", 1 << 10),
    ("mibit", 1 << 20),
    ("gibit", 1 << 30),
    ("tibit", 1 << 40),
];

impl Rate {
    pub const ZERO: Self = Self(0);
    /// Below it a full frame takes longer than 12 s and no protocol lives.
    pub const MIN: Self = Self(1_000);
    /// Faster than any link of a VM; keeps bursts and queues within the kernel's 32 bits.
    pub const MAX: Self = Self(1_000_000_000_000);

    pub const fn kbit(kbit: u64) -> Self {
        Self(kbit * 1_000)
    }

    pub const fn mbit(mbit: u64) -> Self {
        Self(mbit * 1_000_000)
    }

    pub const fn bits_per_second(self) -> u64 {
        self.0
    }

    pub const fn bytes_per_second(self) -> u64 {
        self.0 / 8
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `100mbit`, `1gbit`, `500kbit`, in upper or lower case.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let (number, unit) = Decimal::split(text).map_err(|e| e.into_error(text, "100mbit"))?;
        let figure = &text[..text.len() - unit.len()];
        let unit = unit.to_ascii_lowercase();
        if unit.is_empty() && number.digits == 0 {
            return Ok(Self::ZERO);
        }
        let Some((_, bits)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            return Err(unknown_unit(figure, &unit));
        };
        let rate = number.times(u128::from(*bits)).map(Self).map_err(|e| match e {
            Inexact::TooFine => ValueError::new("finer than a bit a second", "1500bit"),
            Inexact::TooLarge => ValueError::new(format!("more than {}", Self::MAX), "100gbit"),
        })?;
        if rate.is_zero() {
            return Ok(rate);
        }
        if rate < Self::MIN {
            return Err(ValueError::new(
                "below 1kbit a full frame takes longer than 12 s",
                "1kbit",
            ));
        }
        if rate > Self::MAX {
            return Err(ValueError::new(format!("more than {}", Self::MAX), "100gbit"));
        }
        if rate.0 % 8 != 0 {
            return Err(ValueError::new(
                "not a whole number of bytes a second",
                format!("{}bit", rate.0 - rate.0 % 8),
            ));
        }
        Ok(rate)
    }

    /// As bytes a second for people: `125 kB/s`.
    pub fn in_bytes(self) -> String {
        let bytes = self.bytes_per_second();
        let (divisor, unit) = match bytes {
            0..1_000 => (1, "B/s"),
            1_000..1_000_000 => (1_000, "kB/s"),
            1_000_000..1_000_000_000 => (1_000_000, "MB/s"),
            _ => (1_000_000_000, "GB/s"),
        };
        let tenths = (bytes * 10 + divisor / 2) / divisor;
        if tenths.is_multiple_of(10) {
            format!("{} {unit}", tenths / 10)
        } else {
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

/// What somebody most likely meant by a unit that is none of ours.
fn unknown_unit(figure: &str, unit: &str) -> ValueError {
    let prefix = unit
        .chars()
        .next()
        .filter(|c| "kmgt".contains(*c))
        .map(String::from)
        .unwrap_or_default();
    let bits = Some(format!("{figure}{prefix}bit"))
        .filter(|bits| Rate::parse(bits).is_ok())
        .unwrap_or_else(|| "100mbit".into());
    match unit {
        "" => {
            let mbit = format!("{figure}mbit");
            ValueError::new("has no unit", if Rate::parse(&mbit).is_ok() { mbit } else { bits })
        }
        "k" | "m" | "g" | "t" => ValueError::new(format!("`{unit}` is not a unit of its own (bits or bytes?)"), bits),
        _ if unit.ends_with("bps") && unit.is_ascii() => ValueError::new(
            format!("`{unit}` is bytes a second to tc and bits to most people; say it in bits"),
            bits,
        ),
        _ => ValueError::new(
            format!("`{}` is not a unit of a rate (kbit, mbit, gbit)", unit.escape_debug()),
            if prefix.is_empty() { "100mbit".into() } else { bits },
        ),
    }
}

/// In the largest decimal unit that leaves a whole number: `1500kbit`, `1gbit`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, bits) in [
            ("tbit", 1_000_000_000_000),
            ("gbit", 1_000_000_000),
            ("mbit", 1_000_000),
            ("kbit", 1_000),
        ] {
            if self.0 >= bits && self.0.is_multiple_of(bits) {
                return write!(f, "{}{unit}", self.0 / bits);
            }
        }
        write!(f, "{}bit", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_tc_in_any_case() {
        for (text, bits, shown) in [
            ("100mbit", 100_000_000, "100mbit"),
            ("1GBIT", 1_000_000_000, "1gbit"),
            ("500Kbit", 500_000, "500kbit"),
            ("1.5mbit", 1_500_000, "1500kbit"),
            ("1kibit", 1_024, "1024bit"),
            ("1tbit", 1_000_000_000_000, "1tbit"),
            ("0", 0, "0bit"),
            ("0mbit", 0, "0bit"),
        ] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.0, rate.to_string().as_str()), (bits, shown));
        }
    }

    #[test]
    fn a_slip_is_told_the_fix() {
        for (text, instead) in [
            ("100", "100mbit"),
            ("1m", "1mbit"),
            ("1M", "1mbit"),
            ("1mbps", "1mbit"),
            ("1Mbps", "1mbit"),
            ("8bps", "100mbit"),
            ("9999999999", "100mbit"),
            ("1gb", "1gbit"),
            ("1mbit/s", "1mbit"),
            ("-1mbit", "1mbit"),
            ("1001bit", "1000bit"),
            ("2tbit", "100gbit"),
        ] {
            assert_eq!(Rate::parse(text).unwrap_err().instead, instead, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        for bad in [
            "",
            "mbit",
            "NaN",
            "infmbit",
            "1e6bit",
            "１mbit",
            "10 mbit",
            "1.0001kbit",
            "8bit",
            "99999999999999999999gbit",
            "1\u{202e}mbit",
        ] {
            assert!(Rate::parse(bad).is_err(), "{bad} passed");
        }
    }

    #[test]
    fn bytes_for_people() {
        for (text, words) in [
            ("1mbit", "125 kB/s"),
            ("100kbit", "12.5 kB/s"),
            ("10gbit", "1.3 GB/s"),
            ("1kbit", "125 B/s"),
        ] {
            assert_eq!(Rate::parse(text).unwrap().in_bytes(), words);
        }
    }
}
