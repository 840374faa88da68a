//! What the server fills in of a new pod, and what may still be changed of an old one.

use serde_json::{Value, json};

use super::{
    resources::PODS,
    status_error::{ApiError, ApiResult},
};
use crate::json as fields;

/// Fills a new pod's defaults in.
pub(crate) fn fill(pod: &mut Value) {
    let defaults = [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("serviceAccountName", json!("default")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("enableServiceLinks", json!(true)),
        ("priority", json!(0)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
    ];
    for (field, value) in defaults {
        let pointer = format!("/spec/{field}");
        if pod.pointer(&pointer).is_none_or(Value::is_null) {
            fields::set(pod, &pointer, value);
        }
    }
    for container in pod
        .pointer_mut("/spec/containers")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let latest = {
            let image = fields::text(container, "/image");
            !image.contains('@')
                && image
                    .rsplit('/')
                    .next()
                    .is_some_and(|name| !name.contains(':') || name.ends_with(":latest"))
        };
        let defaults = [
            ("imagePullPolicy", json!(if latest { "Always" } else { "IfNotPresent" })),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("resources", json!({})),
        ];
        for (field, value) in defaults {
            if container.get(field).is_none_or(Value::is_null) {
                fields::set(container, &format!("/{field}"), value);
            }
        }
    }
    // The admission plugin's tolerations for nodes that fall ill.
    let mut tolerations = fields::list(pod, "/spec/tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations
            .iter()
            .any(|one| matches!(fields::text(one, "/key"), "") || fields::text(one, "/key") == key);
        if !tolerated {
            tolerations
                .push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    fields::set(pod, "/spec/tolerations", tolerations);
    let best_effort = fields::list(pod, "/spec/containers")
        .iter()
        .all(|container| !fields::present(container, "/resources"));
    fields::set(
        pod,
        "/status",
        json!({"phase": "Pending", "qosClass": if best_effort { "BestEffort" } else { "Burstable" }}),
    );
}

/// A pod's spec is fixed, but for a few fields.
pub(crate) fn only_allowed_changes(before: &Value, after: &Value) -> ApiResult<()> {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
            if let Some(spec) = spec.as_object_mut() {
                spec.shift_remove(field);
            }
        }
        for container in spec
            .pointer_mut("/containers")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            fields::set(container, "/image", "");
        }
        spec
    };
    if fixed(before) == fixed(after) {
        return Ok(());
    }
    let why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    Err(ApiError::invalid(
        &PODS,
        fields::text(before, "/metadata/name"),
        "spec",
        why,
    ))
}
