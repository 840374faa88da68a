//! The checks of names and pods that clients run into.

use serde_json::Value;

use super::{
    resources::{PODS, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::json;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// The most that all annotations of an object may hold together, in bytes.
const ANNOTATIONS: usize = 256 * 1024;
/// The longest single argument Linux hands to a program; a pod with a longer one is accepted and its container cannot
/// start.
pub(crate) const ARGUMENT: usize = 128 * 1024;

/// An object's name.
pub(crate) fn name(resource: &Resource, name: &str) -> ApiResult<()> {
    if name.len() > 253 {
        return Err(ApiError::invalid(
            resource,
            name,
            "metadata.name",
            &format!("Invalid value: \"{name}\": must be no more than 253 characters"),
        ));
    }
    if !is_subdomain(name) {
        return Err(ApiError::invalid(
            resource,
            name,
            "metadata.name",
            &format!("Invalid value: \"{name}\": {SUBDOMAIN}"),
        ));
    }
    Ok(())
}

/// What a name is to begin with: a name itself, but for a dash at its end.
pub(crate) fn generate_name(resource: &Resource, prefix: &str) -> ApiResult<()> {
    let masked = prefix
        .strip_suffix('-')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(prefix);
    if !is_subdomain(masked) {
        return Err(ApiError::invalid(
            resource,
            prefix,
            "metadata.generateName",
            &format!("Invalid value: \"{prefix}\": {SUBDOMAIN}"),
        ));
    }
    Ok(())
}

/// Labels and annotations.
pub(crate) fn metadata(resource: &Resource, object: &Value) -> ApiResult<()> {
    let name = json::text(object, "/metadata/name");
    for (key, value) in object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let Some(value) = value.as_str() else {
            return Err(ApiError::bad_request(format!(
                "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal into Go struct field ObjectMeta.metadata.labels of type string",
                resource.kind, resource.version, resource.kind
            )));
        };
        if value.len() > 63 {
            return Err(ApiError::invalid(
                resource,
                name,
                "metadata.labels",
                &format!("Invalid value: \"{value}\": must be no more than 63 characters"),
            ));
        }
        if !is_label(value) {
            return Err(ApiError::invalid(
                resource,
                name,
                "metadata.labels",
                &format!("Invalid value: \"{value}\": {LABEL}"),
            ));
        }
        if !is_qualified(key) {
            return Err(ApiError::invalid(
                resource,
                name,
                "metadata.labels",
                &format!(
                    "Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
                ),
            ));
        }
    }
    let mut total = 0;
    for (key, value) in object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !is_qualified(key) {
            return Err(ApiError::invalid(
                resource,
                name,
                "metadata.annotations",
                &format!(
                    "Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
                ),
            ));
        }
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > ANNOTATIONS {
        return Err(ApiError::invalid(
            resource,
            name,
            "metadata.annotations",
            &format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        ));
    }
    Ok(())
}

/// A pod's spec, as far as a debug pod can get it wrong.
pub(crate) fn pod(pod: &Value) -> ApiResult<()> {
    let name = json::text(pod, "/metadata/name");
    let invalid = |field: &str, why: &str| Err(ApiError::invalid(&PODS, name, field, why));
    let containers = json::list(pod, "/spec/containers");
    if containers.is_empty() {
        return invalid("spec.containers", "Required value");
    }
    for (place, container) in containers.iter().enumerate() {
        let field = format!("spec.containers[{place}]");
        let (container_name, image) = (json::text(container, "/name"), json::text(container, "/image"));
        if container_name.is_empty() {
            return invalid(&format!("{field}.name"), "Required value");
        }
        if container_name.len() > 63 || container_name.contains('.') || !is_subdomain(container_name) {
            return invalid(
                &format!("{field}.name"),
                &format!(
                    "Invalid value: \"{container_name}\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
                ),
            );
        }
        if image.is_empty() {
            return invalid(&format!("{field}.image"), "Required value");
        }
        let policy = json::text(container, "/imagePullPolicy");
        if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
            return invalid(
                &format!("{field}.imagePullPolicy"),
                &format!("Unsupported value: \"{policy}\": supported values: \"Always\", \"IfNotPresent\", \"Never\""),
            );
        }
    }
    let policy = json::text(pod, "/spec/restartPolicy");
    if !matches!(policy, "" | "Always" | "OnFailure" | "Never") {
        return invalid(
            "spec.restartPolicy",
            &format!("Unsupported value: \"{policy}\": supported values: \"Always\", \"OnFailure\", \"Never\""),
        );
    }
    if pod
        .pointer("/spec/activeDeadlineSeconds")
        .is_some_and(|seconds| !seconds.is_null() && seconds.as_u64().is_none_or(|seconds| seconds == 0))
    {
        return invalid(
            "spec.activeDeadlineSeconds",
            "Invalid value: must be between 1 and 2147483647, inclusive",
        );
    }
    for (place, toleration) in json::list(pod, "/spec/tolerations").iter().enumerate() {
        let (operator, value) = (json::text(toleration, "/operator"), json::text(toleration, "/value"));
        if operator == "Exists" && !value.is_empty() {
            return invalid(
                &format!("spec.tolerations[{place}].operator"),
                &format!("Invalid value: \"{value}\": value must be empty when `operator` is 'Exists'"),
            );
        }
    }
    Ok(())
}

fn is_subdomain(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|part| {
            edges(part, |letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        })
}

fn is_label(value: &str) -> bool {
    value.is_empty()
        || (edges(value, |letter| letter.is_ascii_alphanumeric())
            && value
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
}

fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && name.len() <= 63 && is_label(name) && prefix.is_none_or(is_subdomain)
}

fn edges(text: &str, good: impl Fn(char) -> bool) -> bool {
    text.chars().next().is_some_and(&good) && text.chars().next_back().is_some_and(good)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_labels() {
        assert!(name(&PODS, "vmchaos-k3f9ab-node-1.example.com").is_ok());
        for bad in ["", "Web", "web_1", "-web", "web-", "a..b"] {
            assert!(name(&PODS, bad).is_err(), "{bad:?} should be refused");
        }
        let labelled = |value: &str| {
            metadata(
                &PODS,
                &json!({"metadata": {"name": "x", "labels": {"vmchaos.dev/run": value}}}),
            )
        };
        assert!(labelled("k3f9ab").is_ok());
        assert!(labelled("two words").is_err());
        assert!(labelled(&"x".repeat(64)).is_err());
    }

    #[test]
    fn pods() {
        assert!(
            pod(&json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "agent", "image": "x"}]}})).is_ok()
        );
        assert_eq!(
            pod(&json!({"metadata": {"name": "p"}, "spec": {}}))
                .unwrap_err()
                .message(),
            "Pod \"p\" is invalid: spec.containers: Required value"
        );
        assert!(pod(&json!({"metadata": {"name": "p"}, "spec": {"activeDeadlineSeconds": 0, "containers": [{"name": "agent", "image": "x"}]}})).is_err());
    }
}
