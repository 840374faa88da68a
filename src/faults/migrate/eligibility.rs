//! Whether a VMI can be live-migrated, and why not; without asking anybody.
//!
//! KubeVirt's webhook refuses what is finished, already migrating, or says `LiveMigratable=False`; what has no node to go to
//! it takes, and gives up on five minutes later. All of that is known beforehand.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

use crate::cluster::eligibility::not_steady;
use crate::cluster::node_affinity;
use crate::cluster::nodes::{self, Node};
use crate::cluster::vmi::{Toleration, VirtualMachineInstance};
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::Unfit;
use crate::faults::migrate::spec::{Destination, Eligible};
use crate::faults::registry::Ground;

/// So many nodes are told why they cannot take a VM.
const SHOWN: usize = 4;

/// What is known of the cluster apart from the VMI.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terrain {
    /// `None` when nodes may not be listed.
    pub nodes: Option<Vec<Node>>,
    /// Migrations in flight that are not shown by their VMI yet: their names, by namespace and name of the VMI.
    pub moving: BTreeMap<(String, String), String>,
    /// Connection flags for the commands in hints, and their values.
    pub flags: Vec<String>,
}

impl Terrain {
    /// Names of the nodes that take no new VMs.
    pub(crate) fn cordoned(&self) -> Vec<String> {
        self.nodes.as_deref().map(nodes::cordoned).unwrap_or_default()
    }
}

/// Why this VMI cannot be migrated anywhere; migrations that it does not show yet are not read.
pub(crate) fn unfit_now(vmi: &VirtualMachineInstance, ground: &Ground) -> Option<Unfit> {
    let terrain = Terrain {
        nodes: ground.nodes.clone(),
        moving: BTreeMap::new(),
        flags: ground.flags.clone(),
    };
    eligibility(vmi, &terrain, &Destination::default())
        .err()
        .map(Ineligible::into_unfit)
}

/// Why a VM cannot be migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ineligible {
    /// It is where it was to go.
    IsThere(Unfit),
    Unfit(Unfit),
}

impl Ineligible {
    pub(crate) fn into_unfit(self) -> Unfit {
        match self {
            Self::IsThere(unfit) | Self::Unfit(unfit) => unfit,
        }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::IsThere(unfit) | Self::Unfit(unfit) => &unfit.reason,
        }
    }
}

impl From<Unfit> for Ineligible {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

/// Where this VMI could be migrated to, or why it cannot be.
pub(crate) fn eligibility(
    vmi: &VirtualMachineInstance,
    terrain: &Terrain,
    destination: &Destination,
) -> Result<Eligible, Ineligible> {
    let unfit = |reason: String, hint: Option<CommandLine>| Unfit {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        reason: escape(&reason),
        // Every hint ends in a command.
        hint: hint.map(|hint| hint.each_with(&terrain.flags).into()),
    };
    if let Some((reason, hint)) = not_steady(vmi) {
        return Err(unfit(reason, hint).into());
    }
    if let Some(migration) = terrain.moving.get(&(vmi.namespace().to_owned(), vmi.name().to_owned())) {
        let hint = CommandLine::new("kubectl get vmim")
            .arg(migration)
            .flag("-n", vmi.namespace())
            .to("wait for its end: ");
        return Err(unfit(format!("is being migrated already, by {migration}"), Some(hint)).into());
    }
    if let Some(why) = not_migratable(vmi) {
        let hint = CommandLine::new("kubectl describe vmi")
            .arg(vmi.name())
            .flag("-n", vmi.namespace())
            .to("to see why: ");
        return Err(unfit(why, Some(hint)).into());
    }
    let node = vmi.status.node_name.as_str();
    if destination.node.as_deref() == Some(node) {
        return Err(Ineligible::IsThere(unfit(format!("is already on {node}"), None)));
    }
    let to = terrain.nodes.as_deref().map(|nodes| targets(vmi, nodes, destination));
    if let Some(Err(why)) = to {
        return Err(unfit(
            why,
            Some(CommandLine::new("kubectl get nodes").to("to see the nodes: ")),
        )
        .into());
    }
    Ok(Eligible {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        uid: vmi.uid().to_owned(),
        node: node.to_owned(),
        to: to.and_then(Result::ok),
    })
}

fn not_migratable(vmi: &VirtualMachineInstance) -> Option<String> {
    let said = vmi
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "LiveMigratable" && condition.status == "False")?;
    let words: Vec<&str> = [&said.reason, &said.message]
        .into_iter()
        .filter_map(|text| text.as_deref().filter(|text| !text.is_empty()))
        .collect();
    Some(format!("cannot be live-migrated: {}", words.join(": ")))
}

/// Names of the nodes that could take this VMI, or why none can.
fn targets(vmi: &VirtualMachineInstance, nodes: &[Node], destination: &Destination) -> Result<Vec<String>, String> {
    let source = vmi.status.node_name.as_str();
    let vendor = nodes.iter().find(|node| node.name == source).and_then(Node::cpu_vendor);
    let (mut fit, mut not) = (Vec::new(), Vec::new());
    let others = nodes.iter().filter(|node| node.name != source);
    for node in others.filter(|node| destination.node.as_ref().is_none_or(|only| node.name == *only)) {
        match against(vmi, node, vendor, destination) {
            None => fit.push(node.name.clone()),
            Some(why) => not.push(format!("{} {why}", node.name)),
        }
    }
    fit.sort_unstable();
    if !fit.is_empty() {
        return Ok(fit);
    }
    not.sort_unstable();
    let more = not.len().saturating_sub(SHOWN);
    not.truncate(SHOWN);
    let why = not.join(", ");
    Err(match (&destination.node, not.as_slice(), more) {
        (Some(node), [], _) => format!("cannot go to {node}: there is no such node"),
        (Some(_), ..) => format!("cannot go there: {why}"),
        (None, [], _) => format!("has no other node to go to: {source} is the only one"),
        (None, _, 0) => format!("has no other node that could take it: {why}"),
        (None, ..) => format!("has no other node that could take it: {why}, and {more} more"),
    })
}

/// Why a node cannot take this VMI.
fn against(
    vmi: &VirtualMachineInstance,
    node: &Node,
    vendor: Option<&str>,
    destination: &Destination,
) -> Option<String> {
    if let Some(why) = node.closed() {
        return Some(why.to_owned());
    }
    if !node.has(&vmi.spec.node_selector) {
        return Some("lacks a label of the VM's node selector".to_owned());
    }
    if !node_affinity::admits(vmi.spec.affinity.as_ref(), node) {
        return Some("does not match the VM's node affinity".to_owned());
    }
    if !node.has(&destination.selector) {
        return Some("lacks a label of --node-selector".to_owned());
    }
    if let (Some(vendor), Some(other)) = (vendor, node.cpu_vendor())
        && vendor != other
    {
        return Some(format!("has a CPU of {other}, not of {vendor}"));
    }
    let taints = node.taints.iter();
    let taint = taints
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .find(|taint| {
            !vmi.spec
                .tolerations
                .iter()
                .any(|toleration| tolerates(toleration, taint))
        })?;
    Some(format!("has taint {}, which the VM does not tolerate", taint.key))
}

/// Kubernetes' rule: an empty key with `Exists` tolerates everything, an empty effect every effect.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let exists = toleration.operator == "Exists";
    (toleration.key == taint.key || (toleration.key.is_empty() && exists))
        && (toleration.effect.is_empty() || toleration.effect == taint.effect)
        && (exists || toleration.value == taint.value.as_deref().unwrap_or_default())
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
