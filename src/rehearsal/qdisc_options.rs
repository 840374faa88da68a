//! The options of `tc qdisc add` and `change`, as tc and the kernel take and refuse them.

use std::collections::BTreeMap;

use super::qdisc::Refusal;
use super::units::{percent, rate, size, time};

/// A qdisc's parameters by name: times in microseconds, rates in bytes a second, shares of one.
pub(super) type Values = BTreeMap<&'static str, f64>;

const PARAMETERS: [&str; 17] = [
    "limit",
    "delay",
    "jitter",
    "delay_corr",
    "loss",
    "loss_corr",
    "duplicate",
    "duplicate_corr",
    "reorder",
    "reorder_corr",
    "corrupt",
    "corrupt_corr",
    "rate",
    "gap",
    "burst",
    "lat",
    "bytes",
];

/// What is not named goes back to its default, except what has an attribute of its own: reorder, corrupt, rate.
pub(super) fn netem(mut values: Values, words: &[&str]) -> Result<Values, Refusal> {
    for name in [
        "delay",
        "jitter",
        "loss",
        "duplicate",
        "gap",
        "delay_corr",
        "loss_corr",
        "duplicate_corr",
    ] {
        values.remove(name);
    }
    values.insert("limit", 1000.0);
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        let name = PARAMETERS.into_iter().find(|name| *name == word);
        let argument = words.next().unwrap_or_default();
        match (word, name) {
            ("limit" | "gap", Some(name)) => {
                values.insert(name, argument.parse().map_err(|_| "Illegal \"limit\"")?);
            }
            ("delay", _) => {
                values.insert("delay", time(argument).ok_or("Illegal \"latency\"")?);
                if let Some(jitter) = words.peek().copied().and_then(time) {
                    words.next();
                    values.insert("jitter", jitter);
                }
                if let Some(share) = words.peek().copied().and_then(percent) {
                    words.next();
                    values.insert("delay_corr", share);
                }
            }
            ("distribution", _) if values.get("jitter").copied().unwrap_or(0.0) > 0.0 => {}
            ("distribution", _) => {
                return Err("distribution specified but no latency and jitter values");
            }
            ("rate", _) => {
                values.insert("rate", rate(argument).ok_or("Illegal \"rate\"")?);
            }
            ("loss" | "duplicate" | "corrupt" | "reorder", Some(name)) => {
                values.insert(name, percent(argument).ok_or("Illegal \"loss percent\"")?);
                if let Some(share) = words.peek().copied().and_then(percent) {
                    words.next();
                    let correlation = PARAMETERS
                        .into_iter()
                        .find(|other| other.strip_suffix("_corr") == Some(name));
                    values.extend(correlation.map(|correlation| (correlation, share)));
                }
            }
            _ => return Err("What is this word?"),
        }
    }
    let value = |name| values.get(name).copied().unwrap_or(0.0);
    if value("reorder") > 0.0 && value("delay") <= 0.0 {
        return Err("reordering not possible without specifying some delay");
    }
    if value("reorder") > 0.0 && value("gap") <= 0.0 {
        values.insert("gap", 1.0);
    }
    Ok(values)
}

pub(super) fn tbf(mut values: Values, words: &[&str]) -> Result<Values, Refusal> {
    for pair in words.chunks(2) {
        let [word, argument] = pair else {
            return Err("a word without a value");
        };
        let (name, value) = match *word {
            "rate" => ("rate", rate(argument)),
            "burst" => ("burst", size(argument)),
            "latency" => ("lat", time(argument)),
            "limit" => ("bytes", size(argument)),
            _ => return Err("What is this word?"),
        };
        values.insert(name, value.ok_or("Illegal value")?);
    }
    let rate = values
        .get("rate")
        .copied()
        .filter(|rate| *rate > 0.0)
        .ok_or("tbf: the \"rate\" parameter is mandatory.")?;
    let burst = values
        .get("burst")
        .copied()
        .ok_or("tbf: the \"burst\" parameter is mandatory.")?;
    // Kept as a time, in whole microseconds.
    let burst = (burst / rate * 1e6).floor() * rate / 1e6;
    values.insert("burst", burst);
    if let Some(bytes) = values.remove("bytes") {
        values.insert("lat", ((bytes - burst) / rate * 1e6).floor());
    }
    Ok(values)
}
