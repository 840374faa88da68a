//! A netem qdisc, read back.

use serde_json::Value;

use super::{printed, rate, same, shown_rate, six_digits};
use crate::fault::Percent;
use crate::faults::packets::netem::qdisc::NetemQdisc;

/// Two ticks of 64 ns, cut to a microsecond by the kernel and once more by `tc`.
const DELAY_TOLERANCE: f64 = 2e-6;
/// A share is kept in 32 bits: steps of 2.3e-10.
const SHARE_TOLERANCE: f64 = 1e-9;
/// Releases that print a rate as text cut it to four digits.
const RATE_DIGITS: f64 = 1e-3;

/// What `tc` printed, as numbers; what it leaves out is zero.
struct Read {
    limit: u64,
    delay: f64,
    jitter: f64,
    correlation: f64,
    loss: f64,
    duplicate: f64,
    corrupt: f64,
    reorder: f64,
    gap: u64,
    rate: f64,
    /// A loss model we never set.
    other_loss: bool,
    /// What would be lost is marked instead (ECN), which we never ask for.
    marks: bool,
}

/// The options in words, and what differs from those asked for.
pub(super) fn compare(asked: &NetemQdisc, options: &Value) -> (String, Result<(), String>) {
    let read = Read::new(options);
    let compared = read.differs_from(asked).map_or(Ok(()), Err);
    (read.in_words(), compared)
}

impl Read {
    fn new(options: &Value) -> Self {
        // `{"delay":{"delay":0.1,"jitter":0.01,"correlation":0}}`: every group repeats its name inside.
        let number = |group: &str, key: &str| {
            let group = options.get(group).unwrap_or(&Value::Null);
            group.get(key).map_or(0.0, |v| v.as_f64().unwrap_or(f64::NAN))
        };
        let whole = |key: &str| options.get(key).and_then(Value::as_u64).unwrap_or(0);
        Self {
            limit: whole("limit"),
            delay: number("delay", "delay"),
            jitter: number("delay", "jitter"),
            correlation: number("delay", "correlation"),
            loss: number("loss-random", "loss"),
            duplicate: number("duplicate", "duplicate"),
            corrupt: number("corrupt", "corrupt"),
            reorder: number("reorder", "reorder"),
            gap: whole("gap"),
            rate: rate(options.get("rate").and_then(|group| group.get("rate"))),
            marks: options.get("ecn").and_then(Value::as_bool).unwrap_or(false),
            other_loss: options.get("loss-state").is_some() || options.get("loss-gemodel").is_some(),
        }
    }

    /// The first thing that is not as asked.
    fn differs_from(&self, asked: &NetemQdisc) -> Option<String> {
        let differs =
            |name: &str, read: String, asked: String| Some(format!("the kernel has {name} {read}, not {asked}"));
        for (name, read, time) in [
            ("delay", self.delay, asked.delay),
            ("jitter", self.jitter, asked.jitter),
        ] {
            if !printed(time.as_secs_f64(), read, DELAY_TOLERANCE) {
                return differs(name, shown_time(read), time.tc());
            }
        }
        let shares = [
            ("a correlation of", self.correlation, asked.correlation),
            ("loss", self.loss, asked.loss),
            ("duplicate", self.duplicate, asked.duplicate),
            ("corrupt", self.corrupt, asked.corrupt),
            ("reorder", self.reorder, asked.reorder),
        ];
        for (name, read, share) in shares {
            if !printed(share.fraction(), read, SHARE_TOLERANCE) {
                return differs(name, shown_share(read), share.to_string());
            }
        }
        if self.other_loss {
            return Some("the kernel has a loss model nobody asked for".into());
        }
        if self.marks {
            return Some("the kernel marks packets (ecn), which nobody asked for".into());
        }
        if !same(asked.rate.bytes_per_second() as f64, self.rate, 1.0, RATE_DIGITS) {
            return differs("rate", shown_rate(self.rate), asked.rate.to_string());
        }
        for (name, read, asked) in [("gap", self.gap, asked.gap), ("limit", self.limit, asked.limit)] {
            if read != u64::from(asked) {
                return differs(name, read.to_string(), asked.to_string());
            }
        }
        None
    }

    fn in_words(&self) -> String {
        let mut words = vec![format!("netem limit {}", self.limit)];
        if self.delay != 0.0 || self.jitter != 0.0 {
            words.push(format!("delay {}", shown_time(self.delay)));
            if self.jitter != 0.0 {
                words.push(shown_time(self.jitter));
            }
            if self.correlation != 0.0 {
                words.push(shown_share(self.correlation));
            }
        }
        for (name, share) in [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
            ("reorder", self.reorder),
        ] {
            if share != 0.0 {
                words.push(format!("{name} {}", shown_share(share)));
            }
        }
        if self.gap > 1 {
            words.push(format!("gap {}", self.gap));
        }
        if self.rate != 0.0 {
            words.push(format!("rate {}", shown_rate(self.rate)));
        }
        words.join(" ")
    }
}

/// Seconds as `tc` is told them: `100ms`, `1.499ms`.
fn shown_time(seconds: f64) -> String {
    format!("{}ms", six_digits(seconds * 1e3))
}

/// A share as a percentage; `Percent` where it is one of its steps, so that both sides look alike.
fn shown_share(share: f64) -> String {
    let percent = six_digits(share * 100.0).to_string();
    Percent::parse(&percent).map_or_else(|_| format!("{percent}%"), |p| p.to_string())
}
