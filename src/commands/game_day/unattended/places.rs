//! Where a Job and its debug pods go, and when it ends: by what the file and the flags say, else by what the cluster says.

use std::time::Duration;

use super::super::super::Context;
use super::super::super::guards::Guards;
use super::super::foreseen::AtMost;
use super::super::plan;
use super::super::read::Asked;
use super::super::step_fault::Desk;
use super::not_a_job;
use crate::cli::GameDayRequest;
use crate::cluster::Cluster;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::gameday::step::Step;
use crate::gameday::timeline::{Bounds, Timeline};
use crate::permissions::least::{Least, Need};
use crate::problem::Reason;
use crate::stop::Stop;

/// What manifests need to know beside the file.
pub(super) struct Ground {
    /// The namespace of debug pods.
    pub(super) pods: String,
    /// KubeVirt's own, where it is needed.
    pub(super) kubevirt: Option<String>,
    /// When the last step ends at the latest, from the first on.
    pub(super) ends: Duration,
}

pub(super) async fn ground(
    context: &Context,
    request: &GameDayRequest,
    guards: &Guards,
    needs: &[Need],
    asked: Asked,
) -> Result<Ground, Stop> {
    let foreseen = foreseen(&asked)?;
    let named = request.for_all.pod_flag("pod-namespace").map(str::to_owned);
    let needs_home = Least::has_kubevirts(needs);
    if let (Some(pods), false, Some(ends)) = (&named, needs_home, foreseen) {
        return Ok(Ground {
            pods: pods.clone(),
            kubevirt: None,
            ends,
        });
    }
    let cluster = context.connect().await?;
    let (pods, kubevirt) = places(context, &cluster, named.as_deref(), needs_home).await?;
    let ends = match foreseen {
        Some(ends) => ends,
        None => planned(context, &cluster, guards, asked).await?,
    };
    Ok(Ground { pods, kubevirt, ends })
}

/// The namespace of debug pods, and KubeVirt's own where it is needed.
async fn places(
    context: &Context,
    cluster: &Cluster,
    named: Option<&str>,
    needs_home: bool,
) -> Result<(String, Option<String>), Stop> {
    let namespaces = async { Ok(PodNamespaces::read(cluster, named).await) };
    let namespaces = context.unless_signalled(namespaces).await?;
    let Some(pods) = namespaces.candidates().first().map(|name| (*name).to_owned()) else {
        let why = namespaces.passed_over().join("; ");
        return Err(Stop::refused(
            Reason::PodRefused,
            format!("no namespace takes debug pods, nor the Job: {why}"),
        )
        .hint("name one with --pod-namespace"));
    };
    let kubevirt = namespaces.kubevirt().map(str::to_owned);
    if needs_home && kubevirt.is_none() {
        return Err(Stop::refused(
            Reason::Image,
            "KubeVirt's namespace could not be read, and with it what debug pods run",
        )
        .hint("name the image of debug pods with --image, or with `image` in the config file"));
    }
    Ok((pods, kubevirt.filter(|_| needs_home)))
}

/// When the last step ends, where that can be said without knowing the VMs.
fn foreseen(asked: &Asked) -> Result<Option<Duration>, Stop> {
    let steps = asked.day.steps.iter().flat_map(Step::faults);
    let mut takes = Vec::new();
    let mut by_vms = false;
    for (fault, (step, _)) in asked.faults.iter().zip(steps) {
        match fault.at_most() {
            AtMost::Time(most) => takes.push(Bounds {
                least: most,
                most: Some(most),
            }),
            AtMost::ByVms => by_vms = true,
            AtMost::Endless => return Err(endless(&step.name)),
        }
    }
    let ends = Timeline::new(&asked.day.steps, &takes).ends.most;
    Ok(ends.filter(|_| !by_vms))
}

/// When the last step ends on the VMs that there are now.
async fn planned(context: &Context, cluster: &Cluster, guards: &Guards, asked: Asked) -> Result<Duration, Stop> {
    let seen = cluster.remembered();
    let desk = Desk {
        context,
        cluster: &seen,
        guards,
    };
    let plan = Box::pin(plan::plan(&desk, asked)).await?;
    plan.timeline.ends.most.ok_or_else(|| endless("that is the longest"))
}

fn endless(step: &str) -> Stop {
    not_a_job(format!(
        "step {} goes on until somebody ends it, and a Job must have an end",
        crate::ui::escape(step)
    ))
    .hint("give it `rounds` or a `duration`")
}
