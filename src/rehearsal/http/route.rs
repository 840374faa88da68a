//! Reads a request line: which object or which discovery document, and Kubernetes' verb for it.

use std::collections::HashMap;

use hyper::Method;

use crate::api::resources::{self, Resource, VMIS};

/// The query of a request, decoded; of a key given twice the last one counts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            text.split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key, true), decode(value, true)))
                .collect(),
        )
    }

    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// `true` and `1`, as Go reads a flag.
    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1")
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Place {
    Version,
    Health,
    /// Of one group and version, or (empty) the list of them.
    OpenApi(String),
    Core,
    Groups,
    Group(String),
    Kinds {
        group: String,
        version: String,
    },
    Object(Object),
    /// A resource nobody knows, in a group that is there.
    NoResource,
    /// What a custom resource does not have beside the object of that name.
    NoSub(&'static Resource, String),
    Nowhere,
}

/// An object, a collection of them, or a subresource.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) sub: String,
}

impl Object {
    /// Kubernetes' verb for a method on this object.
    pub(crate) fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match (method.as_str(), self.name.is_empty()) {
            ("GET" | "HEAD", true) if query.flag("watch") => "watch",
            ("GET" | "HEAD", true) => "list",
            ("GET" | "HEAD", false) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "deletecollection",
            ("DELETE", false) => "delete",
            _ => "",
        }
    }
}

/// Reads a path.
pub(crate) fn place(path: &str, kubevirt: bool) -> Place {
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| decode(part, false))
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["version"] => Place::Version,
        ["healthz" | "livez" | "readyz", ..] => Place::Health,
        ["openapi", "v3", rest @ ..] => Place::OpenApi(rest.join("/")),
        ["api"] => Place::Core,
        ["apis"] => Place::Groups,
        ["api", "v1"] => Place::Kinds {
            group: String::new(),
            version: "v1".to_owned(),
        },
        ["api", "v1", rest @ ..] => object("", "v1", rest, kubevirt),
        ["apis", group] => Place::Group((*group).to_owned()),
        ["apis", group, version] => Place::Kinds {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
        },
        ["apis", group, version, rest @ ..] => object(group, version, rest, kubevirt),
        _ => Place::Nowhere,
    }
}

fn object(group: &str, version: &str, rest: &[&str], kubevirt: bool) -> Place {
    if !resources::served(kubevirt).any(|resource| resource.group == group && resource.version == version) {
        return Place::Nowhere;
    }
    let (namespace, plural, name, sub) = match rest {
        // A namespace is itself an object; its own subresources are told from the kinds inside it by name.
        ["namespaces"] => ("", "namespaces", "", String::new()),
        ["namespaces", name] => ("", "namespaces", *name, String::new()),
        ["namespaces", name, sub @ ("status" | "finalize")] => ("", "namespaces", *name, (*sub).to_owned()),
        ["namespaces", namespace, plural] => (*namespace, *plural, "", String::new()),
        ["namespaces", namespace, plural, name, sub @ ..] => (*namespace, *plural, *name, sub.join("/")),
        [plural] => ("", *plural, "", String::new()),
        [plural, name, sub @ ..] => ("", *plural, *name, sub.join("/")),
        [] => return Place::Nowhere,
    };
    // Custom resources are another handler's, with answers of its own.
    let custom = group == VMIS.group;
    let Some(resource) = resources::find(group, version, plural, kubevirt) else {
        return if custom { Place::Nowhere } else { Place::NoResource };
    };
    let misplaced = if namespace.is_empty() {
        resource.namespaced && !name.is_empty()
    } else {
        !resource.namespaced
    };
    let unknown_sub = !sub.is_empty() && resource.sub(&sub).is_none();
    if unknown_sub && custom {
        return Place::NoSub(resource, name.to_owned());
    }
    if misplaced || unknown_sub {
        return Place::NoResource;
    }
    Place::Object(Object {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        sub,
    })
}

fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(if plus && *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        match place(path, true) {
            Place::Object(object) => format!(
                "{}|{}|{}|{}",
                object.resource.qualified(),
                object.namespace,
                object.name,
                object.sub
            ),
            Place::NoSub(resource, name) => format!("no {} {name}", resource.qualified()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_lead_where_they_should() {
        assert_eq!(read("/api/v1/namespaces/shop/pods/p/attach"), "pods|shop|p|attach");
        assert_eq!(read("/api/v1/namespaces/shop"), "namespaces||shop|");
        assert_eq!(read("/api/v1/pods"), "pods|||");
        assert_eq!(read("/api/v1/nodes/node-1"), "nodes||node-1|");
        assert_eq!(
            read("/apis/subresources.kubevirt.io/v1/namespaces/a/virtualmachines/x/stop"),
            "virtualmachines.subresources.kubevirt.io|a|x|stop"
        );
        assert_eq!(
            read("/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstances/x/status"),
            "no virtualmachineinstances.kubevirt.io x"
        );
        assert_eq!(read("/api/v1/pods/p"), "NoResource");
        assert_eq!(read("/apis/kubevirt.io/v1/gizmos"), "Nowhere");
        assert_eq!(read("/apis/apps/v1/deployments"), "Nowhere");
    }

    #[test]
    fn a_query_is_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&watch=1&x=a+b&&");
        assert_eq!(
            (
                query.get("labelSelector"),
                query.flag("watch"),
                query.get("x"),
                query.get("y")
            ),
            ("a=b,c", true, "a b", "")
        );
    }
}
