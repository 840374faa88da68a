//! The root qdiscs of a network namespace without a kernel, for [`DoubleNode`](super::double::DoubleNode).
//!
//! Held to the same transcripts of the real `tc` as the shell fake: refusals and rounding included.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::qdisc_options::{Values, netem, tbf};
use super::traffic::Traffic;
use super::units::{fraction, rate_text, share, size_text, ticks, time_text, whole};

/// A root qdisc somebody has set: its kind, its handle, and its parameters, times in microseconds, rates in bytes a second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Qdisc {
    pub(super) kind: String,
    pub(super) handle: String,
    values: Values,
    traffic: Traffic,
}

/// The root of one device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Root {
    /// The kind the kernel makes by itself.
    pub(super) standard: String,
    /// What somebody has put in its place.
    pub(super) set: Option<Qdisc>,
    /// Says which packets are lost.
    seed: u64,
}

/// Why tc or the kernel refused a command, in their words.
pub(super) type Refusal = &'static str;

impl Root {
    pub(super) fn new(standard: &str, seed: u64) -> Self {
        Self {
            standard: standard.to_owned(),
            set: None,
            seed,
        }
    }

    /// The kind and handle of what is there.
    pub(super) fn is(&self) -> (&str, &str) {
        self.set.as_ref().map_or((self.standard.as_str(), "0:"), |qdisc| {
            (qdisc.kind.as_str(), qdisc.handle.as_str())
        })
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
                self.catch_up();
                let (before, traffic) = match &self.set {
                    Some(qdisc) => (qdisc.values.clone(), qdisc.traffic.clone()),
                    None => (Values::default(), Traffic::begin(self.seed)),
                };
                let (kind, options) = options.split_first().ok_or("Error: Specified qdisc kind is unknown.")?;
                let values = match *kind {
                    "netem" => netem(before, options)?,
                    "tbf" => tbf(before, options)?,
                    _ => return Err("Error: Specified qdisc kind is unknown."),
                };
                self.set = Some(Qdisc {
                    kind: (*kind).to_owned(),
                    handle: handle.to_owned(),
                    values,
                    traffic,
                });
                Ok(())
            }
            _ => Err("no transcript of this command"),
        }
    }

    /// What it does to a packet that comes now: seconds of delay, and whether it is lost.
    pub(super) fn take(&mut self) -> (f64, bool) {
        self.catch_up();
        self.set.as_mut().map_or((0.0, false), |qdisc| {
            (qdisc.value("delay") / 1e6, qdisc.traffic.probe(qdisc.value("loss")))
        })
    }

    /// Counts what has come meanwhile.
    pub(super) fn catch_up(&mut self) {
        if let Some(qdisc) = &mut self.set {
            let loss = qdisc.value("loss");
            qdisc.traffic.catch_up(loss);
        }
    }

    /// Somebody else's `htb 1:` in the place of the kernel's own root.
    pub(super) fn put_foreign(&mut self) -> Result<(), Refusal> {
        if self.set.is_some() {
            return Err("Error: NLM_F_REPLACE needed to override.");
        }
        self.set = Some(Qdisc {
            kind: "htb".to_owned(),
            handle: "1:".to_owned(),
            values: Values::default(),
            traffic: Traffic::begin(self.seed),
        });
        Ok(())
    }

    /// As `tc -s -j qdisc show dev …` prints it, the root alone; its counters as of the last [`Root::catch_up`].
    pub(super) fn json(&self) -> Value {
        let (kind, handle) = self.is();
        let mut object = Map::new();
        object.insert("kind".into(), kind.into());
        object.insert("handle".into(), handle.into());
        object.insert("root".into(), true.into());
        if kind != "mq" {
            object.insert("refcnt".into(), self.references().into());
        }
        object.insert(
            "options".into(),
            self.set.as_ref().map_or_else(|| standard_options(kind), Qdisc::json),
        );
        for name in ["bytes", "packets", "drops", "overlimits", "requeues", "backlog", "qlen"] {
            object.insert(name.into(), 0.into());
        }
        let counters = self.set.iter().flat_map(|qdisc| qdisc.traffic.counters());
        object.extend(counters.map(|(name, count)| (name.to_owned(), count.into())));
        json!([object])
    }

    /// As `tc qdisc show dev … root` prints it.
    pub(super) fn text(&self) -> String {
        let (kind, handle) = self.is();
        let references = if kind == "mq" {
            String::new()
        } else {
            format!(" refcnt {}", self.references())
        };
        let options = self
            .set
            .as_ref()
            .map_or_else(|| standard_text(kind).to_owned(), Qdisc::text);
        format!("qdisc {kind} {handle} root{references}{options}")
    }

    /// A multi-queue tap has 256 queues, and one qdisc for all of them.
    fn references(&self) -> u32 {
        if self.standard == "mq" { 257 } else { 2 }
    }
}

fn standard_options(kind: &str) -> Value {
    match kind {
        "fq_codel" => {
            json!({"limit": 10240, "flows": 1024, "quantum": 1514, "target": 4999, "interval": 99999, "memory_limit": 33_554_432, "ecn": true, "drop_batch": 64})
        }
        "pfifo_fast" => {
            json!({"bands": 3, "priomap": [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], "multiqueue": false})
        }
        _ => json!({}),
    }
}

fn standard_text(kind: &str) -> &'static str {
    match kind {
        "fq_codel" => {
            " limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64"
        }
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
        if self.kind == "htb" {
            return json!({"r2q": 10, "default": "0x1", "direct_packets_stat": 0, "direct_qlen": 1000});
        }
        let mut options = Map::new();
        options.insert("limit".into(), whole(self.value("limit")));
        if self.value("delay") > 0.0 {
            let (delay, jitter) = (ticks(self.value("delay")) / 1e6, ticks(self.value("jitter")) / 1e6);
            options.insert("delay".into(), json!({"delay": fraction(delay), "jitter": fraction(jitter), "correlation": fraction(self.value("delay_corr"))}));
        }
        for (object, name) in [
            ("loss-random", "loss"),
            ("duplicate", "duplicate"),
            ("reorder", "reorder"),
            ("corrupt", "corrupt"),
        ] {
            if self.value(name) > 0.0 {
                let correlation = fraction(self.value(&format!("{name}_corr")));
                options.insert(
                    object.into(),
                    json!({name: fraction(share(self.value(name))), "correlation": correlation}),
                );
            }
        }
        if self.value("rate") > 0.0 {
            options.insert(
                "rate".into(),
                json!({"rate": whole(self.value("rate")), "packetoverhead": 0, "cellsize": 0, "celloverhead": 0}),
            );
        }
        options.insert("ecn".into(), false.into());
        options.insert("gap".into(), whole(self.value("gap")));
        Value::Object(options)
    }

    fn text(&self) -> String {
        if self.kind == "tbf" {
            return format!(
                " rate {} burst {} lat {}",
                rate_text(self.value("rate")),
                size_text(self.value("burst")),
                time_text(self.value("lat"))
            );
        }
        if self.kind == "htb" {
            return " r2q 10 default 0x1 direct_packets_stat 0 direct_qlen 1000".to_owned();
        }
        let percent = |name: &str| format!(" {}%", fraction(share(self.value(name)) * 100.0));
        let correlation = |name: &str| {
            if self.value(name) > 0.0 {
                format!(" {}%", fraction(self.value(name) * 100.0))
            } else {
                String::new()
            }
        };
        let mut text = format!(" limit {}", whole(self.value("limit")));
        if self.value("delay") > 0.0 {
            let _ = write!(text, " delay {}", time_text(ticks(self.value("delay"))));
            if self.value("jitter") > 0.0 {
                let _ = write!(
                    text,
                    "  {}{}",
                    time_text(ticks(self.value("jitter"))),
                    correlation("delay_corr")
                );
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

#[cfg(test)]
#[path = "qdisc_tests.rs"]
mod tests;
