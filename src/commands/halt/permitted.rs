//! Whether the end of debug pods may be watched, asked before any is told to end: whether something is left is read off their last
//! words.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::cluster::rules::{RuleScope, pods};
use crate::faults::permitted::{Places, missing, words};
use crate::problem::Reason;
use crate::stop::Stop;
use crate::traces::Trace;

/// Refuses where it may not. That a pod may not be deleted is left to the API server: it changes nothing then either.
pub(super) async fn permitted(cluster: &Cluster, traces: &[Trace]) -> Result<(), Stop> {
    let runs = traces.iter().filter_map(|trace| match trace {
        Trace::Pods(run) => Some(run),
        Trace::Migrations(_) | Trace::Change(_) => None,
    });
    let namespaces: BTreeSet<&str> = runs
        .flat_map(|run| run.pods.iter().map(|pod| pod.namespace.as_str()))
        .collect();
    for namespace in namespaces {
        let places = Places {
            vmis: &[],
            pods: namespace,
            kubevirt: None,
        };
        let watch = pods("watch", RuleScope::PodNamespace);
        if let Some(missing) = missing(cluster, &[watch], places).await {
            let message = format!("{}; nothing was changed", words(&missing));
            let can_i = cluster.again(missing.can_i()).to("to ask again: ");
            return Err(Stop::refused(Reason::Forbidden, message).hint(can_i));
        }
    }
    Ok(())
}
