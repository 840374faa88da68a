//! What the API server refused or could not be asked, in the words kubectl uses for it.
//!
//! `kube::Error` prints its own structure; people on call know kubectl's sentences and search for them.

use kube::core::Status;

use super::failure::{from_auth, from_transport};
use crate::command_line::{CommandLine, Hint};
use crate::escape::escape;
use crate::problem::{Cause, Problem, Reason};

/// So many characters of a message are shown: a server can answer with megabytes.
const LONGEST: usize = 2000;

/// A request that failed, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClusterError {
    pub kind: ErrorKind,
    /// One line in kubectl's words, without a leading `error: `; nothing in it can steer a terminal.
    pub message: String,
    /// What to do about it, where there is something.
    pub hint: Option<Hint>,
    /// Of the connection, of TLS or of the system, behind what is told; none of what may hold a secret.
    #[source]
    pub(crate) cause: Option<Cause>,
}

/// What went wrong, as far as a caller acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    NotFound,
    Forbidden,
    Unauthorized,
    /// No route, no name, no answer to the connection attempt, or a connection that broke.
    Unreachable,
    /// Nothing listens there.
    Refused,
    Tls,
    /// Connected, but the answer did not come in time.
    Timeout,
    Conflict,
    AlreadyExists,
    Invalid,
    /// The connection flags or the kubeconfig do not say how to reach a cluster.
    Config,
    /// The resource version is too old, or the object was gone when it was to be watched.
    Gone,
    Other,
}

/// What was asked for, for the sentence of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub verb: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural name of the resource, with its subresource behind a slash.
    pub resource: &'static str,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

// === impl Ask ===

impl Ask {
    pub fn new(verb: &'static str, group: &'static str, resource: &'static str) -> Self {
        Self {
            verb,
            group,
            resource,
            namespace: None,
            name: None,
        }
    }

    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// `pods`, `virtualmachineinstances.kubevirt.io`
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    /// `get pods web-1`, as client-go appends it to an answer that was not a Status.
    pub(super) fn tail(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {} {name}", self.verb, self.qualified()),
            None => format!("{} {}", self.verb, self.qualified()),
        }
    }
}

// === impl ClusterError ===

impl ClusterError {
    /// An error of our own; `message` is escaped, and its end left out where it is longer than anybody reads.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        let message = message.as_ref();
        let mut shown: String = message.chars().take(LONGEST).collect();
        if shown.len() < message.len() {
            shown.push('…');
        }
        Self {
            kind,
            message: escape(&shown),
            hint: None,
            cause: None,
        }
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(match hint.into() {
            Hint::Words(words) => Hint::Words(escape(&words)),
            command @ Hint::Command(_) => command,
        });
        self
    }

    /// It as what went wrong with a command or a VM, in its own words.
    pub(crate) fn problem(&self, reason: Reason) -> Problem {
        let problem = Problem::new(reason, &self.message).caused_by(self.cause.clone());
        match &self.hint {
            Some(hint) => problem.hint(hint.clone()),
            None => problem,
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    pub fn is_forbidden(&self) -> bool {
        self.kind == ErrorKind::Forbidden
    }

    /// What `error` means; `server` is the host and port it was asked of.
    pub fn from_kube(error: &kube::Error, ask: &Ask, server: &str) -> Self {
        match error {
            kube::Error::Api(status) => from_status(status, ask),
            kube::Error::SerdeError(cause) => Self::new(
                ErrorKind::Other,
                format!("could not read the server's answer to \"{}\": {cause}", ask.tail()),
            )
            .caused_by(Cause::behind(cause)),
            kube::Error::Auth(cause) => from_auth(cause),
            other => from_transport(other, ask, server),
        }
    }
}

/// kube's reason for an answer that was not a `Status` object.
const NOT_A_STATUS: &str = "Failed to parse error data";

fn from_status(status: &Status, ask: &Ask) -> ClusterError {
    let kind = kind_of(status);
    if kind == ErrorKind::Unauthorized {
        let detail = if status.message.is_empty() || status.reason == NOT_A_STATUS {
            "the server has asked for the client to provide credentials"
        } else {
            &status.message
        };
        return ClusterError::new(kind, format!("You must be logged in to the server ({detail})")).hint(
            CommandLine::new("kubectl auth whoami")
                .to("log in again, or renew the token; to see as whom the server knows you: "),
        );
    }
    if kind == ErrorKind::NotFound && names_no_object(status) && ask.group == "kubevirt.io" {
        return ClusterError::new(
            kind,
            format!("the server doesn't have a resource type \"{}\"", short_name(ask)),
        )
        .hint(
            CommandLine::new("kubectl get crd")
                .arg(ask.qualified())
                .to("KubeVirt is not installed in this cluster, or not ready: "),
        );
    }
    let (reason, message) = words_of(status, ask);
    let prefix = if reason.is_empty() {
        "Error from server".to_owned()
    } else {
        format!("Error from server ({reason})")
    };
    ClusterError::new(kind, format!("{prefix}: {message}"))
}

fn kind_of(status: &Status) -> ErrorKind {
    match (status.reason.as_str(), status.code) {
        ("AlreadyExists", _) => ErrorKind::AlreadyExists,
        ("NotFound", _) | (_, 404) => ErrorKind::NotFound,
        ("Forbidden", _) | (_, 403) => ErrorKind::Forbidden,
        ("Unauthorized", _) | (_, 401) => ErrorKind::Unauthorized,
        ("Conflict", _) | (_, 409) => ErrorKind::Conflict,
        ("Expired" | "Gone", _) | (_, 410) => ErrorKind::Gone,
        ("Invalid", _) | (_, 400 | 422) => ErrorKind::Invalid,
        ("Timeout" | "ServerTimeout", _) | (_, 408 | 504) => ErrorKind::Timeout,
        _ => ErrorKind::Other,
    }
}

/// A 404 that speaks of the path and not of an object: the resource type is not served.
fn names_no_object(status: &Status) -> bool {
    status.reason == NOT_A_STATUS || status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

/// The short name people type for a KubeVirt resource.
fn short_name(ask: &Ask) -> &'static str {
    match ask.resource {
        "virtualmachines" => "vm",
        "virtualmachineinstances" => "vmi",
        "virtualmachineinstancemigrations" => "vmim",
        other => other,
    }
}

/// Whether the server does not know the path at all: of an object that is not there it says so in a `Status`.
pub(super) fn is_no_such_path(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 && status.reason == NOT_A_STATUS)
}

/// Reason and message; for an answer without a `Status`, those client-go makes up for its code.
fn words_of(status: &Status, ask: &Ask) -> (String, String) {
    if status.reason != NOT_A_STATUS {
        return (status.reason.clone(), status.message.clone());
    }
    let (reason, message) = match status.code {
        403 => (
            "Forbidden",
            "the server does not allow access to the requested resource",
        ),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => ("Conflict", "the server reported a conflict"),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        code if code >= 500 => {
            let text: String = status.message.chars().take(200).collect();
            let message = format!("an error on the server ({text:?}) has prevented the request from succeeding");
            return ("InternalError".to_owned(), format!("{message} ({})", ask.tail()));
        }
        _ => (
            "",
            "the server responded with the status code but did not return more information",
        ),
    };
    (reason.to_owned(), format!("{message} ({})", ask.tail()))
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
