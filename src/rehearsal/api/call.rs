//! One request to an object or a collection, read and authenticated.

use hyper::{HeaderMap, body::Bytes, header};
use serde_json::Value;

use super::{
    protobuf,
    resources::Resource,
    status_error::{ApiError, ApiResult},
};
use crate::{cluster::Cluster, http::route::Query, json};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

/// A request to a resource.
pub(crate) struct Call {
    pub(crate) verb: &'static str,
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) sub: String,
    pub(crate) query: Query,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    pub(crate) user: User,
    pub(crate) body: Bytes,
}

impl User {
    /// The one who rehearses.
    pub(crate) fn rehearser() -> Self {
        Self {
            name: "rehearsal-admin".to_owned(),
            groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        }
    }

    /// The user behind a request's bearer token, or whom that user impersonates.
    pub(crate) fn of(headers: &HeaderMap, cluster: &Cluster) -> ApiResult<Self> {
        let known = text(headers, header::AUTHORIZATION.as_str())
            .strip_prefix("Bearer ")
            .and_then(|token| cluster.users().of(token).cloned());
        let Some(known) = known else {
            return Err(ApiError::unauthorized());
        };
        let groups: Vec<String> = headers
            .get_all("impersonate-group")
            .iter()
            .filter_map(|group| group.to_str().ok())
            .map(str::to_owned)
            .collect();
        let name = text(headers, "impersonate-user");
        if name.is_empty() {
            if !groups.is_empty() || headers.contains_key("impersonate-uid") {
                return Err(ApiError::new(
                    500,
                    "InternalError",
                    "Internal error occurred: requested impersonation without impersonating a user",
                ));
            }
            return Ok(known);
        }
        if !known.groups.iter().any(|group| group == "system:masters") {
            return Err(ApiError::new(
                403,
                "Forbidden",
                format!(
                    "users \"{name}\" is forbidden: User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
                    known.name
                ),
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            groups: if groups.is_empty() {
                vec!["system:authenticated".to_owned()]
            } else {
                groups
            },
        })
    }
}

impl Call {
    /// The body as an object: JSON, or YAML or protobuf where a client may send it.
    pub(crate) fn object(&self) -> ApiResult<Value> {
        if let Ok(object) = serde_json::from_slice(&self.body) {
            return Ok(object);
        }
        if let Some(namespace) = protobuf::namespace(&self.body) {
            return Ok(namespace);
        }
        let yaml = std::str::from_utf8(&self.body)
            .ok()
            .filter(|_| self.content_type.contains("yaml"))
            .and_then(|text| serde_saphyr::from_str(text).ok());
        yaml.ok_or_else(|| ApiError::bad_request("the object provided is unrecognized (must be of type JSON or YAML): couldn't get version/kind; json parse error"))
    }

    /// The options of a delete: a body, or nothing.
    pub(crate) fn options(&self) -> ApiResult<Value> {
        if self.body.is_empty() {
            Ok(Value::Null)
        } else {
            self.object()
        }
    }

    /// `dryRun=All`, in the query or in the options of the body.
    pub(crate) fn dry_run(&self, options: &Value) -> ApiResult<bool> {
        let asked = match self.query.get("dryRun") {
            "" => json::list(options, "/dryRun")
                .first()
                .and_then(Value::as_str)
                .unwrap_or_default(),
            asked => asked,
        };
        match asked {
            "" => Ok(false),
            "All" => Ok(true),
            other => Err(ApiError::new(
                422,
                "Invalid",
                format!(" \"\" is invalid: dryRun: Unsupported value: \"{other}\": supported values: \"All\""),
            )),
        }
    }

    /// The field manager: named, or the first word of the user agent.
    pub(crate) fn manager(&self) -> String {
        match self.query.get("fieldManager") {
            "" => self.user_agent.split('/').next().unwrap_or_default().to_owned(),
            manager => manager.to_owned(),
        }
    }
}

/// A header's text, empty when it is missing.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
