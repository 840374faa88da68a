//! `kubectl vmchaos check`: whether faults would work here, and what is missing: asked without changing anything, but for
//! `--nodes`, which starts a short-lived pod a node.

mod admission;
mod findings;
mod nodes;
mod permissions;

use self::admission::{PodPlace, admission};
use self::findings::Findings;
use super::Context;
use super::guards::Guards;
use crate::cli::CheckRequest;
use crate::cluster::pod_namespace::{self, PodNamespaces};
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind, Selection, VmiRow, kubevirt, launcher_images, survey};
use crate::fault::{AgentImage, AgentImages};
use crate::faults::debug_pods;
use crate::faults::migrate::explain::Limits;
use crate::faults::permitted::Places;
use crate::faults::registry::{Kind, asked_about};
use crate::problem::Reason;
use crate::report::{Check, CheckItem, CheckResult, ExitCode, Format, ListReport};
use crate::stop::Stop;
use crate::ui::escape;

/// What is known of the cluster, as far as it may be read.
struct Known {
    /// Namespace of the VMs.
    namespace: String,
    /// What debug pods would run, where that is known.
    images: Option<AgentImages>,
    /// Where debug pods may go.
    pods: PodNamespaces,
    /// VMIs in reach.
    vmis: Vec<VmiRow>,
}

pub(super) async fn check(context: &mut Context, request: CheckRequest) -> Result<ExitCode, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = context.connect().await?;
    let mut findings = Findings::default();
    if !context
        .unless_signalled(async { Ok(server(&cluster, &mut findings).await) })
        .await?
    {
        print(context, findings.items)?;
        return Ok(ExitCode::Failed);
    }
    let asked = async {
        let known = known(&cluster, &request, &guards, &mut findings).await;
        let place = match pods_for(&request) {
            PodsFor::Nothing => PodPlace::default(),
            _ => admission(&cluster, &request, &known, &mut findings).await,
        };
        let places = Places {
            vmis: std::slice::from_ref(&known.namespace),
            pods: &place.namespace,
            kubevirt: known.pods.kubevirt(),
        };
        let reviewed = permissions::review(&cluster, request.fault, places, &mut findings).await;
        Ok((known, place, reviewed))
    };
    let (known, place, reviewed) = Box::pin(context.unless_signalled(asked)).await?;
    let looked = if request.nodes {
        nodes::look(context, &cluster, &request, &known, &place, &mut findings).await
    } else {
        Ok(())
    };
    print(context, findings.items)?;
    permissions::tell_missing(context, &cluster, request.fault.unwrap_or("all"), &reviewed);
    looked?;
    Ok(if context.signals.count() > 0 {
        ExitCode::Interrupted
    } else if findings.lacking {
        ExitCode::Failed
    } else {
        ExitCode::Done
    })
}

fn print(context: &Context, items: Vec<CheckItem>) -> Result<(), Stop> {
    let fixes: Vec<String> = items
        .iter()
        .filter_map(|item| {
            Some(format!(
                "{} {}: {}",
                item.check.word(),
                item.subject,
                item.fix.as_ref()?
            ))
        })
        .collect();
    let text = ListReport::new(items)
        .print(context.format)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)?;
    // The narrow table has no room for them.
    if context.format == Format::Table {
        for fix in fixes {
            context.printer.line(&fix);
        }
    }
    Ok(())
}

/// Whether the API server answers, and as what.
async fn server(cluster: &Cluster, findings: &mut Findings) -> bool {
    let subject = cluster.host();
    match cluster.client.apiserver_version().await {
        Ok(version) => {
            let user = cluster.whoami().await.unwrap_or_else(|_| cluster.user.clone());
            let detail = format!("Kubernetes {}, as {user}", escape(&version.git_version));
            findings.note(Check::Server, &subject, CheckResult::Ok, Some(detail), None);
            true
        }
        Err(error) => {
            let told = cluster.explain(&error, &Ask::new("get", "", "version"));
            findings.lack_by(Check::Server, &subject, CheckResult::Failed, told);
            false
        }
    }
}

async fn known(cluster: &Cluster, request: &CheckRequest, guards: &Guards, findings: &mut Findings) -> Known {
    let namespace = request.namespace.clone().unwrap_or_else(|| cluster.namespace.clone());
    let in_namespace = Selection {
        namespace: Some(namespace.clone()),
        ..Selection::default()
    };
    let everywhere = Selection {
        all_namespaces: true,
        ..Selection::default()
    };
    let selection = if request.nodes { &everywhere } else { &in_namespace };
    let (installed, own, found) = tokio::join!(
        kubevirt::installed(cluster),
        pod_namespace::own(cluster),
        survey(cluster, selection, &[], request.fault)
    );
    let found = match found {
        Err(_) if request.nodes => survey(cluster, &in_namespace, &[], request.fault).await,
        found => found,
    };
    let vmis = found.map(|found| found.rows).unwrap_or_default();
    let pods = PodNamespaces::new(request.pod_namespace.as_deref(), own, kubevirt::home(&installed));
    let launchers = launcher_images::read(cluster, &installed).await;
    note_kubevirt(cluster, installed, findings).await;
    let images = match debug_pods::images(guards.image(request.image.as_ref()), &launchers) {
        _ if pods_for(request) == PodsFor::Nothing => None,
        Ok(images) => {
            note_images(&images, &vmis, findings);
            Some(images)
        }
        Err(stop) => {
            let (why, fix) = (stop.problem.message, stop.problem.hint.map(String::from));
            match pods_for(request) {
                PodsFor::Part(lost) => findings.warn(Check::Image, "", &why, lost, fix),
                _ => findings.lack(Check::Image, "", CheckResult::Unknown, why, fix),
            }
            None
        }
    };
    Known {
        namespace,
        images,
        pods,
        vmis,
    }
}

/// What of that which is asked about debug pods are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PodsFor {
    Nothing,
    /// The rest is possible without them; what is lost then.
    Part(&'static str),
    Everything,
}

/// An outage can mostly be done without debug pods.
fn pods_for(request: &CheckRequest) -> PodsFor {
    if request.nodes || asked_about(request.fault).any(|kind| kind.enters_vm) {
        return PodsFor::Everything;
    }
    let lost = asked_about(request.fault).find_map(Kind::lost_without_pods);
    lost.map_or(PodsFor::Nothing, PodsFor::Part)
}

/// What debug pods would run on the nodes that have VMs.
fn note_images(images: &AgentImages, vmis: &[VmiRow], findings: &mut Findings) {
    let mut nodes: Vec<&str> = vmis.iter().filter_map(|row| row.node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let nodes = if nodes.is_empty() { vec![""] } else { nodes };
    let mut all: Vec<&AgentImage> = nodes.into_iter().map(|node| images.on(node)).collect();
    all.dedup();
    for image in all {
        let detail = format!("debug pods run this, from {}", escape(&image.source().to_string()));
        findings.note(Check::Image, image.image(), CheckResult::Ok, Some(detail), None);
    }
}

/// Notes the installation.
async fn note_kubevirt(
    cluster: &Cluster,
    installed: Result<Option<kubevirt::KubeVirt>, ClusterError>,
    findings: &mut Findings,
) {
    let check = Check::Kubevirt;
    let none = "the cluster has no KubeVirt, so that there are no VMs".to_owned();
    match installed {
        Ok(Some(found)) => {
            let version = escape(found.version().unwrap_or("unknown"));
            let (result, detail) = match found.status.phase.as_str() {
                "Deployed" => (CheckResult::Ok, version),
                phase => (CheckResult::Warning, format!("{version}, phase {}", escape(phase))),
            };
            findings.note(check, found.namespace(), result, Some(detail), None);
            findings.note(
                Check::Limits,
                found.namespace(),
                CheckResult::Ok,
                Some(limits(&found)),
                None,
            );
        }
        Ok(None) => findings.lack(check, "", CheckResult::Failed, none, None),
        Err(error) if error.is_not_found() => findings.lack(check, "", CheckResult::Failed, none, None),
        // There are several.
        Err(error) if error.kind == ErrorKind::Other => {
            findings.note(
                check,
                "kubevirt.io",
                CheckResult::Warning,
                Some(error.message),
                error.hint.map(String::from),
            );
        }
        Err(error) => {
            // Whoever may not read the object may still ask which API groups there are.
            match cluster.client.list_api_groups().await {
                Ok(groups) if groups.groups.iter().any(|group| group.name == "kubevirt.io") => {
                    let detail = "served; which version may not be read".to_owned();
                    findings.note(check, "kubevirt.io", CheckResult::Ok, Some(detail), None);
                }
                Ok(_) => findings.lack(check, "", CheckResult::Failed, none, None),
                Err(_) => findings.lack_by(check, "", CheckResult::Unknown, error),
            }
        }
    }
}

/// What this KubeVirt lets `migrate` and `outage` do.
fn limits(kubevirt: &kubevirt::KubeVirt) -> String {
    let own = |set: Option<u32>| if set.is_some() { "" } else { " (KubeVirt's default)" };
    let set = &kubevirt.spec.configuration.migrations;
    let limits = Limits::of(Some(kubevirt));
    let mut text = format!(
        "live migrations at once: {}{} in the cluster, {}{} out of a node",
        limits.in_cluster,
        own(set.parallel_migrations_per_cluster),
        limits.from_node,
        own(set.parallel_outbound_migrations_per_node)
    );
    if !kubevirt.resets() {
        text.push_str("; no --mode reset, which needs KubeVirt 1.5");
    }
    if !kubevirt.selects_nodes() {
        text.push_str("; no --to-node and --node-selector, which need KubeVirt 1.6");
    }
    text
}
