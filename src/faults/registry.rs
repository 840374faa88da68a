//! The faults there are, and what is done for each of them.

use std::collections::BTreeMap;

use super::{Fault, NodeNeed};
use crate::cluster::nodes::Node;
use crate::cluster::rules::{Needed, Rule, RuleScope};
use crate::cluster::{Survey, VirtualMachineInstance, VmiRow};
use crate::fault::Unfit;

/// The registry, a line a command: its name, its flags in `cli`, and the fault that they ask for. It is given to `$macro`, which
/// makes of every line what its room has for a fault: below [`FAULTS`], in `cli` a subcommand, in `commands` the call.
macro_rules! each_fault {
    ($macro:ident) => {
        $macro! {
            "netem": Netem(netem::NetemArgs) => crate::faults::packets::PacketFault,
            "filter": Filter(filter::FilterArgs) => crate::faults::packets::PacketFault,
            "migrate": Migrate(migrate::MigrateArgs) => crate::faults::migrate::MigrateFault,
            "outage": Outage(outage::OutageArgs) => crate::faults::outage::OutageFault,
        }
    };
}
pub(crate) use each_fault;

/// A fault, for commands that are about all of them.
pub(crate) struct Kind {
    pub command: &'static str,
    /// Everything it needs permission for.
    pub rules: &'static [Rule],
    /// Whether it puts anything into a VM's network namespace.
    pub enters_vm: bool,
    needs_of_node: fn(&str) -> Option<&'static [NodeNeed]>,
    /// Why a VMI cannot take it, as far as a look at many VMIs tells.
    unfit: fn(&VmiRow, &VirtualMachineInstance, &Ground) -> Option<Unfit>,
}

/// What is known of the cluster apart from a VMI.
pub(crate) struct Ground {
    /// `None` when nodes may not be listed.
    pub(crate) nodes: Option<Vec<Node>>,
    /// Connection flags for the commands in hints, and their values.
    pub(crate) flags: Vec<String>,
}

macro_rules! kinds {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        pub(crate) const FAULTS: &[Kind] = &[$(Kind::of::<$fault>($command)),*];
    };
}
each_fault!(kinds);

// === impl Kind ===

impl Kind {
    const fn of<F: Fault>(command: &'static str) -> Self {
        Self {
            command,
            rules: F::PERMISSIONS,
            enters_vm: F::ENTERS_VM,
            needs_of_node: F::node_needs,
            unfit: F::unfit_now,
        }
    }

    /// What its debug pods need of a node; `None` where it has none.
    pub(crate) fn node_needs(&self) -> Option<&'static [NodeNeed]> {
        (self.needs_of_node)(self.command)
    }

    /// What cannot be done without debug pods, of a fault that can mostly be done without.
    pub(crate) fn lost_without_pods(&self) -> Option<&'static str> {
        let of_pods = |rule: &&Rule| rule.scope == RuleScope::PodNamespace;
        match self.rules.iter().find(of_pods)?.needed {
            Needed::Optional(lost) => Some(lost),
            Needed::Required => None,
        }
    }
}

/// The faults that a command is about: the one that is named, or all.
pub(crate) fn asked_about(fault: Option<&str>) -> impl Iterator<Item = &'static Kind> {
    FAULTS
        .iter()
        .filter(move |kind| fault.is_none_or(|fault| fault == kind.command))
}

/// Fills in what each VMI cannot take, and why.
pub(crate) fn note_eligibility(survey: &mut Survey, flags: &[String]) {
    let ground = Ground {
        nodes: survey.nodes.clone(),
        flags: flags.to_vec(),
    };
    for (row, vmi) in survey.rows.iter_mut().zip(&survey.vmis) {
        let unfit = FAULTS
            .iter()
            .map(|kind| (kind.command, (kind.unfit)(row, vmi, &ground)));
        let unfit: BTreeMap<_, _> = unfit.filter_map(|(fault, unfit)| Some((fault, unfit?))).collect();
        row.unfit = unfit;
    }
}

/// Marks a VMI as one that takes no fault.
pub(crate) fn keep_off(row: &mut VmiRow, unfit: &Unfit) {
    row.fault = Err(unfit.clone());
    row.unfit = FAULTS.iter().map(|kind| (kind.command, unfit.clone())).collect();
}
