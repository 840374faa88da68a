//! A fault before anybody agrees to it: its VMs are found and chosen, it is planned, and the guards have judged it. Only reads.

use super::guards::{self, Guards};
use super::{Context, targets};
use crate::cli::Request;
use crate::cluster::Cluster;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::faults::{Around, Fault, Order};
use crate::plan::guards::{Facts, Verdict};
use crate::report::DryRun;
use crate::stop::Stop;

/// A plan that may be shown, and what belongs to it.
pub(super) struct Prepared<F: Fault> {
    pub(super) plan: F::Plan,
    pub(super) facts: Facts,
    pub(super) verdict: Verdict,
    pub(super) around: Around,
    pub(super) namespaces: PodNamespaces,
}

/// Finds, chooses, plans, asks whether it is permitted, and lets the guards judge; `run` is the run's id.
pub(super) async fn prepare<F: Fault>(
    context: &Context,
    cluster: &Cluster,
    guards: &Guards,
    request: &Request<F>,
    run: &str,
) -> Result<Prepared<F>, Stop> {
    let fault = &request.fault;
    let selection = &request.wanted.selection;
    let search = guards::and_own(cluster, fault.find(cluster, selection));
    let (((mut found, seen), own), protection) = guards.search(context, cluster, selection, search).await?;
    fault.allowed(cluster, &seen)?;
    found.around.own = own;
    guards.keep_off(cluster, &mut found, protection);
    let chosen = targets::choose(context, cluster, &request.wanted, found).await?;
    let around = chosen.around.clone();
    let pods = fault.pods();
    let namespaces = around.pod_namespaces(pods.and_then(|pods| pods.namespace.as_deref()));
    let order = Order {
        cluster,
        run,
        image: guards.image(pods.and_then(|pods| pods.image.as_ref())),
        reason: request.writing.reason.as_ref(),
        seed: request.wanted.seed,
    };
    let mut plan = context.unless_signalled(fault.plan(order, chosen, seen)).await?;
    let facts = F::facts(cluster, &plan);
    let dry_run = DryRun::from(request.writing.dry_run);
    let passed = Box::pin(async {
        let look = guards.look(cluster, &facts, &around, &namespaces);
        let asked = fault.preflight(cluster, &mut plan, &namespaces, dry_run);
        let (verdict, asked) = tokio::join!(look, asked);
        let verdict = verdict?;
        asked.map(|()| verdict)
    });
    let verdict = context.unless_signalled(passed).await?;
    Ok(Prepared {
        plan,
        facts,
        verdict,
        around,
        namespaces,
    })
}

impl From<crate::cli::DryRun> for DryRun {
    fn from(asked: crate::cli::DryRun) -> Self {
        match asked {
            crate::cli::DryRun::None => Self::None,
            crate::cli::DryRun::Client => Self::Client,
            crate::cli::DryRun::Server => Self::Server,
        }
    }
}
