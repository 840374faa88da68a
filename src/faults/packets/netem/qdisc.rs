//! The qdiscs a fault can become, as `tc` is told them.

use crate::fault::{Percent, Rate, Time};
use crate::faults::packets::netem::Distribution;

/// A qdisc with all its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Shaper {
    Netem(NetemQdisc),
    /// A token bucket: bandwidth alone, also where the kernel has no netem.
    Tbf(TbfQdisc),
}

/// `sch_netem`. What is zero or absent is not in force.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetemQdisc {
    /// Packets in the queue; what comes on top is dropped.
    pub limit: u32,
    pub delay: Time,
    pub jitter: Time,
    /// Of the delay; only where there is jitter.
    pub correlation: Percent,
    /// Never read back: the kernel keeps the table, not its name.
    pub distribution: Option<Distribution>,
    pub loss: Percent,
    pub duplicate: Percent,
    pub corrupt: Percent,
    pub reorder: Percent,
    /// `tc` sets 1 when there is reordering and no gap.
    pub gap: u32,
    pub rate: Rate,
}

/// `sch_tbf`, which every kernel has that distributions ship.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TbfQdisc {
    pub rate: Rate,
    /// Bytes that pass at once.
    pub burst: u64,
    /// The longest a packet waits for its turn; more is dropped.
    pub latency: Time,
}

/// A rate at which any queue of ours is empty within milliseconds.
const OPEN: Rate = Rate::mbit(10_000);
/// Burst for `OPEN`: 4 ms of it, see [`TbfQdisc::burst_for`].
const OPEN_BURST: u64 = 5_000_000;
/// Rolling back may not take longer for the sake of the last packets.
const MAX_DRAIN_MILLIS: u64 = 1_000;
/// A queue that a rate has built up is let go at once, but its first packet may have been put to sleep.
const RATE_DRAIN_MILLIS: u64 = 200;

// === impl Shaper ===

impl Shaper {
    /// `netem` or `tbf`: the qdisc's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Netem(_) => "netem",
            Self::Tbf(_) => "tbf",
        }
    }

    /// The kernel module that may have to be loaded, where not every kernel has it.
    pub fn module(&self) -> Option<&'static str> {
        match self {
            Self::Netem(_) => Some("sch_netem"),
            Self::Tbf(_) => None,
        }
    }

    /// Kind and parameters for `tc qdisc add`.
    pub fn params(&self) -> String {
        match self {
            Self::Netem(netem) => netem.params(),
            Self::Tbf(tbf) => tbf.params(),
        }
    }

    /// Kind and parameters that let every packet pass, for `tc qdisc change` before the removal, so that the queue is not lost with it.
    pub fn neutral(&self) -> String {
        match self {
            // `change` keeps what is not named, but for the limit, which it sets back to 1000.
            Self::Netem(netem) => format!(
                "netem limit {} delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit",
                netem.limit
            ),
            Self::Tbf(tbf) => format!(
                "tbf rate {OPEN} burst {OPEN_BURST}b limit {}b",
                tbf.queue_bytes().max(OPEN_BURST)
            ),
        }
    }

    /// Milliseconds from the neutral parameters until the queue has drained.
    pub fn drain_millis(&self) -> u64 {
        let micros = match self {
            Self::Netem(netem) => {
                let delayed = netem.delay.plus(netem.jitter.times(4)).as_micros();
                let paced = if netem.rate.is_zero() {
                    0
                } else {
                    RATE_DRAIN_MILLIS * 1_000
                };
                delayed.max(paced)
            }
            // Its watchdog may sleep as long as one full frame takes at the old rate.
            Self::Tbf(tbf) => (1_514 * 1_000_000 / tbf.rate.bytes_per_second().max(1)).max(20_000),
        };
        micros.div_ceil(1_000).min(MAX_DRAIN_MILLIS)
    }
}

// === impl NetemQdisc ===

impl NetemQdisc {
    fn params(&self) -> String {
        let mut words = vec![format!("netem limit {}", self.limit)];
        if !self.delay.is_zero() {
            words.push(format!("delay {}", self.delay.tc()));
            if !self.jitter.is_zero() {
                words.push(self.jitter.tc());
                if !self.correlation.is_zero() {
                    words.push(self.correlation.to_string());
                }
                words.extend(self.distribution.map(|d| format!("distribution {d}")));
            }
        }
        for (name, share) in [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
            ("reorder", self.reorder),
        ] {
            if !share.is_zero() {
                words.push(format!("{name} {share}"));
            }
        }
        if self.gap > 1 {
            words.push(format!("gap {}", self.gap));
        }
        if !self.rate.is_zero() {
            words.push(format!("rate {}", self.rate));
        }
        words.join(" ")
    }
}

// === impl TbfQdisc ===

impl TbfQdisc {
    /// A token bucket for this rate.
    pub fn new(rate: Rate) -> Self {
        let burst = Self::burst_for(rate);
        Self {
            rate,
            burst,
            latency: Self::latency_for(rate),
        }
    }

    /// Bytes that pass at once: 4 ms of the rate, since a kernel with 250 ticks a second refills no oftener, and never less
    /// than 16 KiB, the largest frame of a network with jumbo frames (tbf cuts bigger offloaded packets up, and drops what it cannot).
    fn burst_for(rate: Rate) -> u64 {
        (rate.bytes_per_second() / 250).max(16 * 1024)
    }

    /// One second of queue as on a slow modem, less where that would be more than 12.5 MB (100 Mbit/s), and never less than 20 ms.
    fn latency_for(rate: Rate) -> Time {
        const QUEUE: u64 = 12_500_000;
        let micros = (QUEUE * 1_000 / (rate.bytes_per_second() / 1_000).max(1)).clamp(20_000, 1_000_000);
        // Whole milliseconds: nothing is gained by more.
        Time::from_millis(micros / 1_000)
    }

    /// Bytes the queue holds, as `tc` computes them from the latency.
    fn queue_bytes(&self) -> u64 {
        let waiting = u128::from(self.rate.bytes_per_second()) * u128::from(self.latency.as_micros()) / 1_000_000;
        u64::try_from(waiting).unwrap_or(u64::MAX).saturating_add(self.burst)
    }

    fn params(&self) -> String {
        format!(
            "tbf rate {} burst {}b latency {}",
            self.rate,
            self.burst,
            self.latency.tc()
        )
    }
}
