//! `check --nodes`: each node that can run VMs is looked at by a short-lived debug pod on it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};

use super::super::Context;
use super::super::confirm::ask;
use super::{Findings, Known, PodPlace};
use crate::cli::{CheckRequest, DryRun};
use crate::cluster::Cluster;
use crate::faults::registry::{Kind, asked_about};
use crate::faults::{NodeNeed, debug_pods};
use crate::node::pod::service_account;
use crate::plan::new_run;
use crate::plan::pod_options::{FAULT, started_by};
use crate::problem::Problem;
use crate::report::{Check, CheckResult};
use crate::run::node_check::{self, Filtering, NodeCheck, NodeFacts};
use crate::stop::Stop;
use crate::ui::{Confirm, escape};

/// How long a pod may take to start.
pub(super) const START_LIMIT: Duration = Duration::from_secs(60);
/// Pods at once: each holds a stream to the API server.
const AT_ONCE: usize = 8;
/// Set to `true` by KubeVirt on nodes that can run VMs.
const SCHEDULABLE: &str = "kubevirt.io/schedulable";
const PACKAGES: &str = "install sch_netem on the node (RHEL and Fedora: kernel-modules-extra; Ubuntu: linux-modules-extra; \
                        Debian: linux-image-amd64); --bandwidth alone works without it";

const ENGINES: &str = "filters need nft with netdev ingress and egress hooks (Linux 5.16), or tc with the modules sch_ingress, \
                       cls_flower and act_gact";

/// A node, and why it is not looked at.
struct Candidate {
    name: String,
    out: Option<&'static str>,
}

/// Shows which nodes are looked at, asks, looks, and notes what was found.
pub(super) async fn look(
    context: &Context,
    cluster: &Cluster,
    request: &CheckRequest,
    known: &Known,
    place: &PodPlace,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let candidates = context
        .unless_signalled(async { Ok(candidates(cluster, known).await) })
        .await?;
    let mut checks = Vec::new();
    let run = new_run();
    for candidate in candidates {
        let image = known.images.as_ref().map(|images| images.on(&candidate.name).clone());
        match (candidate.out, image) {
            (Some(why), _) => findings.note(
                Check::Node,
                &candidate.name,
                CheckResult::Warning,
                Some(why.to_owned()),
                None,
            ),
            // Why is told already.
            (None, None) => {}
            (None, Some(image)) => checks.push(NodeCheck {
                run: run.clone(),
                number: checks.len(),
                node: candidate.name,
                namespace: place.namespace.clone(),
                image,
                annotations: annotations(cluster, request),
                start_limit: START_LIMIT,
            }),
        }
    }
    if checks.is_empty() {
        return Ok(());
    }
    let nodes: Vec<&str> = checks.iter().map(|check| check.node.as_str()).collect();
    context.printer.line(&format!(
        "a debug pod in namespace {} as service account {} on each of {} node{}, for a few seconds: {}",
        escape(&place.namespace),
        service_account(None),
        nodes.len(),
        if nodes.len() == 1 { "" } else { "s" },
        escape(&nodes.join(", "))
    ));
    let images = checks.iter().map(|check| (check.node.as_str(), &check.image));
    for image in debug_pods::image_lines(images) {
        context.printer.line(&format!("image {image}"));
    }
    if request.writing.dry_run != DryRun::None || !place.admitted {
        let why = if place.admitted {
            "dry run"
        } else {
            "no namespace admits debug pods"
        };
        context.printer.line(&format!("no node was looked at ({why})"));
        return Ok(());
    }
    if !Context::confirmed_by_flag(&request.writing, cluster)? {
        let question = format!("Start them in {}?", cluster.place());
        ask(context, Confirm::yes_no("", question), "no node was looked at").await?;
    }
    run_all(context, cluster, request, checks, findings).await;
    Ok(())
}

async fn run_all(
    context: &Context,
    cluster: &Cluster,
    request: &CheckRequest,
    checks: Vec<NodeCheck>,
    findings: &mut Findings,
) {
    let signals = context.signals.clone();
    let looks = futures::stream::iter(checks).map(|check| async move {
        let result = node_check::run(cluster, &check).await;
        (check.node, result)
    });
    let mut looks = std::pin::pin!(looks.buffer_unordered(AT_ONCE));
    let mut all: BTreeMap<String, Result<NodeFacts, Problem>> = BTreeMap::new();
    // What is begun is finished, so that no pod stays; nothing more is begun after a second signal.
    loop {
        tokio::select! {
            () = signals.more_than(1) => break,
            look = looks.next() => match look {
                Some((node, result)) => {
                    context.printer.line(&format!("{}: {}", escape(&node), match &result {
                        Ok(_) => "looked at",
                        Err(_) => "could not be looked at",
                    }));
                    all.insert(node, result);
                }
                None => break,
            },
        }
    }
    for (node, result) in all {
        match result {
            Ok(answer) => note(request.fault, &node, &answer, findings),
            Err(why) => findings.lack(
                Check::Node,
                &node,
                CheckResult::Failed,
                why.message,
                why.hint.map(String::from),
            ),
        }
    }
}

/// What a node can do, and whether that is enough for the fault asked about, or for every fault.
fn note(fault: Option<&str>, node: &str, facts: &NodeFacts, findings: &mut Findings) {
    let netem = match facts.netem {
        Some(true) => "sch_netem yes",
        Some(false) => "sch_netem no",
        None => "sch_netem unknown",
    };
    let filter = match facts.filter {
        Filtering::Nft { reject: true } => "filter by nft (drop, reject)",
        Filtering::Nft { reject: false } => "filter by nft (drop only)",
        Filtering::Tc => "filter by tc flower (drop only)",
        Filtering::Nothing => "filter no",
        Filtering::Unknown => "filter unknown",
    };
    let or_unknown = |text: &str| {
        if text.is_empty() {
            "unknown".to_owned()
        } else {
            escape(text)
        }
    };
    let mut detail = format!(
        "kernel {}, {netem}, {filter}, tc {}, shell {}",
        or_unknown(&facts.kernel),
        or_unknown(&facts.tc),
        or_unknown(&facts.shell)
    );
    if let Some(lacks) = &facts.lacks {
        detail = format!("{detail}; {}", escape(lacks));
        let fix = "name an image with sh, nsenter, iproute2 (tc, ip) and nft with --image".to_owned();
        return findings.lack(Check::Node, node, CheckResult::Failed, detail, Some(fix));
    }
    let can_filter = match facts.filter {
        Filtering::Unknown => None,
        Filtering::Nothing => Some(false),
        Filtering::Nft { .. } | Filtering::Tc => Some(true),
    };
    let needs: Vec<NodeNeed> = asked_about(fault)
        .filter_map(Kind::node_needs)
        .flatten()
        .copied()
        .collect();
    // `None` where the node did not say.
    let abilities = [
        (NodeNeed::Netem, facts.netem, PACKAGES),
        (NodeNeed::Filter, can_filter, ENGINES),
    ];
    let asked: Vec<_> = abilities
        .into_iter()
        .filter(|(need, ..)| needs.contains(need))
        .collect();
    let fixes: Vec<_> = asked
        .iter()
        .filter(|(_, can, _)| *can == Some(false))
        .map(|(_, _, fix)| *fix)
        .collect();
    if !fixes.is_empty() {
        findings.lack(Check::Node, node, CheckResult::Failed, detail, Some(fixes.join("; ")));
    } else if asked.iter().any(|(_, can, _)| can.is_none()) {
        findings.lack(Check::Node, node, CheckResult::Unknown, detail, None);
    } else {
        findings.note(Check::Node, node, CheckResult::Ok, Some(detail), None);
    }
}

/// Nodes that can run VMs; where nodes may not be listed, those that do.
async fn candidates(cluster: &Cluster, known: &Known) -> Vec<Candidate> {
    let listed = Api::<Node>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await;
    let busy = |name: &str| known.vmis.iter().any(|row| row.node.as_deref() == Some(name));
    let Ok(listed) = listed else {
        let mut names: Vec<String> = known.vmis.iter().filter_map(|row| row.node.clone()).collect();
        names.sort();
        names.dedup();
        return names.into_iter().map(|name| Candidate { name, out: None }).collect();
    };
    let mut nodes: Vec<Candidate> = listed
        .items
        .iter()
        .filter_map(|node| {
            let name = node.metadata.name.clone()?;
            let runs_vms = busy(&name) || label(node) == Some("true");
            runs_vms.then(|| Candidate {
                out: why_not(node),
                name,
            })
        })
        .collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

fn label(node: &Node) -> Option<&str> {
    node.metadata.labels.as_ref()?.get(SCHEDULABLE).map(String::as_str)
}

/// A pod on such a node would only wait.
fn why_not(node: &Node) -> Option<&'static str> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    (!ready).then_some("not Ready; not looked at")
}

fn annotations(cluster: &Cluster, request: &CheckRequest) -> BTreeMap<String, String> {
    let mut annotations = started_by(&cluster.user, request.writing.reason.as_ref());
    annotations.insert(FAULT.to_owned(), "looks at the node".to_owned());
    annotations
}
