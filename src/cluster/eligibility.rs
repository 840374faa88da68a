//! Whether a VMI can take a fault on its network, and why not; without asking anybody.
//!
//! Only a VMI that runs, is not paused, not being deleted and not migrating, on a node that is Ready, and with an
//! interface that has a tap on a bridge. Anything else would measure something other than the fault.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::launcher::{active_pod, launcher};
use super::launcher_images::LauncherImages;
use super::nodes::Node;
use super::vmi::VirtualMachineInstance;
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::interface::{NETWORK_STATUS, Plugins, PodNetworks, Unreachable, may_hold, reach};
use crate::fault::{Interface, Launcher, Target, Unfit};
use crate::name::is_subdomain;

/// A VMI in reach of a command, with what it can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmiRow {
    pub namespace: String,
    pub name: String,
    /// Phase of the VMI, `Paused` for a paused guest.
    pub phase: String,
    pub ip: Option<String>,
    pub node: Option<String>,
    /// The binding of every interface in the order of the spec, e.g. `masquerade`.
    pub bindings: Vec<String>,
    /// Interfaces that no fault can be put on, with the reason.
    pub unreachable: Vec<Unreachable>,
    pub uid: String,
    pub created_at: Option<Timestamp>,
    /// Where the guest is now, with every interface that a fault may be on, whatever its state: what a sweep looks into. Or why
    /// it is in no pod that could be looked into.
    pub placed: Result<Target, String>,
    /// It has no interface that a fault could ever be on.
    pub holds_none: bool,
    /// What a network fault would be done to, or why it cannot.
    pub fault: Result<Target, Unfit>,
    /// Faults, by their commands, that cannot be done to it; filled in by whoever knows them.
    pub unfit: BTreeMap<&'static str, Unfit>,
    /// It carries the annotation that keeps faults off.
    pub protected: bool,
    /// Its node is to be rid of it.
    pub evacuating: bool,
}

/// What is known of the cluster apart from the VMI and its pods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub plugins: Plugins,
    /// `None` when nodes may not be listed.
    pub nodes: Option<Vec<Node>>,
    /// Connection flags for the commands in hints, and their values.
    pub flags: Vec<String>,
    /// What launchers run, where KubeVirt's pods may be read.
    pub images: Option<LauncherImages>,
}

/// The row of a VMI for `list` and the picker.
///
/// `pods` are the launcher pods that may belong to it; `interfaces` are names of networks or taps, none means every
/// interface that can be reached.
pub(crate) fn row(vmi: &VirtualMachineInstance, pods: &[&Pod], facts: &Facts, interfaces: &[String]) -> VmiRow {
    let nics = vmi.nics();
    let pod = active_pod(vmi, pods, facts.images.as_ref());
    let networks = networks_of(pod.as_ref().ok().copied());
    let (_, unreachable) = reach(&nics, &networks, &facts.plugins);
    let holding = may_hold(&nics, &networks, &facts.plugins);
    let holds_none = holding.is_empty();
    let placed = match pod {
        Err(none) => Err(escape(none.reason())),
        Ok(_) if holds_none => Err("has no interface that a fault can be on".to_owned()),
        Ok(pod) => Ok(target(vmi, launcher(pod), holding)),
    };
    VmiRow {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        phase: escape(vmi.shown_phase()),
        ip: vmi.ip().map(escape),
        node: Some(escape(&vmi.status.node_name)).filter(|node| !node.is_empty()),
        bindings: vmi.bindings(),
        unreachable,
        uid: escape(vmi.uid()),
        created_at: vmi.metadata.creation_timestamp.as_ref().map(|time| time.0),
        placed,
        holds_none,
        fault: eligibility(vmi, pods, facts, interfaces),
        unfit: BTreeMap::new(),
        protected: vmi.is_protected(),
        evacuating: vmi.is_evacuating(),
    }
}

/// What a fault on the network of this VMI would be done to, or why it cannot be.
pub(crate) fn eligibility(
    vmi: &VirtualMachineInstance,
    pods: &[&Pod],
    facts: &Facts,
    interfaces: &[String],
) -> Result<Target, Unfit> {
    let (namespace, name) = (vmi.namespace(), vmi.name());
    let unfit = |reason: String, hint: Option<CommandLine>| Unfit {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        reason: escape(&reason),
        // Every hint ends in a command.
        hint: hint.map(|hint| hint.each_with(&facts.flags).into()),
    };
    if let Some((reason, hint)) = not_steady(vmi) {
        return Err(unfit(reason, hint));
    }
    let node = &vmi.status.node_name;
    let known = facts.nodes.iter().flatten().find(|known| known.name == *node);
    if known.is_some_and(|known| !known.ready) {
        return Err(unfit(
            format!("is on node {node}, which is not Ready"),
            Some(CommandLine::new("kubectl describe node").arg(node).to("to see why: ")),
        ));
    }
    let pod = active_pod(vmi, pods, facts.images.as_ref())
        .map_err(|none| unfit(none.reason().to_owned(), Some(none.look(vmi))))?;
    let (reachable, unreachable) = reach(&vmi.nics(), &networks_of(Some(pod)), &facts.plugins);
    let chosen = choose(reachable, &unreachable, interfaces).map_err(|reason| unfit(reason, None))?;
    Ok(target(vmi, launcher(pod), chosen))
}

fn target(vmi: &VirtualMachineInstance, launcher: Launcher, interfaces: Vec<Interface>) -> Target {
    Target {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        uid: vmi.uid().to_owned(),
        node: vmi.status.node_name.clone(),
        launcher,
        interfaces,
        probes: vmi.probes(),
    }
}

/// Why this VMI is in no state to be disturbed, and what to do about it.
pub(crate) fn not_steady(vmi: &VirtualMachineInstance) -> Option<(String, Option<CommandLine>)> {
    let (namespace, name) = (vmi.namespace(), vmi.name());
    if vmi.is_being_deleted() {
        return Some(("is being deleted".to_owned(), None));
    }
    if !vmi.is_running() {
        let phase = if vmi.status.phase.is_empty() {
            "Pending"
        } else {
            &vmi.status.phase
        };
        let hint = match phase {
            "Succeeded" | "Failed" => CommandLine::new("virtctl start").arg(name).flag("-n", namespace),
            _ => CommandLine::new("kubectl wait")
                .arg(format!("vmi/{name}"))
                .flag("-n", namespace)
                .own("--for='jsonpath={.status.phase}=Running'"),
        };
        return Some((format!("is not running (phase {phase})"), Some(hint)));
    }
    if vmi.is_paused() {
        return Some((
            "is paused".to_owned(),
            Some(CommandLine::new("virtctl unpause vmi").arg(name).flag("-n", namespace)),
        ));
    }
    if vmi.is_migrating() {
        let target = vmi.migration().and_then(|state| state.target_node.as_deref());
        let reason = match target.filter(|node| !node.is_empty()) {
            Some(node) => format!("is migrating from {} to {node}", vmi.status.node_name),
            None => format!("is migrating from {}", vmi.status.node_name),
        };
        return Some((
            reason,
            Some(
                CommandLine::new("kubectl get vmim")
                    .flag("-n", namespace)
                    .to("wait for its end: "),
            ),
        ));
    }
    let node = &vmi.status.node_name;
    if node.is_empty() {
        return Some(("is on no node".to_owned(), None));
    }
    (!is_subdomain(node)).then(|| (format!("says it is on a node that cannot be one: {node}"), None))
}

fn networks_of(pod: Option<&Pod>) -> PodNetworks {
    pod.and_then(|pod| pod.metadata.annotations.as_ref())
        .and_then(|annotations| annotations.get(NETWORK_STATUS))
        .map(|text| PodNetworks::parse(text))
        .unwrap_or_default()
}

fn choose(reachable: Vec<Interface>, unreachable: &[Unreachable], wanted: &[String]) -> Result<Vec<Interface>, String> {
    let not = |list: &[Unreachable]| {
        list.iter()
            .map(|one| format!("{} ({})", one.network, one.binding))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for name in wanted {
        if let Some(one) = unreachable.iter().find(|one| one.network == *name) {
            return Err(format!(
                "interface {name} ({}) cannot take a fault: {}",
                one.binding, one.why
            ));
        }
        if !reachable.iter().any(|interface| is_called(interface, name)) {
            let has = reachable
                .iter()
                .map(|interface| format!("{} ({})", interface.network, interface.tap));
            let all: Vec<String> = has
                .chain(
                    unreachable
                        .iter()
                        .map(|one| format!("{} ({})", one.network, one.binding)),
                )
                .collect();
            return Err(format!("has no interface {name}; it has: {}", or_none(&all.join(", "))));
        }
    }
    let chosen: Vec<Interface> = reachable
        .into_iter()
        .filter(|interface| wanted.is_empty() || wanted.iter().any(|name| is_called(interface, name)))
        .collect();
    match (chosen.is_empty(), unreachable) {
        (false, _) => Ok(chosen),
        (true, []) => Err("has no network interface".to_owned()),
        (true, [one]) => Err(format!(
            "has no interface a fault can be put on: {}: {}",
            not(unreachable),
            one.why
        )),
        (true, many) => Err(format!("has no interface a fault can be put on: {}", not(many))),
    }
}

fn is_called(interface: &Interface, name: &str) -> bool {
    interface.network == name || interface.tap == name
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
