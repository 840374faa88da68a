//! A token bucket, read back.

use serde_json::Value;

use super::{rate, same, shown_rate, six_digits};
use crate::faults::packets::netem::qdisc::TbfQdisc;

/// Releases that print a rate as text cut it to four digits.
const RATE_DIGITS: f64 = 1e-3;
/// The kernel keeps a burst as the time it takes, in ticks of 64 ns.
const BURST_DIGITS: f64 = 1e-2;
/// The wait is computed by `tc` from a queue in bytes and that burst.
const WAIT_DIGITS: f64 = 2e-2;
/// A millisecond: what the rounding of the burst is worth at the highest rates.
const WAIT_TOLERANCE: f64 = 1_000.0;

/// The options in words, and what differs from those asked for.
pub(super) fn compare(asked: &TbfQdisc, options: &Value) -> (String, Result<(), String>) {
    let bytes = rate(options.get("rate"));
    let burst = options.get("burst").and_then(Value::as_f64).unwrap_or(f64::NAN);
    // In microseconds; not printed when rounding made it negative.
    let wait = options.get("lat").and_then(Value::as_f64);
    let waits = wait.map(|micros| format!("{}ms", six_digits(micros / 1e3)));

    let mut words = vec![format!("tbf rate {} burst {burst}b", shown_rate(bytes))];
    words.extend(waits.as_ref().map(|waits| format!("latency {waits}")));

    let compared = if !same(asked.rate.bytes_per_second() as f64, bytes, 1.0, RATE_DIGITS) {
        Err(format!("the kernel has rate {}, not {}", shown_rate(bytes), asked.rate))
    } else if !same(asked.burst as f64, burst, 1.0, BURST_DIGITS) {
        Err(format!("the kernel has burst {burst}b, not {}b", asked.burst))
    } else if wait.is_some_and(|w| !same(asked.latency.as_micros() as f64, w, WAIT_TOLERANCE, WAIT_DIGITS)) {
        let waits = waits.unwrap_or_default();
        Err(format!(
            "the kernel lets packets wait {waits}, not {}",
            asked.latency.tc()
        ))
    } else {
        Ok(())
    };
    (words.join(" "), compared)
}
