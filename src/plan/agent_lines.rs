//! Lines of a node's plan that are the same for every fault: who a VM is on its node, which devices it has, what is swept and
//! what is killed. Nothing in them is more than a word to the agent or to a shell.

use std::fmt::Write;
use std::time::Duration;

use crate::fault::{Directions, Launcher, Target, Time};
use crate::plan::Handle;

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
    #[error("tc would need {filters} filters on each device, more than {most}")]
    TooManyFilters { filters: usize, most: usize },
    #[error("the plan for {vms} VMs on node {} is too long for a pod: {bytes} bytes, more than {}", node.escape_debug(), Self::LONGEST)]
    TooLong { node: String, vms: usize, bytes: usize },
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

/// The lines that have a VM probed, and nothing done to it: by connections to these ports, each of which may take so many seconds.
pub(crate) fn compile_probes(target: &Target, index: usize, ports: &[(u16, u64)]) -> Result<Vec<String>, CompileError> {
    check_launcher(&target.key(), &target.launcher)?;
    let Some(address) = target.launcher.address else {
        return Err(CompileError::NoAddress { target: target.key() });
    };
    let probes = ports
        .iter()
        .map(|(port, seconds)| format!("probe {index} tcp {address} {port} {seconds}"));
    Ok(std::iter::once(vm_line(&target.launcher, index))
        .chain(probes)
        .collect())
}

pub(crate) fn vm_line(launcher: &Launcher, index: usize) -> String {
    let container = launcher.container_id.as_deref().unwrap_or("-");
    format!("vm {index} {} {container}", launcher.uid)
}

/// `tap` and `uplink` lines. Both are checked on the node whichever direction is asked for: together they show that this is the
/// network namespace of a VM.
pub(crate) fn device_lines(target: &Target, index: usize) -> Vec<String> {
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
pub(crate) fn check_words(target: &Target) -> Result<(), CompileError> {
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
pub(crate) fn seconds(duration: Duration) -> String {
    Time::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).seconds()
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
mod tests {
    use super::*;
    use crate::fault::testing::{self, bridged, masquerade};

    fn target() -> Target {
        testing::target(vec![masquerade(), bridged()])
    }

    #[test]
    fn a_sweep_looks_at_every_device_of_a_vm() {
        assert_eq!(
            compile_sweep(&target(), 3, None).unwrap(),
            [
                "vm 3 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 ab12",
                "sweep 3 tap0",
                "sweep 3 eth0",
                "sweep 3 tap16477688c0e",
                "sweep 3 16477688c0e-nic",
            ]
        );
    }

    #[test]
    fn a_vm_that_is_only_probed_has_no_line_that_changes_anything() {
        let mut target = target();
        target.launcher.address = Some("10.42.0.10".parse().unwrap());
        assert_eq!(
            compile_probes(&target, 0, &[(22, 5), (443, 120)]).unwrap(),
            [
                "vm 0 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 ab12",
                "probe 0 tcp 10.42.0.10 22 5",
                "probe 0 tcp 10.42.0.10 443 120",
            ]
        );
        target.launcher.address = None;
        let none = compile_probes(&target, 0, &[(22, 5)]).unwrap_err();
        assert_eq!(none, CompileError::NoAddress { target: target.key() });
    }

    #[test]
    fn a_sweep_for_one_run_names_its_handle() {
        let mut target = target();
        target.interfaces.truncate(1);
        assert_eq!(
            compile_sweep(&target, 0, Handle::new(0x7a31)).unwrap(),
            [
                "vm 0 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 ab12",
                "sweep 0 tap0 7a31:",
                "sweep 0 eth0 7a31:",
            ]
        );
    }
}
