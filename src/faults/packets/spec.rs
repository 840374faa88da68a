//! A fault on packets as it was asked for, without the VMs. The document shows it as `fault`.

use std::fmt;

use serde::Serialize;
use serde::ser::Serializer;

use crate::fault::{Directions, Execution, OnMigration, Time};
use crate::faults::packets::filter::{self, Filter};
use crate::faults::packets::netem::{self, Netem};
use crate::faults::packets::probe::Probe;

/// What is done to the packets of a VM.
///
/// Each kind has a folder with its values, its way to commands on the node, back from the kernel, and into words; everything else
/// of a run is the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketEffect {
    Netem(Netem),
    Filter(Filter),
}

/// A fault with its extent: which way, which interfaces, how long, in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketSpec {
    pub fault: PacketEffect,
    /// The name of the preset its values began with.
    pub preset: Option<&'static str>,
    pub directions: Directions,
    /// Tap devices or network names; empty means every interface the fault can reach.
    pub interfaces: Vec<String>,
    /// From the first change on a VM to the start of its rollback.
    pub duration: Time,
    pub execution: Execution,
    pub on_migration: OnMigration,
    /// The command ends once the fault is in place; its deadline takes it away.
    pub detach: bool,
    /// How each VM is probed before, during and after.
    pub probes: Vec<Probe>,
}

impl PacketEffect {
    /// `netem`, `filter`: the word in commands, labels and documents.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Netem(_) => netem::COMMAND,
            Self::Filter(_) => filter::COMMAND,
        }
    }
}

impl fmt::Display for PacketEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Netem(netem) => netem.fmt(f),
            Self::Filter(filter) => filter.fmt(f),
        }
    }
}

/// One flat object: the values of the fault, then its extent.
impl Serialize for PacketSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            preset: Option<&'static str>,
            #[serde(flatten)]
            values: Values<'a>,
            ingress: bool,
            egress: bool,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            interfaces: &'a [String],
            duration: String,
            execution: Execution,
            #[serde(rename = "onMigration")]
            on_migration: OnMigration,
            detach: bool,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            probe: &'a [Probe],
        }
        struct Values<'a>(&'a PacketEffect);
        impl Serialize for Values<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    PacketEffect::Netem(netem) => netem.serialize(serializer),
                    PacketEffect::Filter(filter) => filter.serialize(serializer),
                }
            }
        }
        Flat {
            preset: self.preset,
            values: Values(&self.fault),
            ingress: self.directions.ingress(),
            egress: self.directions.egress(),
            interfaces: &self.interfaces,
            duration: self.duration.in_seconds(),
            execution: self.execution,
            on_migration: self.on_migration,
            detach: self.detach,
            probe: &self.probes,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::packets::filter::FilterPreset;
    use crate::faults::packets::netem::NetemPreset;

    #[test]
    fn a_fault_is_one_flat_object_with_units() {
        let spec = PacketSpec {
            fault: PacketEffect::Netem(NetemPreset::Degraded.settings().resolve().unwrap()),
            preset: Some(NetemPreset::Degraded.name()),
            directions: Directions::INGRESS,
            interfaces: Vec::new(),
            duration: Time::from_millis(120_000),
            execution: Execution::Parallel,
            on_migration: OnMigration::Stop,
            detach: false,
            probes: Vec::new(),
        };
        let expected = serde_json::json!({
            "preset": "degraded", "latency": "2000ms", "loss": "50%", "bandwidth": "1mbit", "ingress": true, "egress": false,
            "duration": "120s", "execution": "parallel", "onMigration": "stop", "detach": false,
        });
        assert_eq!(serde_json::to_value(&spec).unwrap(), expected);

        let spec = PacketSpec {
            fault: PacketEffect::Filter(FilterPreset::Dns.settings().resolve().unwrap()),
            preset: Some(FilterPreset::Dns.name()),
            probes: vec![Probe::Icmp, Probe::Tcp(8080)],
            ..spec
        };
        let expected = serde_json::json!({
            "preset": "dns", "ports": "53", "protocols": ["tcp", "udp"], "action": "drop", "engine": "auto",
            "ingress": true, "egress": false, "duration": "120s", "execution": "parallel", "onMigration": "stop", "detach": false,
            "probe": ["icmp", "tcp:8080"],
        });
        assert_eq!(serde_json::to_value(&spec).unwrap(), expected);
    }
}
