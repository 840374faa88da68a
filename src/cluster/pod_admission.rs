//! Which of the namespaces debug pods may go to admits them.
//!
//! Pod security, OpenShift's SCCs, quotas and webhooks refuse privileged pods in many namespaces. A server-side dry
//! run asks all of them without creating anything, so that the refusal comes before any change.

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};

use super::error::{Ask, ClusterError, ErrorKind};
use super::pod_namespace::PodNamespaces;
use super::{Cluster, MANAGER};
use crate::command_line::CommandLine;

/// A namespace that does not take the pod, and why.
type Refusal = (String, ClusterError);

/// The first namespace debug pods may go to, found by reading alone: whether it admits them is not asked.
pub async fn existing(cluster: &Cluster, namespaces: &PodNamespaces) -> Result<String, ClusterError> {
    let candidates = namespaces.candidates();
    let Some(&first) = candidates.first() else {
        return Err(refused(&[], namespaces, cluster.flags()));
    };
    let read = Api::<Namespace>::all(cluster.client.clone())
        .get_metadata_opt(first)
        .await;
    match read {
        Ok(Some(_)) => Ok(first.to_owned()),
        Ok(None) => Err(
            ClusterError::new(ErrorKind::NotFound, format!("namespaces \"{first}\" not found")).hint(fix(
                first,
                "not found",
                cluster.flags(),
            )),
        ),
        Err(error) => {
            let told = cluster.explain(&error, &Ask::new("get", "", "namespaces").name(first));
            // Whoever may not read namespaces may still make pods in one.
            if told.is_forbidden() {
                Ok(first.to_owned())
            } else {
                Err(told)
            }
        }
    }
}

/// The first namespace that would admit `pod`, asked by a dry run that writes nothing.
///
/// # Errors
/// An answer that is not a refusal (no connection, no credentials) is returned at once. When all refuse, the error names each
/// with its reason, those that were not tried too, and the commands that prepare one.
pub async fn choose(cluster: &Cluster, pod: &Pod, namespaces: &PodNamespaces) -> Result<String, ClusterError> {
    let candidates = namespaces.candidates();
    // All at once: they are few, and each would cost a round trip.
    let answers = join_all(candidates.iter().map(|namespace| ask(cluster, pod, namespace))).await;
    let mut refusals: Vec<Refusal> = Vec::new();
    for (namespace, answer) in candidates.iter().zip(answers) {
        match answer {
            Ok(()) => return Ok((*namespace).to_owned()),
            Err(error) if is_refusal(&error) => refusals.push(((*namespace).to_owned(), error)),
            Err(error) => return Err(error),
        }
    }
    Err(refused(&refusals, namespaces, cluster.flags()))
}

/// Whether this one namespace would admit `pod`.
///
/// # Errors
/// Why not, and how to change that.
pub async fn admits(cluster: &Cluster, pod: &Pod, namespace: &str) -> Result<(), ClusterError> {
    let flags = cluster.flags();
    let told = |error: ClusterError| {
        if is_refusal(&error) {
            not_admitted(namespace, &error, flags)
        } else {
            error
        }
    };
    ask(cluster, pod, namespace).await.map_err(told)
}

async fn ask(cluster: &Cluster, pod: &Pod, namespace: &str) -> Result<(), ClusterError> {
    let params = PostParams {
        dry_run: true,
        field_manager: Some(MANAGER.to_owned()),
    };
    let mut pod = pod.clone();
    pod.metadata.namespace = Some(namespace.to_owned());
    let Err(error) = Api::<Pod>::namespaced(cluster.client.clone(), namespace)
        .create(&params, &pod)
        .await
    else {
        return Ok(());
    };
    let told = cluster.explain(&error, &Ask::new("create", "", "pods").namespace(namespace));
    // The name is drawn for the run; that it is taken says that the pod would be admitted.
    if told.kind == ErrorKind::AlreadyExists {
        Ok(())
    } else {
        Err(told)
    }
}

fn is_refusal(error: &ClusterError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Other
    )
}

/// One error for all of them.
fn refused(refusals: &[Refusal], namespaces: &PodNamespaces, flags: &[String]) -> ClusterError {
    let passed_over = namespaces.passed_over();
    // The one that the user named.
    if let ([(namespace, only)], []) = (refusals, passed_over.as_slice()) {
        return not_admitted(namespace, only, flags);
    }
    let each = refusals
        .iter()
        .map(|(namespace, error)| format!("{namespace}: {}", error.message));
    let each: Vec<String> = each.chain(passed_over).collect();
    let message = format!(
        "no namespace takes the debug pods, and they do not go to a VM's own by themselves: {}",
        each.join("; ")
    );
    // Pod security is what the prepared namespace gets round.
    let others = refusals
        .iter()
        .filter(|(_, error)| !error.message.contains(POD_SECURITY))
        .map(|(namespace, error)| fix(namespace, &error.message, flags));
    let hints: Vec<String> = others.chain([namespaces.prepare(flags)]).collect();
    ClusterError::new(ErrorKind::Forbidden, message).hint(hints.join("\nhint: "))
}

fn not_admitted(namespace: &str, error: &ClusterError, flags: &[String]) -> ClusterError {
    let message = format!(
        "debug pods are not admitted to namespace {namespace}: {}",
        error.message
    );
    ClusterError::new(error.kind, message)
        .caused_by(error.cause.clone())
        .hint(fix(namespace, &error.message, flags))
}

/// In every refusal by Pod Security Admission.
const POD_SECURITY: &str = "violates PodSecurity";

/// What would make this namespace admit the pod, by who refused it; `flags` lead the commands to this cluster.
fn fix(namespace: &str, refusal: &str, flags: &[String]) -> String {
    const ELSEWHERE: &str = "name another namespace with --pod-namespace";
    let to = |line: CommandLine, purpose: &'static str| line.each_with(flags).to(purpose).to_string();
    if refusal.contains(POD_SECURITY) {
        let label = CommandLine::new("kubectl label namespace")
            .arg(namespace)
            .own("pod-security.kubernetes.io/enforce=privileged --overwrite");
        to(
            label,
            "pod security forbids privileged pods there; where only operators may use pods in it: ",
        )
    } else if refusal.contains("security context constraint") {
        let add = CommandLine::new("oc adm policy add-scc-to-user privileged -z default").flag("-n", namespace);
        to(
            add,
            "the service account needs the privileged SCC (or name another with --service-account): ",
        )
    } else if refusal.contains("exceeded quota") || refusal.contains("failed quota") {
        to(
            CommandLine::new("kubectl describe quota").flag("-n", namespace),
            "a ResourceQuota is used up; name another namespace with --pod-namespace, or look at it: ",
        )
    } else if refusal.contains("admission webhook") || refusal.contains("ValidatingAdmissionPolicy") {
        format!("a policy of this cluster refuses such pods; ask who runs it for an exception, or {ELSEWHERE}")
    } else if refusal.contains("cannot create resource") {
        to(
            "kubectl vmchaos check".into(),
            "what is missing, and the rules that grant it: ",
        )
    } else if refusal.contains("service account") {
        "name a service account of that namespace with --service-account, or none".to_owned()
    } else if refusal.contains("not found") {
        to(
            CommandLine::new("kubectl create namespace").arg(namespace),
            "name another namespace with --pod-namespace, or make this one: ",
        )
    } else {
        ELSEWHERE.to_owned()
    }
}

#[cfg(test)]
#[path = "pod_admission_tests.rs"]
mod tests;
