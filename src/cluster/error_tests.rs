use std::io;

use super::*;

fn api(reason: &str, code: u16, message: &str, object: &str) -> kube::Error {
    let mut status = serde_json::json!({ "status": "Failure", "message": message, "reason": reason, "code": code });
    if !object.is_empty() {
        status["details"] = serde_json::json!({ "name": object });
    }
    kube::Error::Api(serde_json::from_value::<Status>(status).unwrap().boxed())
}

fn explained(error: &kube::Error, ask: &Ask) -> (ErrorKind, String) {
    let told = ClusterError::from_kube(error, ask, "10.0.0.1:6443");
    (told.kind, told.message)
}

fn vmis() -> Ask {
    Ask::new("list", "kubevirt.io", "virtualmachineinstances").namespace("shop")
}

#[test]
fn a_refusal_by_rbac_reads_as_kubectl_prints_it() {
    let words = "virtualmachineinstances.kubevirt.io is forbidden: User \"jane\" cannot list resource";
    assert_eq!(
        explained(&api("Forbidden", 403, words, ""), &vmis()),
        (ErrorKind::Forbidden, format!("Error from server (Forbidden): {words}"))
    );
}

#[test]
fn an_object_that_is_missing_is_not_a_missing_crd() {
    let words = "virtualmachineinstances.kubevirt.io \"web-1\" not found";
    assert_eq!(
        explained(&api("NotFound", 404, words, "web-1"), &vmis().name("web-1")),
        (ErrorKind::NotFound, format!("Error from server (NotFound): {words}"))
    );
}

#[test]
fn a_missing_crd_says_that_kubevirt_is_not_installed() {
    let error = api("Failed to parse error data", 404, "404 page not found", "");
    let told = ClusterError::from_kube(&error, &vmis(), "h:1");
    assert_eq!(told.message, "the server doesn't have a resource type \"vmi\"");
    assert_eq!(
        told.hint.map(String::from).as_deref(),
        Some(
            "KubeVirt is not installed in this cluster, or not ready: kubectl get crd virtualmachineinstances.kubevirt.io"
        )
    );
}

#[test]
fn missing_credentials() {
    assert_eq!(
        explained(&api("Unauthorized", 401, "Unauthorized", ""), &vmis()),
        (
            ErrorKind::Unauthorized,
            "You must be logged in to the server (Unauthorized)".to_owned()
        )
    );
}

#[test]
fn an_answer_of_a_proxy_gets_the_words_of_its_code() {
    let ask = Ask::new("get", "", "pods").name("a");
    let cases = [
        (
            503,
            ErrorKind::Other,
            "Error from server (ServiceUnavailable): the server is currently unable to handle the request (get pods a)",
        ),
        (
            502,
            ErrorKind::Other,
            "Error from server (InternalError): an error on the server (\"<html>\\u{1b}[0m\") has prevented the request from succeeding (get pods a)",
        ),
        (
            404,
            ErrorKind::NotFound,
            "Error from server (NotFound): the server could not find the requested resource (get pods a)",
        ),
    ];
    for (code, kind, words) in cases {
        let error = api("Failed to parse error data", code, "<html>\u{1b}[0m", "");
        assert_eq!(explained(&error, &ask), (kind, words.to_owned()));
    }
}

#[test]
fn a_conflict_and_a_name_that_is_taken_are_told_apart() {
    assert_eq!(
        explained(&api("AlreadyExists", 409, "x", "x"), &vmis()).0,
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        explained(&api("Conflict", 409, "x", "x"), &vmis()).0,
        ErrorKind::Conflict
    );
    assert_eq!(
        explained(&api("Expired", 410, "too old", ""), &vmis()).0,
        ErrorKind::Gone
    );
}

#[test]
fn what_the_server_says_cannot_steer_the_terminal() {
    let (_, told) = explained(&api("Forbidden", 403, "no\u{1b}[2J\nreally", "x"), &vmis());
    assert_eq!(told, "Error from server (Forbidden): no\\u{1b}[2J\\nreally");
}

#[test]
fn a_refused_connection_names_the_host() {
    let error = kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)));
    assert_eq!(
        explained(&error, &vmis()),
        (
            ErrorKind::Refused,
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?"
                .to_owned()
        )
    );
}

#[test]
fn a_tls_error_inside_an_io_error_is_found() {
    let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let error = kube::Error::Service(Box::new(io::Error::other(inner)));
    assert_eq!(
        explained(&error, &vmis()),
        (
            ErrorKind::Tls,
            "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority"
                .to_owned()
        )
    );
}

#[cfg(unix)]
#[test]
fn the_output_of_a_credential_plugin_is_never_shown() {
    use std::os::unix::process::ExitStatusExt;
    let out = std::process::Output {
        status: std::process::ExitStatus::from_raw(256),
        stdout: b"TOKEN".to_vec(),
        stderr: b"TOKEN".to_vec(),
    };
    let error = kube::Error::Auth(kube::client::AuthError::AuthExecRun {
        cmd: "\"aws\" \"--password=TOKEN\"".into(),
        out: Box::new(out),
    });
    let (kind, told) = explained(&error, &vmis());
    assert_eq!(kind, ErrorKind::Unauthorized);
    assert_eq!(
        told,
        "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 1"
    );
}

#[test]
fn a_name_nobody_knows() {
    // As hyper-util hands it up: `dns error`, and below it the resolver's words.
    let inner = io::Error::other("failed to lookup address information: Name or service not known");
    let error = kube::Error::Service(Box::new(inner));
    assert_eq!(
        explained(&error, &vmis()),
        (
            ErrorKind::Unreachable,
            "Unable to connect to the server: dial tcp: lookup 10.0.0.1: no such host".to_owned()
        )
    );
}

#[test]
fn a_connection_that_just_ends() {
    let told = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/";
    let error = kube::Error::Service(Box::new(io::Error::new(io::ErrorKind::UnexpectedEof, told)));
    assert_eq!(
        explained(&error, &vmis()),
        (
            ErrorKind::Unreachable,
            "Unable to connect to the server: unexpected EOF".to_owned()
        )
    );
}
