//! The prober of a [`DoubleNode`](super::double::DoubleNode): probes of the VMs, answered by what is on their devices.

use std::time::{Duration, Instant};

use serde_json::json;

use super::double::Launcher;
use super::double_agent::{Double, Phase, hundredths};
use super::double_plan::Refused;
use super::host::Feature;

/// Of a practice network that nobody has a fault on: a round trip.
const ROUND_TRIP: f64 = 0.0004;
/// Between the starts of two probes.
const EVERY: Duration = Duration::from_secs(1);
/// Probes a kind after a VM's end, and for how long at most.
const AFTER: usize = 3;
const AFTER_LIMIT: Duration = Duration::from_secs(10);
/// Probes of a kind and VM that may be waiting at a time.
const AT_ONCE: usize = 4;
/// Devices of the pod's own network, which probes go over.
const DEVICES: [&str; 3] = ["tap0", "eth0", "eth0-nic"];
/// Some port of the node's, which answers go to.
const CLIENT_PORT: u16 = 45_678;

/// `KIND ADDRESS PORT SECONDS [PATH]` of a plan.
#[derive(Debug)]
pub(super) struct Probe {
    kind: String,
    /// None for icmp.
    port: Option<u16>,
    patience: Duration,
}

/// A VM that is probed.
pub(super) struct Probed {
    /// When its fault came into the state it is in, in hundredths of a second; earlier probes say nothing about it.
    since: f64,
    /// How many are wanted after its end, and until when; none before.
    wanted: Option<(usize, Instant)>,
    /// When each kind is due next.
    due: Vec<Instant>,
}

/// A probe under way, of which it is known already how it will end.
pub(super) struct Flight {
    vm: usize,
    n: usize,
    at: f64,
    ends: Instant,
    ms: Option<f64>,
}

impl Probe {
    pub(super) fn parse(words: &[&str]) -> Result<Self, &'static str> {
        let (kind, address, port, seconds) = match words {
            [kind @ "icmp", address, "-", seconds] => (kind, address, None, seconds),
            [kind @ "tcp", address, port, seconds] | [kind @ "http", address, port, seconds, _]
                if port.starts_with(|digit: char| ('1'..='9').contains(&digit)) =>
            {
                (kind, address, Some(port.parse().map_err(|_| "not a port")?), seconds)
            }
            _ => return Err("not a probe"),
        };
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err("not an address");
        }
        if words.get(4).is_some_and(|path| !path.starts_with('/')) {
            return Err("not a path");
        }
        let seconds = seconds.parse().map_err(|_| "no number of seconds")?;
        Ok(Self {
            kind: (*kind).to_owned(),
            port,
            patience: Duration::from_secs(seconds),
        })
    }

    /// Until the answer, by what is on the devices now; none for what will not be answered, and how long that takes.
    fn outcome(&self, launcher: Option<&mut Launcher>) -> Result<Duration, Duration> {
        let launcher = launcher.ok_or(self.patience)?;
        let mut round = ROUND_TRIP;
        let mut lost = false;
        for device in DEVICES {
            if let Some(root) = launcher.roots.get_mut(device).filter(|_| !lost) {
                let (delay, here) = root.take();
                round += delay;
                lost = here;
            }
        }
        let protocol = if self.kind == "icmp" { "icmp" } else { "tcp" };
        let client = self.port.map(|_| CLIENT_PORT);
        for (way, port) in [("in", self.port), ("out", client)] {
            for table in launcher.tables.iter() {
                match table.verdict(way, &DEVICES, protocol, port) {
                    Some(true) => return Err(Duration::ZERO),
                    Some(false) => lost = true,
                    None => {}
                }
            }
            for (device, clsact) in &launcher.clsacts {
                // What leaves a tap goes into the guest; what leaves the uplink comes out of it.
                let hook = if (device == "tap0") == (way == "in") {
                    "egress"
                } else {
                    "ingress"
                };
                let here = DEVICES.contains(&device.as_str());
                let drops = |filter: &super::flower::Filter| filter.hook.name() == hook && filter.drops(protocol, port);
                lost |= here && clsact.filters().iter().any(drops);
            }
        }
        let trips = if self.kind == "http" { 2.0 } else { 1.0 };
        let time = Duration::from_secs_f64(round * trips);
        if lost || time > self.patience {
            Err(self.patience)
        } else {
            Ok(time)
        }
    }
}

impl Double {
    /// Whether the node can make the probes of a plan.
    pub(super) fn can_probe(&self) -> Result<(), Refused> {
        let mut all = self.plans.iter().flat_map(|plan| &plan.probes);
        let missing = if self.plans.iter().all(|plan| plan.probes.is_empty()) {
            return Ok(());
        } else if !self.kernel.has(Feature::Bash) {
            "neither the image nor the node has a bash that opens connections"
        } else if all.any(|probe| probe.kind == "icmp") && !self.kernel.has(Feature::Ping) {
            "icmp: neither the image nor the node has a ping that works"
        } else {
            return Ok(());
        };
        Err(("no-probe", missing.to_owned(), None))
    }

    fn uptime(&self) -> f64 {
        hundredths(self.kernel.booted.elapsed().as_secs_f64())
    }

    /// A VM is probed from now on.
    pub(super) fn probe_on(&mut self, vm: usize) {
        let kinds = self.plans[vm].probes.len();
        if kinds > 0 && !self.probed.contains_key(&vm) {
            let probed = Probed {
                since: 0.0,
                wanted: None,
                due: vec![Instant::now(); kinds],
            };
            self.probed.insert(vm, probed);
        }
    }

    /// A VM that has no fault yet is probed from now on.
    pub(super) fn probe_only(&mut self, vm: usize) {
        if matches!(self.phases[vm], Phase::Found) && !self.over {
            self.probe_on(vm);
        }
    }

    /// Its fault is in place now, and read back.
    pub(super) fn probe_held(&mut self, vm: usize) {
        let now = self.uptime();
        if let Some(probed) = self.probed.get_mut(&vm) {
            probed.since = now;
        }
    }

    /// It has ended: probed a little longer if it was restored and somebody listens.
    pub(super) fn probe_ended(&mut self, vm: usize, restored: bool) {
        let now = self.uptime();
        let wanted = self.plans[vm].probes.len() * AFTER;
        match self.probed.get_mut(&vm) {
            Some(probed) if restored && !self.over && !self.detached => {
                probed.since = now;
                probed.wanted = Some((wanted, Instant::now() + AFTER_LIMIT));
            }
            _ => drop(self.probed.remove(&vm)),
        }
    }

    /// Whether some VM that has ended is still probed.
    pub(super) fn probing_lasts(&self) -> bool {
        !self.over && self.probed.values().any(|probed| probed.wanted.is_some())
    }

    pub(super) fn probe_deadline(&self) -> Option<Instant> {
        let probed = self.probed.iter().flat_map(|(vm, probed)| {
            let idle = probed.due.iter().enumerate().filter(|(n, _)| !self.is_full(*vm, *n));
            let due = idle.map(|(_, due)| *due);
            due.chain(probed.wanted.map(|(_, until)| until))
        });
        probed.chain(self.flights.iter().map(|flight| flight.ends)).min()
    }

    /// Whether no more probes of this kind may be under way at a time.
    fn is_full(&self, vm: usize, n: usize) -> bool {
        let flying = self.flights.iter().filter(|flight| (flight.vm, flight.n) == (vm, n));
        flying.count() >= AT_ONCE
    }

    /// Results that are there, and probes that are due.
    pub(super) fn keep_probing(&mut self, now: Instant) {
        let (landed, flying) = std::mem::take(&mut self.flights)
            .into_iter()
            .partition(|flight| flight.ends <= now);
        self.flights = flying;
        let landed: Vec<Flight> = landed;
        for flight in landed {
            self.land(&flight);
        }
        self.probed
            .retain(|_, probed| probed.wanted.is_none_or(|(_, until)| until > now));
        let mut due = Vec::new();
        for (vm, probed) in &self.probed {
            due.extend((0..probed.due.len()).filter_map(|n| {
                let is_due = probed.due[n] <= now && !self.is_full(*vm, n);
                is_due.then_some((*vm, n))
            }));
        }
        for (vm, n) in due {
            let flight = self.depart(vm, n, now);
            self.flights.push(flight);
            if let Some(probed) = self.probed.get_mut(&vm) {
                probed.due[n] = now + EVERY;
            }
        }
    }

    fn depart(&self, vm: usize, n: usize, now: Instant) -> Flight {
        let plan = &self.plans[vm];
        let outcome = plan.probes[n].outcome(self.kernel.launchers().get_mut(&plan.pod_uid));
        let (Ok(time) | Err(time)) = outcome;
        Flight {
            vm,
            n,
            at: self.uptime(),
            ends: now + time,
            ms: outcome.ok().map(|time| time.as_secs_f64() * 1000.0),
        }
    }

    fn land(&mut self, flight: &Flight) {
        let phase = match self.phases[flight.vm] {
            Phase::Found | Phase::Armed { .. } => "before",
            Phase::Held { .. } => "during",
            Phase::Ended(_) => "after",
            Phase::Easing { .. } => "",
        };
        let Some(probed) = self.probed.get_mut(&flight.vm) else {
            return;
        };
        if phase.is_empty() || flight.at <= probed.since || self.ended {
            return;
        }
        let mut enough = false;
        if let Some((wanted, _)) = &mut probed.wanted {
            *wanted = wanted.saturating_sub(1);
            enough = *wanted == 0;
        }
        if enough {
            self.probed.remove(&flight.vm);
        }
        self.emit(json!({
            "ev": "probe", "vm": flight.vm, "n": flight.n, "phase": phase, "at": flight.at, "ms": flight.ms,
        }));
    }
}
