//! What else is going on where a run would act: other runs, migrations, evacuations.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Facts, Place};
use crate::command_line::CommandLine;
use crate::problem::{Problem, Reason};
use crate::report::RunState;

/// So many of a kind are told one by one.
const SHOWN: usize = 5;

/// What else is going on, as far as it could be looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    pub runs: Vec<Other>,
    pub moves: Vec<Move>,
    /// VMIs that their node is to be rid of (`status.evacuationNodeName`).
    pub evacuating: Vec<Place>,
    /// Nodes that take no new VMs.
    pub cordoned: Vec<String>,
    /// What could not be looked for, as words that end a sentence.
    pub blind: Vec<String>,
    /// What says it is a run and does not count as one.
    pub strangers: Vec<Stranger>,
}

/// Something that says it has a fault on VMs, and that anybody could have made: it is shown, and refuses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// `namespace/name` of each VMI it names.
    pub vms: Vec<String>,
    /// A sentence about it.
    pub words: String,
}

/// Somebody's run that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub run: String,
    /// Its command, e.g. `netem`.
    pub fault: String,
    pub user: Option<String>,
    pub state: RunState,
    pub left: Option<Duration>,
    /// `namespace/name` of each VMI.
    pub vms: Vec<String>,
    pub nodes: Vec<String>,
    /// What `halt` needs beside its id to find it, as words.
    pub flags: Vec<String>,
}

/// A live migration under way, whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// `namespace/name` of the VMI.
    pub vm: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// The node is to be rid of its VMs.
    pub evacuation: bool,
}

// === impl Beside ===

impl Beside {
    /// One fault of a kind on a VM: two would undo each other's work, and prove nothing.
    pub(super) fn same_kind(&self, facts: &Facts) -> Vec<Problem> {
        // Nobody knows whether migrations that wait go on: their last round may have found nothing to move.
        let certain = |other: &&Other| other.fault == facts.fault && other.state != RunState::Waiting;
        let of_kind = self.runs.iter().filter(certain);
        let clashing = of_kind.filter_map(|other| {
            let vms = other.on_vms(facts);
            let halt = CommandLine::new("kubectl vmchaos halt")
                .arg(&other.run)
                .args(&other.flags);
            let refusal = |vms: String| {
                let message = format!("{} is on {vms} already, and a VM takes one of a kind", other.told());
                Problem::new(Reason::OneOfAKind, message).hint(halt.to("leave it out, or end that run: "))
            };
            (!vms.is_empty()).then(|| refusal(in_short(&vms)))
        });
        clashing.collect()
    }

    /// What a plan shows.
    pub(super) fn lines(&self, facts: &Facts) -> Vec<String> {
        let nodes: BTreeSet<&str> = facts.vms.iter().map(|place| place.node.as_str()).collect();
        let keys: BTreeSet<String> = facts.vms.iter().map(Place::key).collect();
        let near = |node: &String| nodes.contains(node.as_str());
        let mut lines: Vec<String> = self.runs.iter().filter_map(|other| other.line(facts, &nodes)).collect();
        let is_near = |it: &&Move| keys.contains(&it.vm) || it.from.iter().chain(&it.to).any(near);
        let moves: Vec<String> = self.moves.iter().filter(is_near).map(Move::told).collect();
        let elsewhere = self.moves.len() - moves.len();
        if !moves.is_empty() {
            lines.push(format!("migrations in flight: {}", in_short(&moves)));
        }
        if elsewhere > 0 {
            lines.push(format!("migrations in flight on other nodes: {elsewhere}"));
        }
        let evacuating = self.evacuating.iter();
        let evacuating: Vec<String> = evacuating
            .filter(|place| keys.contains(&place.key()) || near(&place.node))
            .map(|place| format!("{} from {}", place.key(), place.node))
            .collect();
        if !evacuating.is_empty() {
            lines.push(format!("evacuations in flight: {}", in_short(&evacuating)));
        }
        let cordoned: Vec<String> = self.cordoned.iter().filter(|node| near(node)).cloned().collect();
        if !cordoned.is_empty() {
            lines.push(format!("cordoned: {}", in_short(&cordoned)));
        }
        let on_one = |stranger: &&Stranger| stranger.vms.iter().any(|vm| keys.contains(vm));
        let strangers: Vec<String> = self
            .strangers
            .iter()
            .filter(on_one)
            .map(|it| it.words.clone())
            .collect();
        if !strangers.is_empty() {
            lines.push(format!("not counted: {}", in_short(&strangers)));
        }
        lines.extend(self.blind.iter().map(|what| format!("not known: {what}")));
        lines
    }
}

// === impl Other ===

impl Other {
    fn told(&self) -> String {
        let by = self.user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
        format!("{} of run {}{by}", self.fault, self.run)
    }

    fn on_vms(&self, facts: &Facts) -> Vec<String> {
        let keys = facts.vms.iter().map(Place::key);
        keys.filter(|key| self.vms.contains(key)).collect()
    }

    /// Only where it shares a VM or a node.
    fn line(&self, facts: &Facts, nodes: &BTreeSet<&str>) -> Option<String> {
        let vms = self.on_vms(facts);
        let shared: Vec<String> = self
            .nodes
            .iter()
            .filter(|node| nodes.contains(node.as_str()))
            .cloned()
            .collect();
        let place = match (vms.as_slice(), shared.as_slice()) {
            ([], []) => return None,
            ([], shared) => format!("on the same node: {}", in_short(shared)),
            (vms, _) => format!("on the same VM: {}", in_short(vms)),
        };
        let left = self
            .left
            .map(|left| format!(", {}s left", left.as_secs()))
            .unwrap_or_default();
        Some(format!("{} is {}{left}, {place}", self.told(), self.state))
    }
}

// === impl Move ===

impl Move {
    fn told(&self) -> String {
        let side = |word: &str, node: &Option<String>| {
            let named = node.as_ref().filter(|node| !node.is_empty());
            named.map(|node| format!(" {word} {node}")).unwrap_or_default()
        };
        let why = if self.evacuation { " (evacuation)" } else { "" };
        format!("{}{}{}{why}", self.vm, side("from", &self.from), side("to", &self.to))
    }
}

fn in_short(all: &[String]) -> String {
    let more = all.len().saturating_sub(SHOWN);
    let shown = all[..all.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

#[cfg(test)]
#[path = "beside_tests.rs"]
mod tests;
