//! The root qdiscs of a network namespace without a kernel, for [`DoubleNode`](super::double::DoubleNode).
//!
//! Held to the same transcripts of the real `tc` as the shell fake: refusals and rounding included.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::units::{fraction, percent, rate, rate_text, share, size, size_text, ticks, time, time_text, whole};

/// A root qdisc somebody has set: its kind, its handle, and its parameters, times in microseconds, rates in bytes a second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Qdisc {
    pub(super) kind: String,
    pub(super) handle: String,
    values: BTreeMap<&'static str, f64>,
}

/// The root of one device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Root {
    /// The kind the kernel makes by itself.
    pub(super) standard: String,
    /// What somebody has put in its place.
    pub(super) set: Option<Qdisc>,
}

/// Why tc or the kernel refused a command, in their words.
pub(super) type Refusal = &'static str;

const PARAMETERS: [&str; 17] = [
    "limit", "delay", "jitter", "delay_corr", "loss", "loss_corr", "duplicate", "duplicate_corr", "reorder", "reorder_corr",
    "corrupt", "corrupt_corr", "rate", "gap", "burst", "lat", "bytes",
];

impl Root {
    pub(super) fn new(standard: &str) -> Self {
        Self { standard: standard.to_owned(), set: None }
    }

    /// The kind and handle of what is there.
    pub(super) fn is(&self) -> (&str, &str) {
        self.set.as_ref().map_or((self.standard.as_str(), "0:"), |qdisc| (qdisc.kind.as_str(), qdisc.handle.as_str()))
    }

    /// `tc qdisc VERB dev … root handle HANDLE [KIND …]`.
    pub(super) fn command(&mut self, verb: &str, handle: &str, options: &[&str]) -> Result<(), Refusal> {
        let (kind, current) = self.is();
        match verb {
            "del" if current == handle && current != "0:" => {
                self.set = None;
                Ok(())
            }
            "del" => Err("Error: Invalid handle."),
            "add" if current == handle => Err("Error: Exclusivity flag on, cannot modify."),
            "change" if current == "0:" => Err("Error: Qdisc not found. To create specify NLM_F_CREATE flag."),
            "add" | "change" if current != "0:" && current != handle => Err("Error: NLM_F_REPLACE needed to override."),
            "change" if options.first().is_some_and(|wanted| *wanted != kind) => Err("Error: Invalid qdisc name."),
            "add" | "change" => {
                let before = self.set.as_ref().map(|qdisc| qdisc.values.clone()).unwrap_or_default();
                let (kind, options) = options.split_first().ok_or("Error: Specified qdisc kind is unknown.")?;
                let values = match *kind {
                    "netem" => netem(before, options)?,
                    "tbf" => tbf(before, options)?,
                    _ => return Err("Error: Specified qdisc kind is unknown."),
                };
                self.set = Some(Qdisc { kind: (*kind).to_owned(), handle: handle.to_owned(), values });
                Ok(())
            }
            _ => Err("no transcript of this command"),
        }
    }

    /// As `tc -s -j qdisc show dev …` prints it, the root alone.
    pub(super) fn json(&self) -> Value {
        let (kind, handle) = self.is();
        let mut object = Map::new();
        object.insert("kind".into(), kind.into());
        object.insert("handle".into(), handle.into());
        object.insert("root".into(), true.into());
        if kind != "mq" {
            object.insert("refcnt".into(), self.references().into());
        }
        object.insert("options".into(), self.set.as_ref().map_or_else(|| standard_options(kind), Qdisc::json));
        for name in ["bytes", "packets", "drops", "overlimits", "requeues", "backlog", "qlen"] {
            object.insert(name.into(), 0.into());
        }
        json!([object])
    }

    /// As `tc qdisc show dev … root` prints it.
    pub(super) fn text(&self) -> String {
        let (kind, handle) = self.is();
        let references = if kind == "mq" { String::new() } else { format!(" refcnt {}", self.references()) };
        let options = self.set.as_ref().map_or_else(|| standard_text(kind).to_owned(), Qdisc::text);
        format!("qdisc {kind} {handle} root{references}{options}")
    }

    /// A multi-queue tap has 256 queues, and one qdisc for all of them.
    fn references(&self) -> u32 {
        if self.standard == "mq" { 257 } else { 2 }
    }
}

fn standard_options(kind: &str) -> Value {
    match kind {
        "fq_codel" => json!({"limit": 10240, "flows": 1024, "quantum": 1514, "target": 4999, "interval": 99999, "memory_limit": 33_554_432, "ecn": true, "drop_batch": 64}),
        "pfifo_fast" => json!({"bands": 3, "priomap": [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], "multiqueue": false}),
        _ => json!({}),
    }
}

fn standard_text(kind: &str) -> &'static str {
    match kind {
        "fq_codel" => " limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64",
        "pfifo_fast" => " bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
        _ => "",
    }
}

impl Qdisc {
    fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or(0.0)
    }

    fn json(&self) -> Value {
        if self.kind == "tbf" {
            return json!({"rate": whole(self.value("rate")), "burst": whole(self.value("burst")), "lat": whole(self.value("lat"))});
        }
        let mut options = Map::new();
        options.insert("limit".into(), whole(self.value("limit")));
        if self.value("delay") > 0.0 {
            let (delay, jitter) = (ticks(self.value("delay")) / 1e6, ticks(self.value("jitter")) / 1e6);
            options.insert("delay".into(), json!({"delay": fraction(delay), "jitter": fraction(jitter), "correlation": fraction(self.value("delay_corr"))}));
        }
        for (object, name) in [("loss-random", "loss"), ("duplicate", "duplicate"), ("reorder", "reorder"), ("corrupt", "corrupt")] {
            if self.value(name) > 0.0 {
                let correlation = fraction(self.value(&format!("{name}_corr")));
                options.insert(object.into(), json!({name: fraction(share(self.value(name))), "correlation": correlation}));
            }
        }
        if self.value("rate") > 0.0 {
            options.insert("rate".into(), json!({"rate": whole(self.value("rate")), "packetoverhead": 0, "cellsize": 0, "celloverhead": 0}));
        }
        options.insert("ecn".into(), false.into());
        options.insert("gap".into(), whole(self.value("gap")));
        Value::Object(options)
    }

    fn text(&self) -> String {
        if self.kind == "tbf" {
            return format!(" rate {} burst {} lat {}", rate_text(self.value("rate")), size_text(self.value("burst")), time_text(self.value("lat")));
        }
        let percent = |name: &str| format!(" {}%", fraction(share(self.value(name)) * 100.0));
        let correlation = |name: &str| if self.value(name) > 0.0 { format!(" {}%", fraction(self.value(name) * 100.0)) } else { String::new() };
        let mut text = format!(" limit {}", whole(self.value("limit")));
        if self.value("delay") > 0.0 {
            let _ = write!(text, " delay {}", time_text(ticks(self.value("delay"))));
            if self.value("jitter") > 0.0 {
                let _ = write!(text, "  {}{}", time_text(ticks(self.value("jitter"))), correlation("delay_corr"));
            }
        }
        for name in ["loss", "duplicate", "reorder", "corrupt"] {
            if self.value(name) > 0.0 {
                let _ = write!(text, " {name}{}{}", percent(name), correlation(&format!("{name}_corr")));
            }
        }
        if self.value("rate") > 0.0 {
            let _ = write!(text, " rate {}", rate_text(self.value("rate")));
        }
        if self.value("gap") > 0.0 {
            let _ = write!(text, " gap {}", whole(self.value("gap")));
        }
        text
    }
}

/// What is not named goes back to its default, except what has an attribute of its own: reorder, corrupt, rate.
fn netem(mut values: BTreeMap<&'static str, f64>, words: &[&str]) -> Result<BTreeMap<&'static str, f64>, Refusal> {
    for name in ["delay", "jitter", "loss", "duplicate", "gap", "delay_corr", "loss_corr", "duplicate_corr"] {
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
            ("distribution", _) => return Err("distribution specified but no latency and jitter values"),
            ("rate", _) => {
                values.insert("rate", rate(argument).ok_or("Illegal \"rate\"")?);
            }
            ("loss" | "duplicate" | "corrupt" | "reorder", Some(name)) => {
                values.insert(name, percent(argument).ok_or("Illegal \"loss percent\"")?);
                if let Some(share) = words.peek().copied().and_then(percent) {
                    words.next();
                    let correlation = PARAMETERS.into_iter().find(|other| other.strip_suffix("_corr") == Some(name));
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

fn tbf(mut values: BTreeMap<&'static str, f64>, words: &[&str]) -> Result<BTreeMap<&'static str, f64>, Refusal> {
    for pair in words.chunks(2) {
        let [word, argument] = pair else { return Err("a word without a value") };
        let (name, value) = match *word {
            "rate" => ("rate", rate(argument)),
            "burst" => ("burst", size(argument)),
            "latency" => ("lat", time(argument)),
            "limit" => ("bytes", size(argument)),
            _ => return Err("What is this word?"),
        };
        values.insert(name, value.ok_or("Illegal value")?);
    }
    let rate = values.get("rate").copied().filter(|rate| *rate > 0.0).ok_or("tbf: the \"rate\" parameter is mandatory.")?;
    let burst = values.get("burst").copied().ok_or("tbf: the \"burst\" parameter is mandatory.")?;
    // Kept as a time, in whole microseconds.
    let burst = (burst / rate * 1e6).floor() * rate / 1e6;
    values.insert("burst", burst);
    if let Some(bytes) = values.remove("bytes") {
        values.insert("lat", ((bytes - burst) / rate * 1e6).floor());
    }
    Ok(values)
}

#[cfg(test)]
#[path = "qdisc_tests.rs"]
mod tests;
