//! Percentages, and what a small one means in packets.

use std::fmt;

use super::{Decimal, Inexact, ValueError, write_decimal};

/// A share from 0 % to 100 % in whole ten-thousandths of a percent (parts per million).
///
/// The kernel keeps a probability in 32 bits, some 4,000 times finer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(u32);

impl Percent {
    pub const FULL: Self = Self(1_000_000);

    /// So many percent; 100 when it is more.
    pub const fn whole(percent: u8) -> Self {
        Self::from_millionths(percent as u32 * 10_000)
    }

    /// So many parts per million; all of it when it is more.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(if millionths < Self::FULL.0 {
            millionths
        } else {
            Self::FULL.0
        })
    }

    /// Parts per million.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This share of `whole`, rounded down.
    pub const fn of(self, whole: usize) -> usize {
        whole.saturating_mul(self.0 as usize) / Self::FULL.0 as usize
    }

    /// Whether `part` is this share of `whole`, or more.
    pub const fn is_reached(self, part: usize, whole: usize) -> bool {
        part.saturating_mul(Self::FULL.0 as usize) >= whole.saturating_mul(self.0 as usize)
    }

    /// From 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// `10`, `10%`, `0.5`: always percent, never a fraction of one.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let (number, unit) = Decimal::split(text).map_err(|e| e.into_error(text, "10%"))?;
        if !matches!(unit, "" | "%") {
            return Err(ValueError::new(
                format!("`{}` does not belong behind a percentage", unit.escape_debug()),
                "10%",
            ));
        }
        let millionths = number.times(10_000).map_err(|e| match e {
            Inexact::TooFine => ValueError::new("finer than 0.0001% (1 in 1,000,000)", "0.0001%"),
            Inexact::TooLarge => ValueError::new("more than 100%", "100%"),
        })?;
        match u32::try_from(millionths) {
            Ok(millionths) if millionths <= Self::FULL.0 => Ok(Self(millionths)),
            _ => Err(ValueError::new("more than 100%", "100%")),
        }
    }

    /// The percentage, and below one percent also as one in so many: `0.02% = 1 in 5,000`.
    ///
    /// Somebody who types `0.5` may mean a half.
    pub fn in_words(self) -> String {
        if self.0 == 0 || self.0 >= 10_000 {
            return self.to_string();
        }
        let (one_in, about) = if 1_000_000 % self.0 == 0 {
            (1_000_000 / self.0, "")
        } else {
            ((1_000_000 + self.0 / 2) / self.0, "about ")
        };
        format!("{self} = {about}1 in {}", grouped(one_in))
    }
}

/// Thousands set off by commas.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, u64::from(self.0), 4)?;
        f.write_str("%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_with_and_without_the_sign() {
        for (text, shown) in [
            ("10", "10%"),
            ("10%", "10%"),
            ("0.5", "0.5%"),
            ("100", "100%"),
            ("0.0001%", "0.0001%"),
            ("33.3330", "33.333%"),
            ("0", "0%"),
        ] {
            assert_eq!(Percent::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_a_percentage_is_refused() {
        for bad in [
            "",
            "%",
            "101",
            "100.0001",
            "-1",
            "NaN",
            "10%%",
            "10 %",
            "0.00001",
            "1e2",
            "½",
            "10pct",
            "99999999999999999999999",
        ] {
            assert!(Percent::parse(bad).is_err(), "{bad} passed");
        }
        assert_eq!(
            Percent::parse("150").unwrap_err().to_string(),
            "more than 100%; try `100%`"
        );
    }

    #[test]
    fn below_one_percent_it_is_spelled_out() {
        for (text, words) in [
            ("0.02", "0.02% = 1 in 5,000"),
            ("0.5", "0.5% = 1 in 200"),
            ("0.03", "0.03% = about 1 in 3,333"),
            ("0.0001", "0.0001% = 1 in 1,000,000"),
            ("1", "1%"),
            ("50", "50%"),
        ] {
            assert_eq!(Percent::parse(text).unwrap().in_words(), words);
        }
    }
}
