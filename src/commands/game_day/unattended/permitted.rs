//! Whether a run that nobody attends may do all of it. With somebody at the keyboard what is missing and can be done without is in
//! the plan; here nobody reads that.

use super::super::super::Context;
use super::super::super::guards::Guards;
use super::super::read::Asked;
use super::needs;
use crate::cli::GameDayRequest;
use crate::cluster::Cluster;
use crate::cluster::access::{self, Verdict};
use crate::cluster::pod_namespace::PodNamespaces;
use crate::permissions::least::Least;
use crate::problem::Reason;
use crate::stop::Stop;

/// Asks about every permission of every step; refused where one is missing.
pub(in super::super) async fn permitted(
    context: &Context,
    cluster: &Cluster,
    request: &GameDayRequest,
    guards: &Guards,
    asked: &Asked,
) -> Result<(), Stop> {
    let needs = needs(asked, &cluster.namespace, guards);
    let named = request.for_all.pod_flag("pod-namespace");
    let read = async { Ok(PodNamespaces::read(cluster, named).await) };
    let namespaces = context.unless_signalled(read).await?;
    // Without any the plan says why.
    let Some(pods) = namespaces.candidates().first().map(|name| (*name).to_owned()) else {
        return Ok(());
    };
    let kubevirt = namespaces.kubevirt().map(str::to_owned);
    let least = Least::of(&needs, &pods, kubevirt.as_deref());
    let review = async { Ok(access::ask_all(cluster, least.rules().to_vec()).await) };
    let reviewed = context.unless_signalled(review).await?;
    let denied: Vec<_> = reviewed
        .iter()
        .filter(|access| matches!(access.verdict, Verdict::Denied(_)))
        .collect();
    let Some(first) = denied.first() else {
        return Ok(());
    };
    let missing: Vec<String> = denied
        .iter()
        .map(|access| {
            let place = access.namespace.as_ref();
            let place = place.map(|name| format!(" in namespace {name}")).unwrap_or_default();
            format!("{} {}{place}", access.rule.verb, access.rule.qualified())
        })
        .collect();
    let again = cluster.again(first.can_i());
    Err(Stop::refused(
        Reason::Forbidden,
        format!(
            "not permitted, and nothing is done without it unattended: {}",
            missing.join("; ")
        ),
    )
    .hint(format!(
        "print the manifests anew and apply them, for they hold all of it; to ask again: {again}"
    )))
}
