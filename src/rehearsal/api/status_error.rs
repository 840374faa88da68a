//! Errors as an API server words them. Clients and people match on these sentences, so they are kept to the letter.

use serde_json::{Value, json};

use super::resources::Resource;
use crate::json as fields;

/// An error answer: a `Status` object, or plain text where the real server has no object to give.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    reason: String,
    message: String,
    details: Box<Value>,
    plain: bool,
    /// Seconds for a `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            details: Box::new(Value::Null),
            plain: false,
            retry_after: None,
        }
    }

    /// Text without a `Status` object, as the kubelet and the path router answer.
    pub(crate) fn text(code: u16, message: impl Into<String>) -> Self {
        Self {
            plain: true,
            ..Self::new(code, "", message)
        }
    }

    /// The same error with a `Retry-After` header of that many seconds.
    pub(crate) fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        *self.details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        if name.is_empty() {
            *self.details = json!({"group": resource.group, "kind": resource.plural});
        }
        if resource.group.is_empty() {
            fields::unset(&mut self.details, "/group");
        }
        self
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::new(
            404,
            "NotFound",
            format!("{} \"{name}\" not found", resource.qualified()),
        )
        .about(resource, name)
    }

    /// What an unknown path of a known group is answered with.
    pub(crate) fn no_such_resource() -> Self {
        Self {
            details: Box::new(json!({})),
            ..Self::new(404, "NotFound", "the server could not find the requested resource")
        }
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{} \"{name}\" already exists", resource.qualified()),
        )
        .about(resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        Self::new(
            409,
            "Conflict",
            format!(
                "Operation cannot be fulfilled on {} \"{name}\": {why}",
                resource.qualified()
            ),
        )
        .about(resource, name)
    }

    /// A conflict that names the object's kind, not its resource.
    pub(crate) fn conflict_of_kind(resource: &Resource, name: &str, why: &str) -> Self {
        let dot = if resource.group.is_empty() { "" } else { "." };
        let kind = format!("{}{dot}{}", resource.kind, resource.group);
        let mut error = Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {kind} \"{name}\": {why}"),
        )
        .about(resource, name);
        fields::set(&mut error.details, "/kind", resource.kind);
        error
    }

    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let object = if name.is_empty() {
            resource.qualified()
        } else {
            format!("{} \"{name}\"", resource.qualified())
        };
        Self::new(403, "Forbidden", format!("{object} is forbidden: {why}")).about(resource, name)
    }

    pub(crate) fn invalid(resource: &Resource, name: &str, field: &str, why: &str) -> Self {
        let kind = if resource.group.is_empty() {
            resource.kind.to_owned()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let mut error =
            Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {field}: {why}")).about(resource, name);
        fields::set(&mut error.details, "/kind", resource.kind);
        fields::set(
            &mut error.details,
            "/causes",
            json!([{"reason": "FieldValueInvalid", "message": why, "field": field}]),
        );
        error
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self {
            details: Box::new(json!({})),
            ..Self::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// A webhook's refusal, worded as the API server passes it on.
    pub(crate) fn webhook(webhook: &str, code: u16, reason: &str, message: &str) -> Self {
        Self::new(
            code,
            reason,
            format!("admission webhook \"{webhook}\" denied the request: {message}"),
        )
    }

    /// What a webhook refuses of a field (empty = of the whole object), and the kind of the refusal.
    pub(crate) fn webhook_invalid(webhook: &str, field: &str, kind: &str, message: &str) -> Self {
        let mut error = Self::webhook(webhook, 422, "Invalid", message);
        let mut cause = json!({"reason": kind, "message": message});
        if !field.is_empty() {
            fields::set(&mut cause, "/field", field);
        }
        *error.details = json!({"causes": [cause]});
        error
    }

    /// An error that a server met with another one, and hands on.
    pub(crate) fn internal(met: &Self) -> Self {
        let mut error = Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {}", met.message),
        );
        *error.details = json!({"causes": [{"message": met.message}]});
        error
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The body and its content type.
    pub(crate) fn body(&self) -> (String, &'static str) {
        if self.plain {
            return (format!("{}\n", self.message), "text/plain; charset=utf-8");
        }
        (self.status().to_string(), "application/json")
    }

    /// The `Status` object, also used inside watch streams and on the error channel of an attach.
    pub(crate) fn status(&self) -> Value {
        let mut status =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message});
        if !self.reason.is_empty() {
            fields::set(&mut status, "/reason", self.reason.as_str());
        }
        let mut details = (*self.details).clone();
        if let Some(seconds) = self.retry_after {
            fields::set(&mut details, "/retryAfterSeconds", seconds);
        }
        if !details.is_null() {
            fields::set(&mut status, "/details", details);
        }
        fields::set(&mut status, "/code", self.code);
        status
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::resources::{PODS, VMIS},
        *,
    };

    #[test]
    fn the_words_are_kubernetes() {
        assert_eq!(ApiError::not_found(&PODS, "x").message(), "pods \"x\" not found");
        assert_eq!(
            ApiError::not_found(&VMIS, "x").message(),
            "virtualmachineinstances.kubevirt.io \"x\" not found"
        );
        assert_eq!(
            ApiError::already_exists(&PODS, "x").message(),
            "pods \"x\" already exists"
        );
        assert_eq!(
            ApiError::not_found(&VMIS, "x").status(),
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "virtualmachineinstances.kubevirt.io \"x\" not found",
                "reason": "NotFound", "details": {"name": "x", "group": "kubevirt.io", "kind": "virtualmachineinstances"}, "code": 404})
        );
    }
}
