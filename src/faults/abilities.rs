//! Which faults a VMI can take: for `list` and for whoever is guided.

use std::collections::BTreeMap;

use super::{migrate, outage};
use crate::cluster::{Reach, Survey};
use crate::fault::Unfit;

/// Every fault by its command.
pub(crate) const COMMANDS: [&str; 4] = ["netem", "filter", "migrate", "outage"];

/// Fills in what each VMI cannot take beside a fault on its packets.
pub(crate) fn judge(survey: &mut Survey, flags: &[String]) {
    let terrain = migrate::eligibility::Terrain {
        nodes: survey.nodes.clone(),
        moving: BTreeMap::new(),
        flags: flags.to_vec(),
    };
    for (row, vmi) in survey.rows.iter_mut().zip(&survey.vmis) {
        let migrate = migrate::eligibility::judge(vmi, &terrain, &migrate::spec::Destination::default());
        let judged = [
            ("migrate", migrate.err()),
            ("outage", outage::find::unfit_now(vmi, flags)),
        ];
        row.others = judged
            .into_iter()
            .filter_map(|(fault, unfit)| Some((fault, unfit?)))
            .collect();
    }
}

/// Why a VMI cannot take a fault, given by its command.
pub(crate) fn unfit<'a>(row: &'a Reach, fault: &str) -> Option<&'a Unfit> {
    match fault {
        // Both need the same: a tap that can be reached.
        "netem" | "filter" => row.fault.as_ref().err(),
        _ => row.others.get(fault),
    }
}

/// Marks a VMI as one that takes no fault.
pub(crate) fn keep_off(row: &mut Reach, unfit: &Unfit) {
    row.fault = Err(unfit.clone());
    for fault in COMMANDS {
        row.others.insert(fault, unfit.clone());
    }
}
