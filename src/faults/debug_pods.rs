//! Debug pods before they are made: how, in which namespace, and whether we may.

use std::collections::BTreeMap;
use std::time::Duration;

use super::permitted::{Places, permitted};
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::DEBUG_PODS;
use crate::cluster::{Cluster, ClusterError, LauncherImages, pod_admission};
use crate::fault::{AgentImage, AgentImages, Time, Toleration};
use crate::node::pod::DebugPod;
use crate::node::script::SCRIPT;
use crate::plan::pod_options::PodOptions;
use crate::problem::Reason;
use crate::report::DryRun;
use crate::report::ExitCode;
use crate::stop::Stop;
use crate::ui::escape;

/// How debug pods are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRequest {
    pub image: Option<String>,
    /// `None` tolerates every taint.
    pub tolerations: Option<Vec<Toleration>>,
    pub service_account: Option<String>,
    pub namespace: Option<String>,
    pub running_timeout: Time,
}

/// What debug pods run; refused where neither the operator nor KubeVirt says so.
pub(crate) fn images(
    operators: Option<AgentImage>,
    kubevirt: &Result<LauncherImages, ClusterError>,
) -> Result<AgentImages, Stop> {
    LauncherImages::choose(operators, kubevirt).map_err(|unknown| Stop {
        exit: ExitCode::Refused,
        problem: unknown.problem(Reason::Image),
    })
}

/// How the pods of a run are made.
pub(crate) fn options(request: &PodRequest, images: AgentImages, annotations: BTreeMap<String, String>) -> PodOptions {
    PodOptions {
        images,
        namespace: request.namespace.clone(),
        service_account: request.service_account.clone(),
        tolerations: request.tolerations.clone(),
        start_limit: Duration::from_secs_f64(request.running_timeout.as_secs_f64()),
        annotations,
    }
}

/// What debug pods run, a line for each image with the nodes it is for, where there is more than one.
pub(crate) fn image_lines<'a>(pods: impl IntoIterator<Item = (&'a str, &'a AgentImage)>) -> Vec<String> {
    let mut groups: Vec<(&AgentImage, Vec<&str>)> = Vec::new();
    for (node, image) in pods {
        match groups.iter_mut().find(|(known, _)| *known == image) {
            Some((_, nodes)) => nodes.push(node),
            None => groups.push((image, vec![node])),
        }
    }
    let several = groups.len() > 1;
    let line = |(image, mut nodes): (&AgentImage, Vec<&str>)| {
        nodes.dedup();
        let on = if several {
            format!(" on {}", nodes.join(", "))
        } else {
            String::new()
        };
        escape(&format!("{image}{on}"))
    };
    groups.into_iter().map(line).collect()
}

/// A plan that says which namespace somebody may expect to be used, and is not.
pub(crate) fn noted(mut text: String, namespaces: &PodNamespaces) -> String {
    if let Some(note) = namespaces.note() {
        text.push_str("  not used   ");
        text.push_str(&note);
        text.push('\n');
    }
    text
}

/// The namespace that takes the pods, and whether we may make, attach to and delete them there. A client dry run only reads;
/// a server dry run asks about every pod, not only the first. `command` is what `check` would be asked about.
pub(crate) async fn place(
    cluster: &Cluster,
    namespaces: &PodNamespaces,
    pods: &[DebugPod],
    dry_run: DryRun,
    command: &str,
) -> Result<String, Stop> {
    let namespace = match pods {
        [first, more @ ..] if dry_run != DryRun::Client => {
            let namespace = pod_admission::choose(cluster, &first.object(SCRIPT), namespaces).await?;
            if dry_run == DryRun::Server {
                for pod in more {
                    pod_admission::admits(cluster, &pod.object(SCRIPT), &namespace).await?;
                }
            }
            namespace
        }
        _ => pod_admission::existing(cluster, namespaces).await?,
    };
    let places = Places {
        vmis: &[],
        pods: &namespace,
        kubevirt: None,
    };
    permitted(cluster, command, &DEBUG_PODS, places, "").await?;
    Ok(namespace)
}
