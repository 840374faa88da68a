//! What looks at the checks; and of those of VMs' ports, which VMs they are about, and the debug pods that probe them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::plan::GameDayPlan;
use super::step_fault::Desk;
use crate::cli::GameDayRequest;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::{Cluster, NamedTarget, Selection, survey};
use crate::escape::escape;
use crate::fault::Target;
use crate::faults::debug_pods;
use crate::gameday::check::{Check, What};
use crate::gameday::file::GameDay;
use crate::gameday::look::Looker;
use crate::node::pod::service_account;
use crate::plan::pod_options::{PodOptions, started_by};
use crate::problem::Reason;
use crate::report::DryRun;
use crate::run::probe_pods::{ProbePlan, ProbePods, ProbedVm, Readings};
use crate::stop::Stop;

/// From a game day's latest end to the moment at which Kubernetes ends what is left of its probes.
const SLACK: Duration = Duration::from_secs(600);
/// The same where a game day has no latest end.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Seconds that a connection may take, at most: what the agent takes for a number of them.
const PATIENCE: u64 = 120;

/// `namespace/name`, as a pair.
type Key = (String, String);

/// The debug pods of all `tcp` checks; `None` where there is no such check. Refused where a VM cannot be probed.
pub(super) async fn plan(
    desk: &Desk<'_>,
    request: &GameDayRequest,
    plan: &GameDayPlan,
    (run, dry_run): (&str, DryRun),
) -> Result<Option<ProbePlan>, Stop> {
    let namespace = plan.namespace(desk.cluster);
    let asked = asked(&plan.day, namespace);
    if asked.is_empty() {
        return Ok(None);
    }
    let cluster = desk.cluster;
    let names = asked.keys().map(|(namespace, name)| NamedTarget {
        namespace: Some(namespace.clone()),
        name: name.clone(),
    });
    let selection = Selection {
        names: names.collect(),
        ..Selection::default()
    };
    let of_pods = request.pods.namespace.as_deref();
    let (found, namespaces) = tokio::join!(
        survey(cluster, &selection, &[], None),
        PodNamespaces::read(cluster, of_pods)
    );
    let found = found.map_err(|error| Stop::of_cluster(&error))?;
    let images = debug_pods::images(desk.guards.image(request.pods.image.as_ref()), &found.images)?;
    let annotations = started_by(&cluster.user, request.writing.reason.as_ref());
    let options: PodOptions = debug_pods::options(&request.pods, images, annotations);
    let (mut vms, mut wrong) = (Vec::new(), Vec::new());
    for (key, ports) in asked {
        let row = found
            .rows
            .iter()
            .find(|row| (row.namespace.as_str(), row.name.as_str()) == (&key.0, &key.1));
        match row.map(|row| row.placed.clone()) {
            Some(Ok(target)) => vms.push(ProbedVm { target, ports }),
            Some(Err(why)) => wrong.push(format!("vmi {}/{} {why}", key.0, key.1)),
            None => {
                let stopped = found.stopped.iter();
                let mut stopped = stopped.filter(|vm| (vm.namespace.as_str(), vm.name.as_str()) == (&key.0, &key.1));
                wrong.push(match stopped.next() {
                    Some(vm) => format!("{}/{} {}", key.0, key.1, vm.reason),
                    None => format!("there is no vmi {}/{}", key.0, key.1),
                });
            }
        }
    }
    if !wrong.is_empty() {
        let told = format!(
            "what is to be probed for checks cannot be: {}",
            escape(&wrong.join("; "))
        );
        return Err(Stop::refused(Reason::SteadyState, told));
    }
    let mut probes = ProbePlan {
        run: run.to_owned(),
        namespace: String::new(),
        options,
        vms,
        active_deadline: plan.timeline.ends.most.unwrap_or(LONGEST) + SLACK,
    };
    let pods = probes.vms.iter().enumerate();
    let pods = pods.map(|(vm, probed)| probes.pod(vm, &probed.target, 0));
    let pods: Vec<_> = pods
        .collect::<Result<_, _>>()
        .map_err(|error| Stop::refused(Reason::Plan, error.to_string()))?;
    probes.namespace = debug_pods::place(cluster, &namespaces, &pods, dry_run, "netem").await?;
    Ok(Some(probes))
}

/// Ports by VM, each with the seconds that a connection may take.
fn asked(day: &GameDay, namespace: &str) -> BTreeMap<Key, Vec<(u16, u64)>> {
    let mut asked: BTreeMap<Key, Vec<(u16, u64)>> = BTreeMap::new();
    for (key, port, check) in tcp_checks(day, namespace) {
        let ports = asked.entry(key).or_default();
        let whole = u64::from(check.within.subsec_nanos() > 0) + check.within.as_secs();
        let patience = whole.clamp(1, PATIENCE);
        match ports.iter_mut().find(|(of, _)| *of == port) {
            Some((_, longest)) => *longest = patience.max(*longest),
            None => ports.push((port, patience)),
        }
    }
    asked
}

fn tcp_checks<'a>(day: &'a GameDay, namespace: &'a str) -> impl Iterator<Item = (Key, u16, &'a Check)> {
    day.checks.iter().filter_map(move |check| match &check.what {
        What::Tcp { vm, port } => {
            let namespace = vm.namespace.as_deref().unwrap_or(namespace);
            Some(((namespace.to_owned(), vm.name.clone()), *port, check))
        }
        _ => None,
    })
}

/// What looks at each check.
pub(super) fn lookers(
    cluster: &Cluster,
    plan: &GameDayPlan,
    pods: Option<&(ProbePods, ProbePlan)>,
) -> Result<Vec<Arc<Looker>>, Stop> {
    let namespace = plan.namespace(cluster);
    let lookers = plan.day.checks.iter().map(|check| {
        let readings = pods.and_then(|(pods, probes)| readings(probes, pods, check, namespace));
        let looker = Looker::new(check, cluster, namespace, readings).map(Arc::new);
        looker.map_err(|why| Stop::refused(Reason::SteadyState, format!("check {}: {why}", check.name)))
    });
    lookers.collect()
}

/// What is probed for a check.
fn readings(plan: &ProbePlan, pods: &ProbePods, check: &Check, namespace: &str) -> Option<Readings> {
    let What::Tcp { vm, port } = &check.what else {
        return None;
    };
    let namespace = vm.namespace.as_deref().unwrap_or(namespace);
    let is_it = |target: &Target| target.namespace == namespace && target.name == vm.name;
    let number = plan.vms.iter().position(|probed| is_it(&probed.target))?;
    let port = plan.vms[number].ports.iter().position(|(of, _)| of == port)?;
    pods.readings(number, port)
}

/// The pods in a plan for a person.
pub(super) fn text(plan: &ProbePlan) -> String {
    let mut text = String::new();
    for (vm, probed) in plan.vms.iter().enumerate() {
        let ports: Vec<String> = probed.ports.iter().map(|(port, _)| port.to_string()).collect();
        let target = &probed.target;
        let _ = writeln!(
            text,
            "  {:<11}{} port {} from {}, by a privileged debug pod",
            if vm == 0 { "probes" } else { "" },
            escape(&target.key()),
            ports.join(", "),
            escape(&target.node),
        );
    }
    let _ = writeln!(
        text,
        "  {:<11}in namespace {} as service account {}",
        "",
        escape(&plan.namespace),
        escape(service_account(plan.options.service_account.as_deref())),
    );
    let nodes = plan.vms.iter().map(|probed| probed.target.node.as_str());
    let images = nodes.map(|node| (node, plan.options.images.on(node)));
    for image in debug_pods::image_lines(images) {
        let _ = writeln!(text, "  {:<11}image {image}", "");
    }
    text
}
