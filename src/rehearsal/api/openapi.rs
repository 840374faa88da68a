//! As much of `OpenAPI` v3 as kubectl needs before it creates or applies anything: that every kind's writes can be
//! validated by the server.

use serde_json::{Map, Value, json};

use super::{
    resources::{self, Resource},
    status_error::{ApiError, ApiResult},
};

fn root_of(resource: &Resource) -> String {
    if resource.group.is_empty() {
        format!("api/{}", resource.version)
    } else {
        format!("apis/{}/{}", resource.group, resource.version)
    }
}

/// `/openapi/v3` (an empty path) or the document of one group and version.
pub(crate) fn document(path: &str, kubevirt: bool) -> ApiResult<Value> {
    let kinds = resources::served(kubevirt).filter(|resource| resource.verbs.contains(&"patch"));
    let mut paths = Map::new();
    if path.is_empty() {
        for root in kinds.map(root_of) {
            let url = format!("/openapi/v3/{root}");
            paths.insert(root, json!({"serverRelativeURL": url}));
        }
        return Ok(json!({"paths": paths}));
    }
    for kind in kinds.filter(|kind| root_of(kind) == path) {
        let space = if kind.namespaced { "namespaces/{namespace}/" } else { "" };
        let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"]
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
            .collect();
        let operation = json!({"parameters": parameters, "responses": {}, "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind}});
        paths.insert(
            format!("/{path}/{space}{}/{{name}}", kind.plural),
            json!({"patch": operation}),
        );
    }
    if paths.is_empty() {
        return Err(ApiError::text(404, "404 page not found"));
    }
    Ok(json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.33.4"}, "paths": paths}))
}
