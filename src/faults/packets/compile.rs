//! Compiles a fault on one VM to lines of its node's plan: the VM, the time, its devices, the commands. Also says what the kernel must
//! answer once the commands were carried out. What netem and filter have in common is here, the rest in `netem` and `filter`.
//!
//! ```text
//! netem   root qdiscs: the tap's into the guest, the uplink's out of it; one VM's commands are in its own lines
//! filter  rules on hooks of the devices; they are in the plan once a node, and a VM's lines name its hooks
//! ```

mod probes;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use crate::fault::{Direction, Directions, Interface, Target};
use crate::faults::packets::filter::{self, ExpectedFilter, Ruleset};
use crate::faults::packets::netem::{self, ExpectedQdisc};
use crate::faults::packets::probe::Probe;
use crate::faults::packets::spec::PacketEffect;
use crate::plan::Handle;
use crate::plan::agent_lines::{CompileError, check_words, device_lines, seconds, vm_line};

/// What is put on every VM of a run, and by which names it is known on the nodes.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub fault: &'a PacketEffect,
    pub directions: Directions,
    /// In the names of nft tables.
    pub run: &'a str,
    /// In the names of qdiscs and flower filters.
    pub handle: Handle,
    /// How each VM is probed from its node.
    pub probes: &'a [Probe],
}

/// What one VM adds to the plan of its node, and what is known about it beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeVm {
    /// Lines the agent reads, in order.
    pub lines: Vec<String>,
    /// What the kernel must answer once the fault is in place.
    pub expected: Expected,
    /// The same commands as somebody would type them on the node; `PID` is a process of the launcher.
    pub commands_for_people: Vec<String>,
}

/// The objects of the run in the kernel, as they must read back.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// One a device.
    Qdiscs(Vec<ExpectedQdisc>),
    Filter(ExpectedFilter),
}

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

/// What a kind of fault adds to a VM's lines.
pub(crate) struct Parts {
    pub(super) lines: Vec<String>,
    pub(super) expected: Expected,
    pub(super) commands_for_people: Vec<String>,
}

/// The lines for the VM with this index in its node's plan. `hold` counts from the first change to the start of the rollback.
pub fn compile(order: &Order<'_>, target: &Target, index: usize, hold: Duration) -> Result<NodeVm, CompileError> {
    check_words(target)?;
    if target.interfaces.is_empty() {
        return Err(CompileError::NoInterface { target: target.key() });
    }
    let parts = match order.fault {
        PacketEffect::Netem(netem) => netem::compile::compile(netem, order, target, index, hold)?,
        PacketEffect::Filter(filter) => filter::compile::compile(filter, order, target, index, hold)?,
    };
    let mut lines = vec![
        vm_line(&target.launcher, index),
        format!("hold {index} {}", seconds(hold)),
    ];
    lines.extend(device_lines(target, index));
    lines.extend(parts.lines);
    let mut commands_for_people = parts.commands_for_people;
    for probe in probes::probes(order, target)? {
        lines.push(format!("probe {index} {}", probe.words));
        commands_for_people.push(probe.command);
    }
    Ok(NodeVm {
        lines,
        expected: parts.expected,
        commands_for_people,
    })
}

/// The device that carries one direction of a fault on an interface.
pub fn device<'a>(fault: &PacketEffect, direction: Direction, interface: &'a Interface) -> &'a str {
    match fault {
        PacketEffect::Netem(_) => direction.device(interface),
        PacketEffect::Filter(filter) => filter::compile::place(interface, direction, filter.action).0,
    }
}

// === impl Expected ===

impl Expected {
    /// Whether the kernel holds what was asked for, by what the agent read back on a VM under each device's or the tool's name.
    /// "Injected" rests on this alone: what a command printed or returned proves nothing.
    pub fn verify(&self, read: &BTreeMap<String, Value>) -> Result<Vec<Reading>, Mismatch> {
        match self {
            Self::Qdiscs(expected) => expected.iter().map(|one| netem::verify::verify(one, read)).collect(),
            Self::Filter(expected) => filter::verify::verify(expected, read),
        }
    }
}

/// Joins the lines of all VMs of a node, as the agent's `VMCHAOS_PLAN` takes them, after what is said once for all of them.
pub fn node_plan<'a>(order: &Order<'_>, vms: impl IntoIterator<Item = &'a NodeVm>) -> String {
    let for_all = match order.fault {
        PacketEffect::Netem(_) => Vec::new(),
        PacketEffect::Filter(filter) => Ruleset::new(filter).node_lines(order.directions, order.handle),
    };
    let mut plan = String::new();
    for line in for_all.iter().chain(vms.into_iter().flat_map(|vm| &vm.lines)) {
        // Writing to a String cannot fail.
        let _ = writeln!(plan, "{line}");
    }
    plan
}

#[cfg(test)]
pub(super) mod tests;
