//! A filter fault on one VM: the hooks of its devices that the rules go on.

use std::time::Duration;

use super::flower::MOST_FILTERS;
use super::ruleset::{Ruleset, way};
use crate::fault::{Direction, Interface, Target};
use crate::faults::packets::compile::{Expected, Order, Parts};
use crate::faults::packets::filter::{Engine, Filter, FilterAction};
use crate::plan::Handle;
use crate::plan::agent_lines::{CompileError, seconds};

/// The rules of a run on one VM, as they must read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFilter {
    pub run: String,
    pub handle: Handle,
    pub ruleset: Ruleset,
    /// One a device and direction.
    pub hooks: Vec<Hook>,
}

/// A place in the kernel that every packet of a device comes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub device: String,
    /// As the guest sees it.
    pub direction: Direction,
    pub at: HookPoint,
}

/// As the kernel sees it: ingress is what a device receives, egress what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookPoint {
    Ingress,
    Egress,
}

// === impl HookPoint ===

impl HookPoint {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

// === impl Hook ===

impl Hook {
    /// Name of the hook's chain in the run's nft table.
    pub fn chain(&self) -> String {
        format!("{}_{}", way(self.direction), self.device)
    }

    /// The hook in words, as the guest sees it and as the kernel does: `ingress (hook egress)`.
    pub fn in_words(&self) -> String {
        format!("{} (hook {})", self.direction, self.at.name())
    }
}

/// Where one direction is filtered. A tap sends what goes into the guest and receives what comes out of it. An answer to
/// what is rejected needs an ingress hook, which what goes into the guest passes on the uplink.
pub(crate) fn place(interface: &Interface, direction: Direction, action: FilterAction) -> (&str, HookPoint) {
    match (direction, action) {
        (Direction::Ingress, FilterAction::Drop) => (&interface.tap, HookPoint::Egress),
        (Direction::Ingress, FilterAction::Reject) => (&interface.uplink, HookPoint::Ingress),
        (Direction::Egress, _) => (&interface.tap, HookPoint::Ingress),
    }
}

pub(crate) fn compile(
    filter: &Filter,
    order: &Order<'_>,
    target: &Target,
    index: usize,
    hold: Duration,
) -> Result<Parts, CompileError> {
    let ruleset = Ruleset::new(filter);
    if ruleset.engine == Engine::Tc && !ruleset.fits_flower() {
        return Err(CompileError::TooManyFilters {
            filters: ruleset.count_flower_filters(),
            most: MOST_FILTERS,
        });
    }
    let mut hooks: Vec<Hook> = Vec::new();
    for interface in &target.interfaces {
        for direction in order.directions.iter() {
            let (device, at) = place(interface, direction, filter.action);
            match hooks.iter().find(|known| known.device == device && known.at == at) {
                Some(same) if same.direction == direction => {}
                Some(_) => {
                    return Err(CompileError::SameDevice {
                        target: target.key(),
                        device: device.to_owned(),
                    });
                }
                None => hooks.push(Hook {
                    device: device.to_owned(),
                    direction,
                    at,
                }),
            }
        }
    }
    let own = |hook: &Hook| {
        let (way, at) = (way(hook.direction), hook.at.name());
        format!("own {index} cut {} {way} {at}", hook.device)
    };
    let expected = ExpectedFilter {
        run: order.run.to_owned(),
        handle: order.handle,
        hooks,
        ruleset,
    };
    Ok(Parts {
        lines: expected.hooks.iter().map(own).collect(),
        commands_for_people: commands(&expected, hold),
        expected: Expected::Filter(expected),
    })
}

/// The course of the fault as a transcript for the node's root shell: nft, or tc where that alone is asked for.
fn commands(expected: &ExpectedFilter, hold: Duration) -> Vec<String> {
    let (apply, undo) = if expected.ruleset.engine == Engine::Tc {
        expected.tc_commands()
    } else {
        expected.nft_commands()
    };
    let enter = |command: &String| format!("nsenter --net=/proc/PID/ns/net {command}");
    let mut commands: Vec<_> = apply.iter().map(enter).collect();
    commands.push(format!("sleep {}", seconds(hold)));
    commands.extend(undo.iter().map(enter));
    commands
}

// === impl ExpectedFilter ===

impl ExpectedFilter {
    pub fn table(&self) -> String {
        format!("vmchaos_{}", self.run)
    }

    fn devices(&self) -> Vec<&str> {
        let mut devices: Vec<&str> = Vec::new();
        for hook in &self.hooks {
            if !devices.contains(&hook.device.as_str()) {
                devices.push(&hook.device);
            }
        }
        devices
    }

    fn nft_commands(&self) -> (Vec<String>, Vec<String>) {
        let table = self.table();
        let mut apply = vec![format!("nft create table netdev {table}")];
        for (name, of_type, elements) in self.ruleset.sets() {
            let elements = elements.replace(',', ", ");
            apply.push(format!(
                "nft add set netdev {table} {name} '{{ type {of_type}; flags interval; auto-merge; elements = {{ {elements} }}; }}'"
            ));
        }
        let mut undo = vec![format!("nft delete table netdev {table}")];
        for device in self.devices() {
            apply.push(format!("nft create table netdev vmchaos_lock_{device}"));
            apply.push(format!("nft add chain netdev vmchaos_lock_{device} {table}"));
            undo.push(format!("nft delete table netdev vmchaos_lock_{device}"));
        }
        for hook in &self.hooks {
            let (chain, at, device) = (hook.chain(), hook.at.name(), &hook.device);
            apply.push(format!(
                "nft add chain netdev {table} {chain} '{{ type filter hook {at} device \"{device}\" priority -500; policy accept; }}'"
            ));
            let rules = self.ruleset.rules.iter().map(|rule| rule.nft(hook.direction));
            apply.extend(rules.map(|rule| format!("nft add rule netdev {table} {chain} '{rule}'")));
        }
        (apply, undo)
    }

    fn tc_commands(&self) -> (Vec<String>, Vec<String>) {
        let (mut apply, mut undo) = (Vec::new(), Vec::new());
        for device in self.devices() {
            apply.push(format!("tc qdisc add dev {device} clsact"));
            undo.push(format!("tc qdisc del dev {device} clsact"));
        }
        for hook in &self.hooks {
            for (number, filter) in (1..).zip(self.ruleset.flower_filters()) {
                apply.push(format!(
                    "tc filter add dev {} {} protocol {} pref {} handle {:#x} flower {} action drop",
                    hook.device,
                    hook.at.name(),
                    filter.matches.protocol(),
                    filter.matches.preference(self.handle),
                    u32::from(self.handle.major()) << 16 | number,
                    filter.words(hook.direction)
                ));
            }
        }
        (apply, undo)
    }
}
