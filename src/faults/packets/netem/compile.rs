//! A netem fault on one VM: one qdisc a direction, and how many packets its queue must hold.
//!
//! Ingress is the root qdisc of the tap, egress the root qdisc of the uplink: a qdisc shapes what a device sends. That takes
//! one object a direction, one undo by its handle, and no more of the kernel than the qdisc itself.

use std::time::Duration;

use super::qdisc::{NetemQdisc, Shaper, TbfQdisc};
use crate::fault::{Direction, Rate, Target, Time};
use crate::faults::packets::compile::{Expected, Order, Parts};
use crate::faults::packets::netem::Netem;
use crate::plan::Handle;
use crate::plan::agent_lines::{CompileError, seconds};

/// A qdisc of the run, as it must read back.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedQdisc {
    pub device: String,
    /// The network in the VMI's spec; the first of several that share an uplink.
    pub network: String,
    pub direction: Direction,
    pub handle: Handle,
    pub shaper: Shaper,
}

/// Packets a second that one virtio queue moves at most; without a rate, this is what may be in flight.
const FASTEST_PACKETS: u64 = 1_000_000;
/// Mean bytes of a packet in mixed traffic. Full frames are four times as long, so that the queue of a slow link gets no longer than needed.
const MEAN_PACKET: u64 = 350;
/// Room for bursts, and for what is in the queue on top of the packets in flight.
const RESERVE: u64 = 2;
/// netem's own default; a shorter queue drops what a device's own queue would have kept.
const MIN_LIMIT: u64 = 1_000;
/// Half a million full frames take some 1.1 GB of the node's memory, which is the most that an experiment may put at stake.
const MAX_LIMIT: u64 = 500_000;

pub(crate) fn compile(
    netem: &Netem,
    order: &Order<'_>,
    target: &Target,
    index: usize,
    hold: Duration,
) -> Result<Parts, CompileError> {
    let shaper = shaper(netem);
    let expected = expected(order, target, &shaper)?;
    let mut lines = Vec::new();
    if let Some(module) = shaper.module() {
        lines.push(format!("need {index} {module}"));
    }
    let mut commands = Commands::default();
    for object in &expected {
        let ExpectedQdisc { device, handle, .. } = object;
        lines.push(format!("own {index} qdisc {device} {handle}"));
        let params = shaper.params();
        commands
            .apply
            .push(format!("tc qdisc add dev {device} root handle {handle} {params}"));
        let neutral = shaper.neutral();
        commands
            .ease
            .push(format!("tc qdisc change dev {device} root handle {handle} {neutral}"));
        commands
            .undo
            .push(format!("tc qdisc del dev {device} root handle {handle}"));
    }
    lines.extend(commands.apply.iter().map(|c| format!("apply {index} {c}")));
    lines.push(format!("ease {index} {}", shaper.drain_millis()));
    lines.extend(commands.ease.iter().map(|c| format!("ease+ {index} {c}")));
    lines.extend(commands.undo.iter().map(|c| format!("undo {index} {c}")));
    Ok(Parts {
        lines,
        expected: Expected::Qdiscs(expected),
        commands_for_people: commands.for_people(hold),
    })
}

/// What each device must read back: one object a device, also where interfaces share an uplink.
fn expected(order: &Order<'_>, target: &Target, shaper: &Shaper) -> Result<Vec<ExpectedQdisc>, CompileError> {
    let mut expected: Vec<ExpectedQdisc> = Vec::new();
    for interface in &target.interfaces {
        for direction in order.directions.iter() {
            let device = direction.device(interface);
            match expected.iter().find(|e| e.device == device) {
                Some(same) if same.direction == direction => {}
                Some(_) => {
                    return Err(CompileError::SameDevice {
                        target: target.key(),
                        device: device.to_owned(),
                    });
                }
                None => expected.push(ExpectedQdisc {
                    device: device.to_owned(),
                    network: interface.network.clone(),
                    direction,
                    handle: order.handle,
                    shaper: shaper.clone(),
                }),
            }
        }
    }
    Ok(expected)
}

#[derive(Default)]
struct Commands {
    apply: Vec<String>,
    ease: Vec<String>,
    undo: Vec<String>,
}

impl Commands {
    /// The whole course of the fault on this VM as a transcript for the node's root shell.
    fn for_people(&self, hold: Duration) -> Vec<String> {
        let enter = |command: &String| format!("nsenter --net=/proc/PID/ns/net {command}");
        let hold = format!("sleep {}", seconds(hold));
        let steps = self
            .apply
            .iter()
            .map(enter)
            .chain([hold])
            .chain(self.ease.iter().chain(&self.undo).map(enter));
        steps.collect()
    }
}

/// A rate alone is a token bucket, which needs no module; everything else is one netem.
pub(crate) fn shaper(netem: &Netem) -> Shaper {
    match netem.bandwidth {
        Some(rate) if netem.is_only_bandwidth() => Shaper::Tbf(TbfQdisc::new(rate)),
        _ => Shaper::Netem(qdisc(netem)),
    }
}

fn qdisc(netem: &Netem) -> NetemQdisc {
    let jitter = netem.jitter.unwrap_or_default();
    NetemQdisc {
        limit: netem
            .limit
            .unwrap_or_else(|| limit(netem.bandwidth, netem.longest_delay())),
        delay: netem.delay(),
        jitter,
        // Without jitter there is nothing to correlate, and the kernel does not show it.
        correlation: netem.correlation.filter(|_| !jitter.is_zero()).unwrap_or_default(),
        distribution: netem.distribution,
        loss: netem.loss.unwrap_or_default(),
        duplicate: netem.duplicate.unwrap_or_default(),
        corrupt: netem.corrupt.unwrap_or_default(),
        reorder: netem.reorder.unwrap_or_default(),
        gap: netem.gap.unwrap_or(u32::from(netem.reorder.is_some())),
        rate: netem.bandwidth.unwrap_or_default(),
    }
}

/// Packets in flight during the longest delay, at the rate or as fast as a VM can send, twice, within bounds.
///
/// With netem's default of 1000 a latency of 100 ms would also be a loss: a VM has more packets under way.
fn limit(rate: Option<Rate>, longest: Time) -> u32 {
    let per_second = rate.map_or(FASTEST_PACKETS, |r| {
        (r.bytes_per_second() / MEAN_PACKET).clamp(1, FASTEST_PACKETS)
    });
    let in_flight = u128::from(per_second) * u128::from(longest.as_micros()) / 1_000_000;
    let packets = u64::try_from(in_flight)
        .unwrap_or(u64::MAX)
        .saturating_mul(RESERVE)
        .clamp(MIN_LIMIT, MAX_LIMIT);
    u32::try_from(packets).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::packets::netem::NetemSettings;

    #[test]
    fn the_queue_holds_what_jitter_keeps_longer() {
        let ms = Time::from_millis;
        let queue = |latency, jitter| {
            let settings = NetemSettings {
                latency: Some(ms(latency)),
                jitter: Some(ms(jitter)),
                ..NetemSettings::default()
            };
            qdisc(&settings.resolve().unwrap()).limit
        };
        assert_eq!(queue(50, 0), 100_000);
        assert!(queue(50, 20) >= 140_000, "what waits 70 ms: {}", queue(50, 20));
        assert!(queue(50, 20) < queue(50, 40));
    }

    #[test]
    fn the_queue_holds_what_is_in_flight() {
        let ms = Time::from_millis;
        assert_eq!(limit(None, ms(0)), 1_000);
        assert_eq!(limit(None, ms(100)), 200_000);
        assert_eq!(limit(None, ms(5_000)), 500_000);
        assert_eq!(limit(Some(Rate::mbit(1)), ms(100)), 1_000);
        assert_eq!(limit(Some(Rate::mbit(1_000)), ms(100)), 71_428);
        assert_eq!(limit(Some(Rate::mbit(1_000_000)), ms(100)), 200_000);
    }
}
