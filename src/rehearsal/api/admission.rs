//! Admission: Pod Security by the labels of the namespace, and webhooks that refuse.

use serde_json::Value;

use super::{
    resources::{NAMESPACES, PODS, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::{cluster::Cluster, json};

/// A validating webhook of somebody's (a policy engine) that refuses new objects of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    /// Plural of the kind it looks at.
    pub(crate) resource: String,
    /// Namespace, or `*`.
    pub(crate) namespace: String,
    pub(crate) message: String,
}

/// The webhooks in force.
#[derive(Default)]
pub(crate) struct Admission(pub(crate) Vec<Webhook>);

/// Lets a new object in, with warnings, or refuses it. Called for dry runs too, as in a real cluster.
pub(crate) fn admit(
    cluster: &Cluster,
    resource: &'static Resource,
    namespace: &str,
    object: &Value,
    warnings: &mut Vec<String>,
) -> ApiResult<()> {
    if resource.is(&PODS) {
        service_account(cluster, namespace, object)?;
        pod_security(cluster, namespace, object, warnings)?;
    }
    let admission = cluster.admission();
    let refusing = admission
        .0
        .iter()
        .find(|hook| hook.resource == resource.plural && (hook.namespace == "*" || hook.namespace == namespace));
    refusing.map_or(Ok(()), |hook| {
        Err(ApiError::webhook(&hook.name, 400, "", &hook.message))
    })
}

/// A pod cannot run as a service account that is not there; every namespace has its `default`.
fn service_account(cluster: &Cluster, namespace: &str, pod: &Value) -> ApiResult<()> {
    let account = json::text(pod, "/spec/serviceAccountName");
    let known = super::resources::find("", "v1", "serviceaccounts", true)
        .is_some_and(|accounts| cluster.get(accounts, namespace, account).is_some());
    if matches!(account, "" | "default") || known {
        return Ok(());
    }
    let name = json::text(pod, "/metadata/name");
    Err(ApiError::forbidden(
        &PODS,
        name,
        &format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"),
    ))
}

fn pod_security(cluster: &Cluster, namespace: &str, pod: &Value, warnings: &mut Vec<String>) -> ApiResult<()> {
    let Some(space) = cluster.get(&NAMESPACES, "", namespace) else {
        return Ok(());
    };
    let level =
        |mode: &str| json::text(&space, &format!("/metadata/labels/pod-security.kubernetes.io~1{mode}")).to_owned();
    let enforced = level("enforce");
    if let Some(violations) = violations(&enforced, pod) {
        let why = format!("violates PodSecurity \"{enforced}:latest\": {violations}");
        return Err(ApiError::forbidden(&PODS, json::text(pod, "/metadata/name"), &why));
    }
    let warned = level("warn");
    if let Some(violations) = violations(&warned, pod) {
        warnings.push(format!("would violate PodSecurity \"{warned}:latest\": {violations}"));
    }
    Ok(())
}

/// What of a pod a level does not allow, in the words and the order of the admission plugin.
fn violations(level: &str, pod: &Value) -> Option<String> {
    if !matches!(level, "baseline" | "restricted") {
        return None;
    }
    let mut found = Vec::new();
    let shared: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|field| pod["spec"][**field] == true)
        .map(|field| format!("{field}=true"))
        .collect();
    if !shared.is_empty() {
        found.push(format!("host namespaces ({})", shared.join(", ")));
    }
    let containers = json::list(pod, "/spec/containers");
    let named = |bad: &dyn Fn(&Value) -> bool| {
        containers
            .iter()
            .filter(|container| bad(container))
            .map(|container| format!("\"{}\"", json::text(container, "/name")))
            .collect::<Vec<_>>()
    };
    let mut say = |names: Vec<String>, title: &str, rule: &str| {
        if !names.is_empty() {
            let (noun, verb) = if names.len() == 1 {
                ("container", "must")
            } else {
                ("containers", "must")
            };
            found.push(format!("{title} ({noun} {} {verb} {rule})", names.join(", ")));
        }
    };
    say(
        named(&|container| container.pointer("/securityContext/privileged") == Some(&Value::Bool(true))),
        "privileged",
        "not set securityContext.privileged=true",
    );
    if level == "restricted" {
        say(
            named(&|container| {
                container.pointer("/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false))
            }),
            "allowPrivilegeEscalation != false",
            "set securityContext.allowPrivilegeEscalation=false",
        );
        let root = pod.pointer("/spec/securityContext/runAsNonRoot") != Some(&Value::Bool(true));
        say(
            named(&|container| root && container.pointer("/securityContext/runAsNonRoot") != Some(&Value::Bool(true))),
            "runAsNonRoot != true",
            "set securityContext.runAsNonRoot=true",
        );
    }
    (!found.is_empty()).then(|| found.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_privileged_pod_is_refused_in_the_plugins_words() {
        let pod = json!({"spec": {"hostPID": true, "containers": [{"name": "agent", "securityContext": {"privileged": true}}]}});
        assert_eq!(
            violations("baseline", &pod).unwrap(),
            "host namespaces (hostPID=true), privileged (container \"agent\" must not set securityContext.privileged=true)"
        );
        assert_eq!(violations("privileged", &pod), None);
        assert_eq!(violations("", &pod), None);
        assert!(
            violations("restricted", &json!({"spec": {"containers": [{"name": "a"}]}}))
                .unwrap()
                .contains("runAsNonRoot")
        );
    }
}
