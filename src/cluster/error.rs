//! What the API server refused or could not be asked, in the words kubectl uses for it.
//!
//! `kube::Error` prints its own structure; people on call know kubectl's sentences and search for them.

use std::error::Error as StdError;
use std::io;

use kube::core::Status;

use super::escape::escape;
use super::transport::TimedOut;

/// A request that failed, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClusterError {
    pub kind: ErrorKind,
    /// One line in kubectl's words, without a leading `error: `; nothing in it can steer a terminal.
    pub message: String,
    /// What to do about it, where there is something.
    pub hint: Option<String>,
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
    fn tail(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {} {name}", self.verb, self.qualified()),
            None => format!("{} {}", self.verb, self.qualified()),
        }
    }
}

// === impl ClusterError ===

impl ClusterError {
    /// An error of our own; `message` is escaped.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self {
            kind,
            message: escape(message.as_ref()),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(escape(hint.as_ref()));
        self
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
            ),
            kube::Error::Auth(cause) => from_auth(cause),
            other => from_transport(other, server),
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
        return ClusterError::new(kind, format!("You must be logged in to the server ({detail})"));
    }
    if kind == ErrorKind::NotFound && names_no_object(status) && ask.group == "kubevirt.io" {
        return ClusterError::new(
            kind,
            format!("the server doesn't have a resource type \"{}\"", short_name(ask)),
        )
        .hint(format!(
            "KubeVirt is not installed in this cluster, or not ready: kubectl get crd {}",
            ask.qualified()
        ));
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

/// Credentials that could not be got. The output of a credential plugin is never shown: it may hold a token.
fn from_auth(error: &kube::client::AuthError) -> ClusterError {
    use kube::client::AuthError;
    let text = match error {
        AuthError::AuthExecStart(cause) => format!("getting credentials: exec: {cause}"),
        AuthError::AuthExecRun { cmd, out } => {
            // The first word only: arguments may hold a secret too.
            let program = cmd.split_whitespace().next().unwrap_or_default().trim_matches('"');
            match out.status.code() {
                Some(code) => format!("getting credentials: exec: executable {program} failed with exit code {code}"),
                None => {
                    format!("getting credentials: exec: executable {program} was ended by a signal")
                }
            }
        }
        AuthError::AuthExecParse(_) => {
            "getting credentials: exec: the plugin did not print an ExecCredential".to_owned()
        }
        AuthError::ReadTokenFile(cause, path) => {
            format!("getting credentials: open {}: {}", path.display(), plain_io(cause))
        }
        other => format!("getting credentials: {other}"),
    };
    ClusterError::new(ErrorKind::Unauthorized, format!("Unable to connect to the server: {text}"))
        .hint("the user of this context has a credential plugin or token file that does not work; try: kubectl get --raw /version")
}

/// The system's words without Rust's ` (os error 2)`.
pub(crate) fn plain_io(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

/// What is at the bottom of a failed exchange.
fn from_transport(error: &kube::Error, server: &str) -> ClusterError {
    let chain = chain(error);
    let unable = |kind, why: &str| ClusterError::new(kind, format!("Unable to connect to the server: {why}"));
    for cause in &chain {
        if let Some(auth) = cause.downcast_ref::<kube::client::AuthError>() {
            return from_auth(auth);
        }
        if let Some(TimedOut(after)) = cause.downcast_ref::<TimedOut>() {
            return ClusterError::new(
                ErrorKind::Timeout,
                format!("the server {server} did not answer within {after:?} (--request-timeout)"),
            );
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return from_tls(tls, server);
        }
    }
    for cause in &chain {
        let Some(io) = cause.downcast_ref::<io::Error>() else {
            continue;
        };
        match io.kind() {
            io::ErrorKind::ConnectionRefused => {
                return ClusterError::new(
                    ErrorKind::Refused,
                    format!(
                        "The connection to the server {server} was refused - did you specify the right host or port?"
                    ),
                );
            }
            io::ErrorKind::TimedOut => {
                return unable(ErrorKind::Unreachable, &format!("dial tcp {server}: i/o timeout"));
            }
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                return unable(ErrorKind::Unreachable, &format!("dial tcp {server}: {}", plain_io(io)));
            }
            _ => {}
        }
    }
    let text: Vec<String> = chain.iter().map(ToString::to_string).collect();
    if text
        .iter()
        .any(|line| line.contains("dns error") || line.contains("failed to lookup address"))
    {
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        return unable(
            ErrorKind::Unreachable,
            &format!("dial tcp: lookup {host}: no such host"),
        );
    }
    // The innermost cause says most; the outer ones only say that there is an inner one.
    unable(
        ErrorKind::Unreachable,
        text.last().map_or("unknown error", String::as_str),
    )
}

fn from_tls(error: &rustls::Error, server: &str) -> ClusterError {
    use rustls::CertificateError as Cert;
    use rustls::{Error, InvalidMessage};
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let (why, hint) = match error {
        // A signature that does not fit: another authority of the same name, as after a cluster was made anew.
        Error::InvalidCertificate(Cert::UnknownIssuer | Cert::BadSignature) => (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned(),
            Some("the cluster's certificate-authority in the kubeconfig does not fit this server"),
        ),
        Error::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => (
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid".to_owned(),
            None,
        ),
        Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => (
            format!("tls: failed to verify certificate: x509: certificate is not valid for {host}"),
            Some("if the certificate is made out to another name, give it as --tls-server-name"),
        ),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            ("http: server gave HTTP response to HTTPS client".to_owned(), None)
        }
        Error::AlertReceived(alert) => (format!("remote error: tls: {alert:?}"), None),
        other => (format!("tls: {other}"), None),
    };
    let told = ClusterError::new(ErrorKind::Tls, format!("Unable to connect to the server: {why}"));
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The error and all its causes, outermost first, looking also into what an `io::Error` wraps.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut all = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        all.push(cause);
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => cause.source(),
        };
    }
    all
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
