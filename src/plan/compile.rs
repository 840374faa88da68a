//! A fault on one VM as lines of its node's plan, the same for every kind of fault: who, how long, on which devices, by which commands.
//!
//! Ingress is the root qdisc of the tap, egress the root qdisc of the uplink: a qdisc shapes what a device sends. That takes
//! one object a direction, one undo by its handle, and no more of the kernel than the qdisc itself.

mod netem;
mod qdisc;

use std::fmt::Write;
use std::time::Duration;

pub use qdisc::{NetemQdisc, Shaper, TbfQdisc};

use super::Handle;
use crate::fault::{Direction, Directions, Fault, Target, Time};

/// What one VM adds to the plan of its node, and what is known about it beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeVm {
    /// Lines the agent reads, in order.
    pub lines: Vec<String>,
    /// What the kernel must answer once the fault is in place, one a device.
    pub expected: Vec<Expected>,
    /// The same commands as somebody would type them on the node; `PID` is a process of the launcher.
    pub commands_for_people: Vec<String>,
}

/// An object of the run in the kernel, as it must read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub device: String,
    /// The network in the VMI's spec; the first of several that share an uplink.
    pub network: String,
    pub direction: Direction,
    pub handle: Handle,
    pub shaper: Shaper,
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
    #[error("{target}: no interface to put the fault on")]
    NoInterface { target: String },
}

/// The lines for the VM with this index in its node's plan. `hold` counts from the first change to the start of the rollback.
pub fn compile(
    fault: &Fault,
    directions: Directions,
    target: &Target,
    index: usize,
    handle: Handle,
    hold: Duration,
) -> Result<NodeVm, CompileError> {
    check_words(target)?;
    let Fault::Netem(netem) = fault;
    let shaper = netem::shaper(netem);
    let expected = expected(directions, target, handle, &shaper)?;

    let mut lines = vec![vm_line(target, index), format!("hold {index} {}", seconds(hold))];
    lines.extend(devices(target, index));
    if let Some(module) = shaper.module() {
        lines.push(format!("need {index} {module}"));
    }
    let mut commands = Commands::default();
    for object in &expected {
        let Expected { device, handle, .. } = object;
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

    Ok(NodeVm {
        lines,
        expected,
        commands_for_people: commands.for_people(hold),
    })
}

/// The lines that look for objects of this program on every device a fault may be on, and take them out: of one run alone, or
/// whoever put them there.
pub fn compile_sweep(target: &Target, index: usize, only: Option<Handle>) -> Result<Vec<String>, CompileError> {
    check_words(target)?;
    let mut lines = vec![vm_line(target, index)];
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

fn vm_line(target: &Target, index: usize) -> String {
    let container = target.launcher.container_id.as_deref().unwrap_or("-");
    format!("vm {index} {} {container}", target.launcher.uid)
}

/// What each device must read back: one object a device, also where interfaces share an uplink.
fn expected(
    directions: Directions,
    target: &Target,
    handle: Handle,
    shaper: &Shaper,
) -> Result<Vec<Expected>, CompileError> {
    let mut expected: Vec<Expected> = Vec::new();
    for interface in &target.interfaces {
        for direction in directions.iter() {
            let device = direction.device(interface);
            match expected.iter().find(|e| e.device == device) {
                Some(same) if same.direction == direction => {}
                Some(_) => {
                    return Err(CompileError::SameDevice {
                        target: target.key(),
                        device: device.to_owned(),
                    });
                }
                None => expected.push(Expected {
                    device: device.to_owned(),
                    network: interface.network.clone(),
                    direction,
                    handle,
                    shaper: shaper.clone(),
                }),
            }
        }
    }
    if expected.is_empty() {
        return Err(CompileError::NoInterface { target: target.key() });
    }
    Ok(expected)
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
    let launcher = [
        ("the launcher's UID", Some(&target.launcher.uid)),
        ("the container's ID", target.launcher.container_id.as_ref()),
    ];
    let devices = target.interfaces.iter().flat_map(|i| {
        [
            ("the tap", Some(&i.tap)),
            ("the bridge", Some(&i.bridge)),
            ("the uplink", Some(&i.uplink)),
        ]
    });
    for (what, word) in launcher.into_iter().chain(devices) {
        let Some(word) = word else { continue };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/%@-".contains(&b);
        // A leading dash would be an option, and a lone one means "unknown" in the plan.
        if word.is_empty() || word.starts_with('-') || !word.bytes().all(plain) {
            return Err(CompileError::Word {
                target: target.key(),
                what,
                word: word.clone(),
            });
        }
    }
    Ok(())
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

/// Decimal seconds, to the microsecond.
fn seconds(duration: Duration) -> String {
    Time::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).seconds()
}

/// Joins the lines of all VMs of a node, as the agent's `VMCHAOS_PLAN` takes them.
pub fn node_plan<'a>(vms: impl IntoIterator<Item = &'a NodeVm>) -> String {
    let mut plan = String::new();
    for line in vms.into_iter().flat_map(|vm| &vm.lines) {
        // Writing to a String cannot fail.
        let _ = writeln!(plan, "{line}");
    }
    plan
}

#[cfg(test)]
mod tests;
