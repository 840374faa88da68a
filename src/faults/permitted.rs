//! Whether we may do what a run needs, asked before anything is written.

pub(crate) use crate::cluster::access::Places;
use crate::cluster::rules::Rule;
use crate::cluster::{Cluster, access};
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
    let reviewed = access::review(cluster, rules, places).await;
    let Some(access) = reviewed.iter().find(|access| access.blocks()) else {
        return Ok(());
    };
    let place = match &access.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    let missing = format!("{} {}", access.rule.verb, access.rule.qualified());
    Err(
        Stop::refused(Reason::Forbidden, format!("not permitted{place}: {missing}{remark}")).hint(format!(
            "{} prints the rules that are missing; to ask again: {}",
            cluster.again(CommandLine::new("kubectl vmchaos check").arg(fault)),
            cluster.again(access.can_i())
        )),
    )
}
