//! A fault on one VM as lines of its node's plan, the same for every kind of fault: who, how long, on which devices, by which commands.
//!
//! ```text
//! netem   root qdiscs: the tap's into the guest, the uplink's out of it; one VM's commands are in its own lines
//! filter  rules on hooks of the devices; they are in the plan once a node, and a VM's lines name its hooks
//! ```

mod filter;
mod flower;
mod netem;
mod probes;
mod qdisc;
mod ruleset;

use std::fmt::Write;
use std::time::Duration;

pub use filter::{ExpectedFilter, Hook, HookPoint};
pub use flower::{FlowerFilter, FlowerMatch};
pub use netem::ExpectedQdisc;
pub use qdisc::{NetemQdisc, Shaper, TbfQdisc};
pub use ruleset::{Family, Rule, Ruleset, Upper, Verdict};

use super::Handle;
use crate::fault::{Direction, Directions, Fault, Interface, Launcher, Probe, Target, Time};

/// What is put on every VM of a run, and by which names it is known on the nodes.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub fault: &'a Fault,
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

/// What a kind of fault adds to a VM's lines.
struct Parts {
    lines: Vec<String>,
    expected: Expected,
    commands_for_people: Vec<String>,
}

/// Something that would not survive the way to the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    #[error("{target}: {what} is `{}`, which cannot be put into a command", word.escape_debug())]
    Word {
        target: String,
        what: &'static str,
        word: String,
    },
    #[error("{target}: {device} would carry both directions of the fault")]
    SameDevice { target: String, device: String },
    #[error("{target}: its launcher pod has no address that could be probed")]
    NoAddress { target: String },
    #[error("{target}: no interface to put the fault on")]
    NoInterface { target: String },
    #[error("tc would need {filters} filters on each device, more than {}", flower::MOST_FILTERS)]
    TooManyFilters { filters: usize },
    #[error("the plan for {vms} VMs on node {} is too long for a pod: {bytes} bytes, more than {}", node.escape_debug(), Self::LONGEST)]
    TooLong { node: String, vms: usize, bytes: usize },
}

/// The lines for the VM with this index in its node's plan. `hold` counts from the first change to the start of the rollback.
pub fn compile(order: &Order<'_>, target: &Target, index: usize, hold: Duration) -> Result<NodeVm, CompileError> {
    check_words(target)?;
    if target.interfaces.is_empty() {
        return Err(CompileError::NoInterface { target: target.key() });
    }
    let parts = match order.fault {
        Fault::Netem(netem) => netem::compile(netem, order, target, index, hold)?,
        Fault::Filter(filter) => filter::compile(filter, order, target, index, hold)?,
    };
    let mut lines = vec![
        vm_line(&target.launcher, index),
        format!("hold {index} {}", seconds(hold)),
    ];
    lines.extend(devices(target, index));
    lines.extend(parts.lines);
    let mut commands_for_people = parts.commands_for_people;
    for probe in probes::probes(order, target)? {
        lines.push(format!("reach {index} {}", probe.words));
        commands_for_people.push(probe.command);
    }
    Ok(NodeVm {
        lines,
        expected: parts.expected,
        commands_for_people,
    })
}

/// The device that carries one direction of a fault on an interface.
pub fn device<'a>(fault: &Fault, direction: Direction, interface: &'a Interface) -> &'a str {
    match fault {
        Fault::Netem(_) => direction.device(interface),
        Fault::Filter(filter) => filter::place(interface, direction, filter.action).0,
    }
}

/// The lines that look for objects of this program on every device a fault may be on, and take them out: of one run alone, or
/// whoever put them there.
pub fn compile_sweep(target: &Target, index: usize, only: Option<Handle>) -> Result<Vec<String>, CompileError> {
    check_words(target)?;
    let mut lines = vec![vm_line(&target.launcher, index)];
    for interface in &target.interfaces {
        for direction in Directions::BOTH.iter() {
            let mut line = format!("sweep {index} {}", direction.device(interface));
            if let Some(handle) = only {
                let _ = write!(line, " {handle}");
            }
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    Ok(lines)
}

/// The lines that send SIGKILL to the QEMU process of the VMI `key`, which runs in `launcher`.
pub fn compile_kill(key: &str, launcher: &Launcher, index: usize) -> Result<Vec<String>, CompileError> {
    check_launcher(key, launcher)?;
    Ok(vec![vm_line(launcher, index), format!("kill {index}")])
}

fn vm_line(launcher: &Launcher, index: usize) -> String {
    let container = launcher.container_id.as_deref().unwrap_or("-");
    format!("vm {index} {} {container}", launcher.uid)
}

/// `tap` and `uplink` lines. Both are checked on the node whichever direction is asked for: together they show that this is the
/// network namespace of a VM.
fn devices(target: &Target, index: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for interface in &target.interfaces {
        let port_of = if interface.uplink_is_port() {
            interface.bridge.as_str()
        } else {
            "-"
        };
        for line in [
            format!("tap {index} {} {}", interface.tap, interface.bridge),
            format!("uplink {index} {} {port_of}", interface.uplink),
        ] {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

/// Everything of a target that becomes a word of the plan holds nothing a shell or the plan's own grammar would see.
fn check_words(target: &Target) -> Result<(), CompileError> {
    check_launcher(&target.key(), &target.launcher)?;
    let devices = target.interfaces.iter().flat_map(|i| {
        [
            ("the tap", &i.tap),
            ("the bridge", &i.bridge),
            ("the uplink", &i.uplink),
        ]
    });
    check_each(&target.key(), devices)
}

fn check_launcher(key: &str, launcher: &Launcher) -> Result<(), CompileError> {
    let uid = [("the launcher's UID", &launcher.uid)];
    let container = launcher.container_id.iter().map(|id| ("the container's ID", id));
    check_each(key, uid.into_iter().chain(container))
}

fn check_each<'a>(key: &str, words: impl Iterator<Item = (&'static str, &'a String)>) -> Result<(), CompileError> {
    for (what, word) in words {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/%@-".contains(&b);
        // A leading dash would be an option, and a lone one means "unknown" in the plan.
        if word.is_empty() || word.starts_with('-') || !word.bytes().all(plain) {
            return Err(CompileError::Word {
                target: key.to_owned(),
                what,
                word: word.clone(),
            });
        }
    }
    Ok(())
}

/// Decimal seconds, to the microsecond.
fn seconds(duration: Duration) -> String {
    Time::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).seconds()
}

/// Joins the lines of all VMs of a node, as the agent's `VMCHAOS_PLAN` takes them, after what is said once for all of them.
pub fn node_plan<'a>(order: &Order<'_>, vms: impl IntoIterator<Item = &'a NodeVm>) -> String {
    let for_all = match order.fault {
        Fault::Netem(_) => Vec::new(),
        Fault::Filter(filter) => Ruleset::new(filter).node_lines(order.directions, order.handle),
    };
    let mut plan = String::new();
    for line in for_all.iter().chain(vms.into_iter().flat_map(|vm| &vm.lines)) {
        // Writing to a String cannot fail.
        let _ = writeln!(plan, "{line}");
    }
    plan
}

impl CompileError {
    /// Bytes of a node's plan: the kernel takes no environment variable of 128 KiB (`MAX_ARG_STRLEN`), its name included.
    pub const LONGEST: usize = 128 * 1024 - 64;

    /// What would do, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooManyFilters { .. } => {
                Some("leave --engine out or use --engine nft, name fewer --ports or --peer, or join them to ranges")
            }
            Self::NoAddress { .. } => Some("wait until the pod has one, or leave --probe out"),
            Self::TooLong { .. } => Some("choose fewer VMs with --count, or name fewer --ports or --peer"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod filter_tests;
#[cfg(test)]
mod tests;
