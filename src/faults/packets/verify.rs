//! Whether the kernel holds what was asked for. "Injected" rests on this alone: what a command printed or returned proves nothing.
//!
//! Each kind of object has a file of its own: qdiscs by what `tc -s -j qdisc show` prints, rules by `nft -j list table` or
//! `tc -s -j filter show`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::faults::packets::compile::Expected;

/// What the kernel holds on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub device: String,
    /// The tool that put it there: `tc` or `nft`.
    pub engine: &'static str,
    /// As the tool was told.
    pub asked: String,
    /// As the kernel has it, in the same words.
    pub read: String,
    /// Packets that have passed, where they are counted.
    pub packets: Option<u64>,
    /// Packets that have not, on purpose or for want of room; of a filter, those it dropped or rejected.
    pub dropped: u64,
}

/// The kernel holds something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{device}: asked for {asked}, but {problem}")]
pub struct Mismatch {
    pub device: String,
    pub asked: String,
    /// What differs, e.g. `the kernel has loss 5%, not 10%`.
    pub problem: String,
}

/// Compares what the agent read back on a VM, by the device or the tool's name, with what it must be.
pub fn verify(expected: &Expected, read: &BTreeMap<String, Value>) -> Result<Vec<Reading>, Mismatch> {
    match expected {
        Expected::Qdiscs(expected) => expected
            .iter()
            .map(|one| super::netem::verify::verify(one, read))
            .collect(),
        Expected::Filter(expected) => super::filter::verify::verify(expected, read),
    }
}
