//! A qdisc, read back.
//!
//! The kernel rounds, and `tc` rounds again when it prints: delays to 64 ns ticks and six digits, shares to 32 bits and six
//! digits, rates to bytes. What differs by no more than that is the same.

mod netem;
mod tbf;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::faults::packets::compile::{Mismatch, Reading};
use crate::faults::packets::netem::ExpectedQdisc;
use crate::faults::packets::netem::qdisc::Shaper;

/// Compares one device's answer, the array that `tc -s -j qdisc show dev DEVICE` prints, with what it must be.
pub(crate) fn verify(expected: &ExpectedQdisc, read: &BTreeMap<String, Value>) -> Result<Reading, Mismatch> {
    let asked = expected.shaper.params();
    let mismatch = |problem: String| Mismatch {
        device: expected.device.clone(),
        asked: asked.clone(),
        problem,
    };
    let read = read
        .get(&expected.device)
        .ok_or_else(|| mismatch("nothing was read back".into()))?;
    let root = root(read).ok_or_else(|| mismatch("the kernel shows no root qdisc".into()))?;
    let text = |key: &str| root.get(key).and_then(Value::as_str).unwrap_or("nothing");
    if text("handle") != expected.handle.to_string() {
        return Err(mismatch(format!(
            "the root qdisc is {} {}, which is not this run's ({})",
            text("kind").escape_debug(),
            text("handle").escape_debug(),
            expected.handle
        )));
    }
    if text("kind") != expected.shaper.kind() {
        return Err(mismatch(format!(
            "the kernel has a {} there",
            text("kind").escape_debug()
        )));
    }
    let options = root.get("options").unwrap_or(&Value::Null);
    let (read, compared) = match &expected.shaper {
        Shaper::Netem(asked) => netem::compare(asked, options),
        Shaper::Tbf(asked) => tbf::compare(asked, options),
    };
    compared.map_err(mismatch)?;
    let count = |key: &str| root.get(key).and_then(Value::as_u64).unwrap_or(0);
    Ok(Reading {
        device: expected.device.clone(),
        engine: "tc",
        asked,
        read,
        packets: Some(count("packets")),
        dropped: count("drops"),
    })
}

/// The root among the qdiscs of a device. A multi-queue device has children besides; those are never ours.
fn root(read: &Value) -> Option<&Value> {
    read.as_array()?
        .iter()
        .find(|qdisc| qdisc.get("root").and_then(Value::as_bool).unwrap_or(false))
}

/// Whether a number that `tc` printed with six digits is the one asked for, but for what the kernel rounded.
fn printed(asked: f64, read: f64, rounded: f64) -> bool {
    // Of the smaller one: below a power of ten the sixth digit is worth a tenth.
    let smaller = asked.abs().min(read.abs());
    let half_a_digit = if smaller > 0.0 {
        0.5 * 10f64.powf(smaller.log10().floor() - 5.0)
    } else {
        0.0
    };
    (asked - read).abs() <= rounded + half_a_digit
}

/// Whether two numbers are the same but for `tolerance`, or the part `relative` of what was asked where that is more.
fn same(asked: f64, read: f64, tolerance: f64, relative: f64) -> bool {
    (asked - read).abs() <= tolerance.max(asked.abs() * relative)
}

/// A rate in bytes a second: a number, or the text that older releases of `tc` print into their JSON.
fn rate(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::String(text)) => crate::fault::Rate::parse(text).map_or(f64::NAN, |r| r.bytes_per_second() as f64),
        Some(number) => number.as_f64().unwrap_or(f64::NAN),
        None => 0.0,
    }
}

/// Bytes a second as `tc` writes them.
fn shown_rate(bytes_per_second: f64) -> String {
    // What the kernel holds is a whole number far below 2^52.
    let bits = bytes_per_second * 8.0;
    let (divisor, unit) = [(1e12, "tbit"), (1e9, "gbit"), (1e6, "mbit"), (1e3, "kbit")]
        .into_iter()
        .find(|(divisor, _)| bits >= *divisor && bits % divisor == 0.0)
        .unwrap_or((1.0, "bit"));
    format!("{}{unit}", bits / divisor)
}

/// Rounded so that one part in a million remains, which is what `tc` prints.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests;
