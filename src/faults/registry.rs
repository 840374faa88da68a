//! The faults there are: a line for each command.

use std::collections::BTreeMap;

use super::Fault;
use super::migrate::{self, MigrateFault};
use super::outage::{self, OutageFault};
use super::packets::PacketFault;
use crate::cluster::nodes::Node;
use crate::cluster::rules::Rule;
use crate::cluster::{Survey, VirtualMachineInstance, VmiRow};
use crate::fault::Unfit;

/// A fault, for commands that are about all of them.
pub(crate) struct Kind {
    pub command: &'static str,
    /// Everything it needs permission for.
    pub rules: &'static [Rule],
    /// Whether it puts anything into a VM's network namespace.
    pub enters_vm: bool,
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

pub(crate) const FAULTS: [Kind; 4] = [
    Kind {
        command: "netem",
        rules: PacketFault::PERMISSIONS,
        enters_vm: true,
        unfit: |row, _, _| row.fault.as_ref().err().cloned(),
    },
    Kind {
        command: "filter",
        rules: PacketFault::PERMISSIONS,
        enters_vm: true,
        unfit: |row, _, _| row.fault.as_ref().err().cloned(),
    },
    Kind {
        command: migrate::COMMAND,
        rules: MigrateFault::PERMISSIONS,
        enters_vm: false,
        unfit: |_, vmi, ground| migrate::eligibility::unfit_now(vmi, ground),
    },
    Kind {
        command: outage::COMMAND,
        rules: OutageFault::PERMISSIONS,
        enters_vm: false,
        unfit: |_, vmi, ground| outage::find::unfit_now(vmi, &ground.flags),
    },
];

/// Fills in what each VMI cannot take, and why.
pub(crate) fn judge(survey: &mut Survey, flags: &[String]) {
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
