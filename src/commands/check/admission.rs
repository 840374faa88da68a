//! Whether a namespace takes debug pods: the API server is asked by a dry run.

use super::{Findings, Known, PodsFor, nodes, pods_for};
use crate::cli::CheckRequest;
use crate::cluster::{Cluster, pod_admission, pod_namespace};
use crate::fault::{AgentImage, ImageSource};
use crate::node::script::SCRIPT;
use crate::plan::new_run;
use crate::report::{Check, CheckResult};
use crate::run::node_check::NodeCheck;

/// Stands for an image that is not known; only asked about, never run.
const ANY_IMAGE: &str = "quay.io/kubevirt/virt-launcher:latest";

/// Where the debug pods would go.
#[derive(Default)]
pub(super) struct PodPlace {
    pub(super) namespace: String,
    pub(super) admitted: bool,
}

/// Asks, by a dry run, each namespace debug pods may go to.
pub(super) async fn admission(
    cluster: &Cluster,
    request: &CheckRequest,
    known: &Known,
    findings: &mut Findings,
) -> PodPlace {
    let candidates = known.pods.candidates();
    let node = known.vmis.iter().find_map(|row| row.node.clone()).unwrap_or_default();
    let image = known.images.as_ref().map(|images| images.on(&node).clone());
    let check = NodeCheck {
        run: new_run(),
        number: 0,
        node,
        namespace: String::new(),
        image: image.unwrap_or_else(|| AgentImage::new(ANY_IMAGE, ImageSource::Flag)),
        annotations: std::collections::BTreeMap::new(),
        start_limit: nodes::START_LIMIT,
    };
    let pod = check.pod().object(SCRIPT);
    let asked = candidates
        .iter()
        .map(|namespace| pod_admission::admits(cluster, &pod, namespace));
    let answers = futures::future::join_all(asked).await;
    let chosen = answers.iter().position(Result::is_ok);
    for (number, (namespace, answer)) in candidates.iter().zip(answers).enumerate() {
        match answer {
            Ok(()) => {
                let detail = (chosen == Some(number)).then(|| "debug pods go here".to_owned());
                findings.note(Check::Admission, namespace, CheckResult::Ok, detail, None);
            }
            Err(error) if chosen.is_some() => {
                findings.note(
                    Check::Admission,
                    namespace,
                    CheckResult::Warning,
                    Some(error.message),
                    None,
                );
            }
            Err(error) => match pods_for(request) {
                PodsFor::Part(lost) => {
                    let fix = error.hint.map(String::from);
                    findings.warn(Check::Admission, namespace, &error.message, lost, fix);
                }
                _ => findings.lack_by(Check::Admission, namespace, CheckResult::Failed, error),
            },
        }
    }
    if let Some((chosen, namespace)) = chosen.and_then(|number| Some((number, candidates.get(number)?))) {
        // One that somebody may expect to be used.
        if let Some(note) = known.pods.note().filter(|_| chosen == 0) {
            findings.note(
                Check::Admission,
                pod_namespace::OWN,
                CheckResult::Warning,
                Some(note),
                None,
            );
        }
        return PodPlace {
            namespace: (*namespace).to_owned(),
            admitted: true,
        };
    }
    if request.pod_namespace.is_none() {
        let (why, fix) = (known.pods.passed_over(), known.pods.prepare(cluster.flags()));
        let why = if why.is_empty() {
            "no namespace takes the debug pods".to_owned()
        } else {
            why.join("; ")
        };
        match pods_for(request) {
            PodsFor::Part(lost) => findings.warn(Check::Admission, pod_namespace::OWN, &why, lost, Some(fix)),
            _ => findings.lack(
                Check::Admission,
                pod_namespace::OWN,
                CheckResult::Failed,
                why,
                Some(fix),
            ),
        }
    }
    PodPlace {
        namespace: candidates.last().map_or(pod_namespace::OWN, |last| *last).to_owned(),
        admitted: false,
    }
}
