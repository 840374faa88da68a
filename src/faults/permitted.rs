//! Whether we may do what a run needs, asked before anything is written.

use crate::cluster::Cluster;
pub(crate) use crate::cluster::access::Places;
use crate::cluster::access::{self, Access};
use crate::cluster::rules::Rule;
use crate::command_line::CommandLine;
use crate::problem::Reason;
use crate::stop::Stop;

/// Refuses for the first rule that is needed and not granted; `remark` goes behind what is missing.
pub(crate) async fn permitted(
    cluster: &Cluster,
    fault: &str,
    rules: &[Rule],
    places: Places<'_>,
    remark: &str,
) -> Result<(), Stop> {
    let Some(missing) = missing(cluster, rules, places).await else {
        return Ok(());
    };
    Err(
        Stop::refused(Reason::Forbidden, format!("{}{remark}", words(&missing))).hint(format!(
            "{} prints the rules that are missing; to ask again: {}",
            cluster.again(CommandLine::new("kubectl vmchaos check").arg(fault)),
            cluster.again(missing.can_i())
        )),
    )
}

/// The first rule that is needed and not granted.
pub(crate) async fn missing(cluster: &Cluster, rules: &[Rule], places: Places<'_>) -> Option<Access> {
    let reviewed = access::review(cluster, rules, places).await;
    reviewed.into_iter().find(Access::blocks)
}

/// What is missing, and where.
pub(crate) fn words(missing: &Access) -> String {
    let place = match &missing.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    format!(
        "not permitted{place}: {} {}",
        missing.rule.verb,
        missing.rule.qualified()
    )
}
