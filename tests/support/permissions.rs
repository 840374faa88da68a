//! What requests needed permission for.

use vmchaos_rehearsal::{Grant, Request};

/// Whether a permission is enough for what was asked.
pub(crate) fn covers(grant: &Grant, asked: &Grant) -> bool {
    // A WebSocket is opened by a GET; since Kubernetes 1.35 servers ask for both verbs.
    let attaches = grant.resource == "pods/attach" && asked.resource == grant.resource;
    (grant.verb == asked.verb || attaches)
        && (&grant.group, &grant.resource) == (&asked.group, &asked.resource)
        && (grant.namespace == "*" || grant.namespace == asked.namespace)
}

/// What a request needed permission for; what an access review asked about counts too.
pub(crate) fn question(request: &Request) -> Option<Grant> {
    if request.path.ends_with("/selfsubjectaccessreviews") {
        let attributes = &request.json()["spec"]["resourceAttributes"];
        let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
        let resource = [text("resource"), text("subresource")].join("/");
        return Some(Grant::new(
            &text("verb"),
            &text("group"),
            resource.trim_end_matches('/'),
            &text("namespace"),
        ));
    }
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let resource = match rest {
        [resource, _, sub, ..] => format!("{resource}/{sub}"),
        [resource, ..] => (*resource).to_owned(),
        [] => return None,
    };
    Some(Grant::new(&request.verb, group, &resource, namespace))
}
