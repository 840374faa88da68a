use super::*;
use crate::cluster::pod_namespace::Own;

fn split(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn refusal(namespace: &str, message: &str) -> Refusal {
    (namespace.to_owned(), ClusterError::new(ErrorKind::Forbidden, message))
}

fn namespaces(named: Option<&str>, own: Own) -> PodNamespaces {
    PodNamespaces::new(named, own, Ok(Some("kubevirt")))
}

const PSA: &str = "pods \"x\" is forbidden: violates PodSecurity";

#[test]
fn every_namespace_is_named_and_the_way_to_one_that_takes_them() {
    let error = refused(
        &[refusal("kubevirt", PSA)],
        &namespaces(None, Own::Missing),
        &split("--context c"),
    );
    assert_eq!(
        error.message,
        "no namespace takes the debug pods, and they do not go to a VM's own by themselves: \
         kubevirt: pods \"x\" is forbidden: violates PodSecurity; vmchaos: there is no such namespace"
    );
    assert_eq!(
        error.hint.unwrap().to_string(),
        "to prepare a namespace that only operators may use: kubectl create namespace vmchaos --context c && \
         kubectl label namespace vmchaos vmchaos.dev/debug-pods=allowed pod-security.kubernetes.io/enforce=privileged \
         --context c"
    );
}

#[test]
fn what_is_no_matter_of_pod_security_has_its_own_way_out_too() {
    let all = [refusal("vmchaos", PSA), refusal("kubevirt", "exceeded quota: q")];
    let error = refused(&all, &namespaces(None, Own::Labelled), &[]);
    assert!(
        error
            .message
            .contains(&format!("vmchaos: {PSA}; kubevirt: exceeded quota: q"))
    );
    let hint = error.hint.unwrap().to_string();
    assert!(hint.contains("kubectl describe quota -n kubevirt"), "{hint}");
    assert!(hint.contains("kubectl label namespace vmchaos"), "{hint}");
}

#[test]
fn a_namespace_that_was_named_is_the_only_one_spoken_of() {
    let error = refused(&[refusal("mine", PSA)], &namespaces(Some("mine"), Own::Missing), &[]);
    assert_eq!(
        error.message,
        format!("debug pods are not admitted to namespace mine: {PSA}")
    );
    assert!(
        error
            .hint
            .unwrap()
            .to_string()
            .contains("kubectl label namespace mine pod-security")
    );
}

#[test]
fn nothing_to_try_is_a_refusal_too() {
    let none = PodNamespaces::new(None, Own::Unread("forbidden".into()), Err("forbidden".into()));
    let error = refused(&[], &none, &[]);
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(
        error.message.contains("could not be read (forbidden)"),
        "{}",
        error.message
    );
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
            fix("shop", refusal, &split("--context prod")).contains(words),
            "{refusal}"
        );
    }
}
