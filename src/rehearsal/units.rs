//! Numbers with units as tc reads and prints them, and as the kernel keeps them.

use serde_json::{Value, json};

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    units.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?;
        let plain =
            number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        if plain {
            number.parse::<f64>().ok().map(|number| number * factor)
        } else {
            None
        }
    })
}

pub(super) fn time(text: &str) -> Option<f64> {
    scaled(text, &[("us", 1.0), ("ms", 1e3), ("s", 1e6)])
}

pub(super) fn percent(text: &str) -> Option<f64> {
    scaled(text, &[("%", 0.01)]).filter(|share| *share <= 1.0)
}

pub(super) fn rate(text: &str) -> Option<f64> {
    scaled(
        &text.to_ascii_lowercase(),
        &[
            ("kbit", 125.0),
            ("mbit", 125e3),
            ("gbit", 125e6),
            ("tbit", 125e9),
            ("bit", 0.125),
        ],
    )
}

pub(super) fn size(text: &str) -> Option<f64> {
    scaled(
        &text.to_ascii_lowercase(),
        &[
            ("kb", 1024.0),
            ("mb", 1_048_576.0),
            ("k", 1024.0),
            ("m", 1_048_576.0),
            ("b", 1.0),
            ("", 1.0),
        ],
    )
}

/// The kernel counts in ticks of 64 ns: short times come back a little short.
pub(super) fn ticks(micro: f64) -> f64 {
    ((micro * 15.625).floor() / 15.625 + 1e-7).floor()
}

/// Kept as a 32-bit share of one.
pub(super) fn share(part: f64) -> f64 {
    (part * f64::from(u32::MAX)).round() / f64::from(u32::MAX)
}

/// A number that has no fraction, as JSON prints it.
pub(super) fn whole(number: f64) -> Value {
    serde_json::from_str(&format!("{number:.0}")).unwrap_or(Value::Null)
}

/// As C's `%g` prints it: six digits.
pub(super) fn fraction(number: f64) -> Value {
    if number == 0.0 {
        return 0.into();
    }
    let rounded: f64 = format!("{number:.5e}").parse().unwrap_or(number);
    if rounded.fract() == 0.0 {
        whole(rounded)
    } else {
        json!(rounded)
    }
}

fn short(number: f64) -> String {
    let rounded: f64 = format!("{number:.2e}").parse().unwrap_or(number);
    rounded.to_string()
}

pub(super) fn time_text(micro: f64) -> String {
    if micro >= 1e6 {
        format!("{}s", short(micro / 1e6))
    } else if micro >= 1e3 {
        format!("{}ms", short(micro / 1e3))
    } else {
        format!("{micro:.0}us")
    }
}

fn unit_text(number: f64, units: &[(f64, &str)]) -> String {
    let (factor, unit) = units
        .iter()
        .copied()
        .find(|(factor, _)| number >= *factor && number % factor == 0.0)
        .unwrap_or(units[units.len() - 1]);
    format!("{:.0}{unit}", number / factor)
}

pub(super) fn rate_text(bytes: f64) -> String {
    unit_text(
        bytes * 8.0,
        &[(1e9, "Gbit"), (1e6, "Mbit"), (1e3, "Kbit"), (1.0, "bit")],
    )
}

pub(super) fn size_text(bytes: f64) -> String {
    unit_text(bytes, &[(1_048_576.0, "Mb"), (1024.0, "Kb"), (1.0, "b")])
}
