//! Discovery: what is served, in the old form (one document a group) and the aggregated one (one document for all).

use serde_json::{Value, json};

use super::{
    resources::{self, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::http::reply::{self, Reply};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/version`: the API level of the objects served here.
pub(crate) fn version() -> Value {
    json!({"major": "1", "minor": "33", "gitVersion": "v1.33.4+rehearsal", "gitCommit": "", "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64"})
}

/// `/api` (`core`) and `/apis`.
pub(crate) fn root(core: bool, accept: &str, kubevirt: bool) -> Reply {
    let groups: Vec<(String, String)> = groups(kubevirt)
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .collect();
    if accept.split(',').any(|option| {
        option.contains("as=APIGroupDiscoveryList") && option.contains("v=v2") && !option.contains("v=v2beta1")
    }) {
        let items: Vec<Value> = groups
            .iter()
            .map(|(group, version)| aggregated(group, version, kubevirt))
            .collect();
        let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
        return reply::typed(200, AGGREGATED, list.to_string());
    }
    if core {
        return reply::json(
            200,
            &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        );
    }
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, version)| group_document(group, version))
        .collect();
    reply::json(
        200,
        &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
}

/// `/apis/GROUP`.
pub(crate) fn group(group: &str, kubevirt: bool) -> ApiResult<Reply> {
    let (name, version) = groups(kubevirt)
        .into_iter()
        .find(|(name, _)| name == group && !name.is_empty())
        .ok_or_else(|| ApiError::text(404, "404 page not found"))?;
    let mut document = group_document(&name, &version);
    document["kind"] = json!("APIGroup");
    document["apiVersion"] = json!("v1");
    Ok(reply::json(200, &document))
}

/// `/apis/GROUP/VERSION` and `/api/v1`.
pub(crate) fn kinds(group: &str, version: &str, kubevirt: bool) -> ApiResult<Reply> {
    let kinds: Vec<&Resource> = of(group, version, kubevirt).collect();
    if kinds.is_empty() {
        return Err(ApiError::text(404, "404 page not found"));
    }
    let mut list = Vec::new();
    for kind in kinds {
        if !kind.verbs.is_empty() {
            list.push(json!({"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": kind.verbs, "shortNames": kind.short}));
        }
        for sub in kind.subs {
            list.push(json!({"name": format!("{}/{}", kind.plural, sub.name), "singularName": "", "namespaced": kind.namespaced, "group": sub.group, "version": sub.version, "kind": sub.kind, "verbs": sub.verbs}));
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(reply::json(
        200,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list}),
    ))
}

fn of<'a>(group: &'a str, version: &'a str, kubevirt: bool) -> impl Iterator<Item = &'static Resource> + 'a {
    resources::served(kubevirt).filter(move |kind| kind.group == group && kind.version == version)
}

/// Groups with their one version, in the order of the table.
fn groups(kubevirt: bool) -> Vec<(String, String)> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for kind in resources::served(kubevirt) {
        if !groups.iter().any(|(group, _)| group == kind.group) {
            groups.push((kind.group.to_owned(), kind.version.to_owned()));
        }
    }
    groups
}

fn group_document(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

fn aggregated(group: &str, version: &str, kubevirt: bool) -> Value {
    let kinds: Vec<Value> = of(group, version, kubevirt)
        .map(|kind| {
            let scope = if kind.namespaced { "Namespaced" } else { "Cluster" };
            let subs: Vec<Value> = kind.subs.iter().map(|sub| json!({"subresource": sub.name, "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind}, "verbs": sub.verbs})).collect();
            if kind.verbs.is_empty() {
                // Only subresources: the parent is named and has nothing of its own.
                return json!({"resource": kind.plural, "scope": scope, "singularResource": "", "verbs": [], "subresources": subs});
            }
            let response = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
            json!({"resource": kind.plural, "responseKind": response, "scope": scope, "singularResource": kind.singular, "verbs": kind.verbs, "shortNames": kind.short, "subresources": subs})
        })
        .collect();
    let metadata = if group.is_empty() {
        json!({"creationTimestamp": null})
    } else {
        json!({"name": group, "creationTimestamp": null})
    };
    json!({"metadata": metadata, "versions": [{"version": version, "resources": kinds, "freshness": "Current"}]})
}
