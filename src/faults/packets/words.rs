//! A fault in sentences, for the plan: which way it works, what it does to a round trip, and what else it will hit.
//!
//! Everybody gets the direction of a fault on a VM wrong once; the numbers of one direction say little about what an
//! application sees, which is the round trip.

pub(super) mod kubelet_probes;
mod probes;

use crate::fault::{Binding, Directions, KubeletProbe, Target, Time};
use crate::faults::packets::spec::PacketEffect;
use crate::faults::packets::{filter, netem};

pub(crate) use probes::probes;

/// What a plan says about its fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Words {
    /// What is done, a sentence a line.
    pub effects: Vec<String>,
    /// What may surprise, each with its reason.
    pub warnings: Vec<String>,
}

/// The words for this fault on these VMs for as long as `hold`.
pub(crate) fn describe<'a>(
    fault: &PacketEffect,
    directions: Directions,
    hold: Time,
    targets: impl IntoIterator<Item = &'a Target>,
) -> Words {
    let (effects, warnings) = match fault {
        PacketEffect::Netem(netem) => (
            netem::words::effects(netem, directions),
            netem::words::warnings(netem, directions, hold),
        ),
        PacketEffect::Filter(filter) => (
            filter::words::effects(filter, directions),
            filter::words::warnings(filter, directions),
        ),
    };
    let mut words = Words {
        effects: vec![where_it_works(directions)],
        warnings,
    };
    words.effects.extend(effects);
    let fails = |probe: &KubeletProbe| match fault {
        PacketEffect::Netem(netem) => netem::words::fails(netem, directions, probe),
        PacketEffect::Filter(filter) => filter::words::fails(filter, directions, probe),
    };
    let mut shares_pod = false;
    let mut probed = Vec::new();
    for target in targets {
        shares_pod |= target.interfaces.iter().any(|i| i.binding == Binding::Masquerade);
        probed.extend(
            kubelet_probes::warnings(fails, hold, target)
                .into_iter()
                .map(|told| (target.key(), told)),
        );
    }
    words.warnings.extend(grouped(probed));
    let hit = match fault {
        PacketEffect::Netem(_) => netem::words::shared(directions),
        PacketEffect::Filter(filter) => filter::words::shared(filter, directions),
    };
    words.effects.extend(hit.filter(|_| shares_pod).map(str::to_owned));
    words
}

/// One line for all VMs that the same is said of, with the first two by name.
fn grouped(told: Vec<(String, String)>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (key, text) in told {
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, keys)) => keys.push(key),
            None => groups.push((text, vec![key])),
        }
    }
    let line = |(text, keys): (String, Vec<String>)| match keys.as_slice() {
        [first, second, rest @ ..] if !rest.is_empty() => format!("{first}, {second} and {} more: {text}", rest.len()),
        keys => format!("{}: {text}", keys.join(" and ")),
    };
    groups.into_iter().map(line).collect()
}

/// Where the fault sits, as the guest sees it.
fn where_it_works(directions: Directions) -> String {
    match (directions.ingress(), directions.egress()) {
        (true, true) => "both ways: into the guest (ingress) and out of it (egress)".into(),
        (true, false) => "one way: into the guest (ingress); what it sends is left alone".into(),
        (false, _) => "one way: out of the guest (egress); what it receives is left alone".into(),
    }
}

#[cfg(test)]
pub(super) mod tests;
