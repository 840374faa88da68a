//! The namespace the debug pods go to: the first that admits them.
//!
//! Pod security, OpenShift's SCCs, quotas and webhooks refuse privileged pods in many namespaces. A server-side dry
//! run asks all of them without creating anything, so that the refusal comes before any change.

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};

use super::client::{Cluster, MANAGER};
use super::error::{Ask, ClusterError, ErrorKind};
use crate::command_line::CommandLine;

/// Namespace that people make for us; used where it exists.
pub const OWN: &str = "vmchaos";

/// Where debug pods may go, in the order they are tried: only the flag's when it was given; else `vmchaos`,
/// KubeVirt's own (it lets privileged pods in already), and the VM's.
pub fn candidates(flag: Option<&str>, kubevirt: Option<&str>, vm: &str) -> Vec<String> {
    let all = match flag {
        Some(namespace) => vec![namespace],
        None => [Some(OWN), kubevirt.filter(|namespace| !namespace.is_empty()), Some(vm)]
            .into_iter()
            .flatten()
            .collect(),
    };
    let mut once: Vec<String> = Vec::new();
    for namespace in all {
        if !once.iter().any(|known| known == namespace) {
            once.push(namespace.to_owned());
        }
    }
    once
}

/// The first candidate that exists, found by reading alone; the last one when namespaces may not be read.
pub async fn existing(cluster: &Cluster, candidates: &[String]) -> Result<String, ClusterError> {
    let api = Api::<Namespace>::all(cluster.client.clone());
    for namespace in candidates {
        match api.get_metadata_opt(namespace).await {
            Ok(Some(_)) => return Ok(namespace.clone()),
            Ok(None) => {}
            Err(error) => {
                let told = cluster.explain(&error, &Ask::new("get", "", "namespaces").name(namespace));
                if !told.is_forbidden() {
                    return Err(told);
                }
            }
        }
    }
    let last = candidates.last().cloned().unwrap_or_default();
    match candidates {
        [only] => Err(
            ClusterError::new(ErrorKind::NotFound, format!("namespaces \"{only}\" not found")).hint(fix(
                only,
                "not found",
                cluster.flags(),
            )),
        ),
        _ => Ok(last),
    }
}

/// The first of `candidates` that would admit `pod`, asked by a dry run that writes nothing.
///
/// An answer that is not a refusal (no connection, no credentials) is returned at once. When all refuse, the error
/// names each with its reason, and how to change the last one.
pub async fn choose(cluster: &Cluster, pod: &Pod, candidates: &[String]) -> Result<String, ClusterError> {
    let params = PostParams {
        dry_run: true,
        field_manager: Some(MANAGER.to_owned()),
    };
    let asked = candidates.iter().map(|namespace| {
        let mut pod = pod.clone();
        pod.metadata.namespace = Some(namespace.clone());
        let (api, params) = (Api::<Pod>::namespaced(cluster.client.clone(), namespace), &params);
        async move { (namespace, api.create(params, &pod).await) }
    });
    let mut refusals: Vec<(&str, ClusterError)> = Vec::new();
    // All at once: they are few, and each would cost a round trip.
    for (namespace, answer) in futures::future::join_all(asked).await {
        let Err(error) = answer else {
            return Ok(namespace.clone());
        };
        let told = cluster.explain(&error, &Ask::new("create", "", "pods").namespace(namespace));
        match told.kind {
            // The name is drawn for the run; that it is taken says that the pod would be admitted.
            ErrorKind::AlreadyExists => return Ok(namespace.clone()),
            ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Other => {
                refusals.push((namespace, told));
            }
            _ => return Err(told),
        }
    }
    Err(refused(&refusals, cluster.flags()))
}

/// One error for all refusals; a namespace nobody asked for that does not exist is not worth a word.
fn refused(refusals: &[(&str, ClusterError)], flags: &[String]) -> ClusterError {
    let mut told: Vec<&(&str, ClusterError)> = refusals.iter().filter(|(_, error)| !error.is_not_found()).collect();
    if told.is_empty() {
        told = refusals.iter().collect();
    }
    let Some((namespace, last)) = told.last() else {
        return ClusterError::new(ErrorKind::Other, "no namespace was given for the debug pods");
    };
    let kind = last.kind;
    let message = match told.as_slice() {
        [(namespace, only)] => format!("debug pods are not admitted to namespace {namespace}: {}", only.message),
        many => {
            let each: Vec<String> = many
                .iter()
                .map(|(namespace, error)| format!("{namespace}: {}", error.message))
                .collect();
            format!(
                "debug pods are admitted to none of the namespaces that were tried: {}",
                each.join("; ")
            )
        }
    };
    ClusterError::new(kind, message).hint(fix(namespace, &last.message, flags))
}

/// What would make this namespace admit the pod, by who refused it; `flags` lead the commands to this cluster.
fn fix(namespace: &str, refusal: &str, flags: &[String]) -> String {
    const ELSEWHERE: &str = "name another namespace with --pod-namespace";
    let line = |command: CommandLine| command.each_with(flags);
    if refusal.contains("violates PodSecurity") {
        let made = CommandLine::new("kubectl create namespace").arg(OWN).and(
            CommandLine::new("kubectl label namespace")
                .arg(OWN)
                .own("pod-security.kubernetes.io/enforce=privileged"),
        );
        format!(
            "pod security forbids privileged pods there; make a namespace for them: {}",
            line(made)
        )
    } else if refusal.contains("security context constraint") {
        format!(
            "the service account needs the privileged SCC (or name another with --service-account): {}",
            line(CommandLine::new("oc adm policy add-scc-to-user privileged -z default").flag("-n", namespace))
        )
    } else if refusal.contains("exceeded quota") || refusal.contains("failed quota") {
        format!(
            "a ResourceQuota is used up; {ELSEWHERE}, or look at it: {}",
            line(CommandLine::new("kubectl describe quota").flag("-n", namespace))
        )
    } else if refusal.contains("admission webhook") || refusal.contains("ValidatingAdmissionPolicy") {
        format!("a policy of this cluster refuses such pods; ask who runs it for an exception, or {ELSEWHERE}")
    } else if refusal.contains("cannot create resource") {
        format!(
            "what is missing, and the rules that grant it: {}",
            line("kubectl vmchaos check".into())
        )
    } else if refusal.contains("service account") {
        "name a service account of that namespace with --service-account, or none".to_owned()
    } else if refusal.contains("not found") {
        format!(
            "{ELSEWHERE}, or make this one: {}",
            line(CommandLine::new("kubectl create namespace").arg(namespace))
        )
    } else {
        ELSEWHERE.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_namespaces_are_tried() {
        assert_eq!(candidates(Some("mine"), Some("kubevirt"), "shop"), ["mine"]);
        assert_eq!(
            candidates(None, Some("kubevirt"), "shop"),
            ["vmchaos", "kubevirt", "shop"]
        );
        assert_eq!(candidates(None, None, "vmchaos"), ["vmchaos"]);
        assert_eq!(candidates(None, Some(""), "shop"), ["vmchaos", "shop"]);
    }

    fn forbidden(message: &str) -> ClusterError {
        ClusterError::new(ErrorKind::Forbidden, message)
    }

    #[test]
    fn a_namespace_that_is_not_there_is_not_blamed() {
        let missing = ClusterError::new(ErrorKind::NotFound, "namespaces \"vmchaos\" not found");
        let error = refused(
            &[
                ("vmchaos", missing),
                ("shop", forbidden("pods \"x\" is forbidden: violates PodSecurity")),
            ],
            &[],
        );
        assert_eq!(
            error.message,
            "debug pods are not admitted to namespace shop: pods \"x\" is forbidden: violates PodSecurity"
        );
        assert!(
            error
                .hint
                .unwrap()
                .contains("pod-security.kubernetes.io/enforce=privileged")
        );
    }

    #[test]
    fn all_refusals_are_told() {
        let error = refused(
            &[("kubevirt", forbidden("no")), ("shop", forbidden("exceeded quota: q"))],
            &[],
        );
        assert_eq!(
            error.message,
            "debug pods are admitted to none of the namespaces that were tried: kubevirt: no; shop: exceeded quota: q"
        );
        assert!(error.hint.unwrap().contains("kubectl describe quota -n shop"));
    }

    #[test]
    fn each_refuser_has_its_own_way_out() {
        let cases = [
            (
                "unable to validate against any security context constraint",
                "oc adm policy",
            ),
            (
                "admission webhook \"validate.kyverno.svc-fail\" denied the request",
                "a policy of this cluster",
            ),
            (
                "User \"jane\" cannot create resource \"pods\"",
                "kubectl vmchaos check --context prod",
            ),
            (
                "namespaces \"shop\" not found",
                "kubectl create namespace shop --context prod",
            ),
            ("anything", "--pod-namespace"),
        ];
        for (refusal, words) in cases {
            assert!(
                fix("shop", refusal, &["--context".to_owned(), "prod".to_owned()]).contains(words),
                "{refusal}"
            );
        }
    }
}
