//! Questions of a user about himself: may I, what may I, who am I.

use serde_json::json;

use super::{
    access::Asked,
    call::Call,
    protobuf,
    status_error::{ApiError, ApiResult},
};
use crate::{
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
};

/// Answers a review with the same rules the requests themselves are held to.
pub(crate) fn answer(cluster: &Cluster, call: &Call) -> ApiResult<Reply> {
    if call.verb != "create" {
        return Err(ApiError::method_not_allowed());
    }
    let mut review = protobuf::review(&call.body).map_or_else(|| call.object(), Ok)?;
    fields::set(&mut review, "/apiVersion", call.resource.api_version());
    fields::set(&mut review, "/kind", call.resource.kind);
    match call.resource.plural {
        "selfsubjectaccessreviews" => {
            let text = |field: &str| fields::text(&review, &format!("/spec/resourceAttributes/{field}")).to_owned();
            let (plural, sub, namespace) = (text("resource"), text("subresource"), text("namespace"));
            let resource = if sub.is_empty() {
                plural
            } else {
                format!("{plural}/{sub}")
            };
            let allowed = cluster.access().allows(
                &call.user.name,
                &Asked {
                    verb: &text("verb"),
                    group: &text("group"),
                    resource: &resource,
                    namespace: &namespace,
                },
            );
            let status = if allowed {
                json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding \"rehearsal\" of ClusterRole \"cluster-admin\" to Group \"system:authenticated\""})
            } else {
                json!({"allowed": false})
            };
            fields::set(&mut review, "/status", status);
        }
        "selfsubjectrulesreviews" => {
            let rules = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
            fields::set(
                &mut review,
                "/status",
                json!({"resourceRules": rules, "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}], "incomplete": false}),
            );
        }
        _ => fields::set(
            &mut review,
            "/status",
            json!({"userInfo": {"username": call.user.name, "groups": call.user.groups}}),
        ),
    }
    Ok(reply::json(201, &review))
}
