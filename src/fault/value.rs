//! Values as people type them: times, percentages, rates and counts, each with its unit and the limits of the kernel.
//!
//! Everything is kept in integers, so that what a plan shows, what `tc` is told and what is compared with the kernel's answer are the same number.
//! A value that is not one says what is wrong and a value that would do; whoever asked for it (a flag, a file) says where it stood.
//!
//! Times and rates are read by hand: parsers of durations and sizes know other units than `tc` (months, and bytes where it has bits),
//! and none of them says which value would do.

pub(crate) mod cidr;
mod percent;
mod ports;
mod rate;
mod time;

use std::fmt;

pub use cidr::Cidr;
pub use percent::Percent;
pub use ports::Ports;
pub use rate::Rate;
pub use time::Time;

/// Why a text is not the value it should be, and one that would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; try `{instead}`")]
pub struct ValueError {
    pub problem: String,
    pub instead: String,
}

impl ValueError {
    pub fn new(problem: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            instead: instead.into(),
        }
    }
}

/// A value of a flag that may also be empty, which is as good as leaving the flag out.
///
/// `0` is not the same: it takes an effect out of a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given<T>(pub Option<T>);

impl<T> Given<T> {
    /// Nothing for an empty text, else what `parse` makes of it.
    pub fn parse(text: &str, parse: impl FnOnce(&str) -> Result<T, ValueError>) -> Result<Self, ValueError> {
        if text.trim().is_empty() {
            Ok(Self(None))
        } else {
            parse(text).map(|value| Self(Some(value)))
        }
    }
}

/// A whole number of things: packets, VMIs, a gap. 0 to 4294967295, what the kernel keeps it in.
pub fn parse_count(text: &str) -> Result<u32, ValueError> {
    if text.starts_with('-') {
        return Err(ValueError::new(
            "a count cannot be negative",
            text.trim_start_matches('-'),
        ));
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ValueError::new("not a whole number", "1000"));
    }
    text.parse()
        .map_err(|_| ValueError::new(format!("more than {}", u32::MAX), "100000"))
}

/// `digits` divided by ten to the power of `scale`: a decimal number without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    digits: u128,
    scale: u32,
}

/// What a text may be that does not begin with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoNumber {
    Negative,
    NotANumber,
    TooLong,
}

/// How a decimal number fails to be a whole number of the smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inexact {
    TooFine,
    TooLarge,
}

impl Decimal {
    /// Digits that are certain not to overflow when they are multiplied with any unit of ours.
    const MAX_DIGITS: usize = 20;

    /// The number a text begins with, and the rest of it.
    fn split(text: &str) -> Result<(Self, &str), NoNumber> {
        if text.starts_with('-') || text.starts_with('\u{2212}') {
            return Err(NoNumber::Negative);
        }
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(NoNumber::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        if digits.len() > Self::MAX_DIGITS {
            return Err(NoNumber::TooLong);
        }
        let scale = u32::try_from(fraction.len()).map_err(|_| NoNumber::TooLong)?;
        let digits = if digits.is_empty() {
            0
        } else {
            digits.parse().map_err(|_| NoNumber::NotANumber)?
        };
        Ok((Self { digits, scale }, rest))
    }

    /// The number times `unit`, when that is a whole number of at most 64 bits.
    fn times(self, unit: u128) -> Result<u64, Inexact> {
        let product = self.digits.checked_mul(unit).ok_or(Inexact::TooLarge)?;
        let divisor = 10u128.pow(self.scale);
        if product % divisor != 0 {
            return Err(Inexact::TooFine);
        }
        u64::try_from(product / divisor).map_err(|_| Inexact::TooLarge)
    }
}

impl NoNumber {
    /// The error a value makes of it; `example` is one of its kind.
    fn into_error(self, text: &str, example: &str) -> ValueError {
        match self {
            Self::Negative => {
                let rest = text.trim_start_matches(['-', '\u{2212}']);
                let instead = if Decimal::split(rest).is_ok() && rest.is_ascii() {
                    rest
                } else {
                    example
                };
                ValueError::new("cannot be negative", instead)
            }
            Self::NotANumber => ValueError::new("does not begin with a number", example),
            Self::TooLong => ValueError::new("more digits than any such value has", example),
        }
    }
}

/// Writes `value / 10^scale` without trailing zeros, e.g. `1500, 3` as `1.5`.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, scale: u32) -> fmt::Result {
    let divisor = 10u64.pow(scale);
    let (whole, fraction) = (value / divisor, value % divisor);
    if fraction == 0 {
        return write!(f, "{whole}");
    }
    let digits = format!("{fraction:0width$}", width = scale as usize);
    write!(f, "{whole}.{}", digits.trim_end_matches('0'))
}

/// Serialises a value as the text it is shown as.
macro_rules! serialize_as_shown {
    ($($kind:ty),+) => {$(
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}
serialize_as_shown!(Time, Percent, Rate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_no_value_and_zero_is_one() {
        assert_eq!(Given::parse("", parse_count), Ok(Given(None)));
        assert_eq!(Given::parse(" ", parse_count), Ok(Given(None)));
        assert_eq!(Given::parse("0", parse_count), Ok(Given(Some(0))));
    }

    #[test]
    fn counts_are_whole_numbers_of_32_bits() {
        assert_eq!(parse_count("4294967295"), Ok(u32::MAX));
        for bad in [
            "4294967296",
            "1.5",
            "-1",
            "+1",
            "1e3",
            "ten",
            "٣",
            "99999999999999999999999",
        ] {
            assert!(parse_count(bad).is_err(), "{bad} passed");
        }
    }

    #[test]
    fn a_decimal_is_exact_or_nothing() {
        let (number, rest) = Decimal::split("1.50ms").unwrap();
        assert_eq!((number.times(1000), rest), (Ok(1500), "ms"));
        assert_eq!(Decimal::split("0.0001").unwrap().0.times(1000), Err(Inexact::TooFine));
        assert_eq!(
            Decimal::split("99999999999999999999").unwrap().0.times(1000),
            Err(Inexact::TooLarge)
        );
        assert_eq!(Decimal::split("1.2.3"), Err(NoNumber::NotANumber));
        assert_eq!(Decimal::split("."), Err(NoNumber::NotANumber));
    }
}
