//! Requests that got no answer: no credentials, no connection, no trust, no time.

use std::io;

use super::connect::timed::{TimedOut, TooLarge};
use super::error::{Ask, ClusterError, ErrorKind};
use crate::command_line::CommandLine;
use crate::problem::{Cause, chain};

/// Credentials that could not be got. The output of a credential plugin is never shown: it may hold a token.
pub(super) fn from_auth(error: &kube::client::AuthError) -> ClusterError {
    use kube::client::AuthError;
    let cause = match error {
        AuthError::AuthExecStart(cause) | AuthError::ReadTokenFile(cause, _) => Cause::of(cause),
        // Others may quote a credential.
        _ => None,
    };
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
    ClusterError::new(
        ErrorKind::Unauthorized,
        format!("Unable to connect to the server: {text}"),
    )
    .caused_by(cause)
    .hint(
        CommandLine::new("kubectl get --raw /version")
            .to("the user of this context has a credential plugin or token file that does not work; try: "),
    )
}

/// The system's words without Rust's ` (os error 2)`.
pub(super) fn plain_io(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

/// What is at the bottom of a failed exchange.
pub(super) fn from_transport(error: &kube::Error, ask: &Ask, server: &str) -> ClusterError {
    let chain = chain(error);
    for cause in &chain {
        if let Some(told) = cause.downcast_ref::<ClusterError>() {
            return told.clone();
        }
        if let Some(auth) = cause.downcast_ref::<kube::client::AuthError>() {
            return from_auth(auth);
        }
    }
    from_connection(&chain, ask, server).caused_by(Cause::behind(error))
}

type Link<'a> = &'a (dyn std::error::Error + 'static);

fn from_connection(chain: &[Link<'_>], ask: &Ask, server: &str) -> ClusterError {
    let unable = |kind, why: &str| ClusterError::new(kind, format!("Unable to connect to the server: {why}"));
    for cause in chain {
        if let Some(TimedOut(after)) = cause.downcast_ref::<TimedOut>() {
            return ClusterError::new(
                ErrorKind::Timeout,
                format!(
                    "the server {server} did not answer \"{}\" within {after:?} (--request-timeout)",
                    ask.tail()
                ),
            );
        }
        if let Some(large) = cause.downcast_ref::<TooLarge>() {
            let what = format!("the server {server} answered \"{}\" with too much: {large}", ask.tail());
            return ClusterError::new(ErrorKind::Other, what)
                .hint(CommandLine::new("kubectl cluster-info").to("is that the API server? see: "));
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return from_tls(tls, server);
        }
    }
    for cause in chain {
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
            // Rustls explains its own at length, with an address on the web.
            io::ErrorKind::UnexpectedEof => return unable(ErrorKind::Unreachable, "unexpected EOF"),
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
