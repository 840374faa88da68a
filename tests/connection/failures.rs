//! Clusters that cannot be reached, in kubectl's words.

use std::error::Error as _;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kubectl_vmchaos::testing::cluster::{Ask, Cluster, ClusterError, Connection, ErrorKind};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::http::{Server, kubeconfig, list};

async fn connect(cluster: &Value) -> Result<Cluster, ClusterError> {
    let files = TempDir::new().unwrap();
    let connection = Connection {
        kubeconfig: Some(kubeconfig(&files, cluster)),
        ..Connection::default()
    };
    Cluster::connect(&connection, Arc::new(|_: &str| {})).await
}

/// What a list of pods on this cluster fails with.
async fn failure(cluster: &Value) -> ClusterError {
    let cluster = connect(cluster).await.unwrap();
    let error = Api::<Pod>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await
        .unwrap_err();
    cluster.explain(&error, &Ask::new("list", "", "pods"))
}

/// What is behind it, outermost first.
fn causes(told: &ClusterError) -> impl Iterator<Item = String> {
    std::iter::successors(told.source(), |cause| (*cause).source()).map(ToString::to_string)
}

/// A TLS server with a certificate of its own making for `localhost`; answers everything with an empty list.
async fn tls_server() -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let body = r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            // The client may be gone already; its side of the story is what the test looks at.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn nothing_listens_there() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let told = failure(&json!({ "server": format!("https://127.0.0.1:{port}") })).await;
    assert_eq!(told.kind, ErrorKind::Refused);
    assert_eq!(
        told.message,
        format!("The connection to the server 127.0.0.1:{port} was refused - did you specify the right host or port?")
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority() {
    let (port, _) = tls_server().await;
    let other = generate_simple_self_signed(["localhost".to_owned()])
        .unwrap()
        .cert
        .pem();
    let files = TempDir::new().unwrap();
    let ca = files.path().join("ca.crt");
    std::fs::write(&ca, other).unwrap();
    let told = failure(&json!({ "server": format!("https://localhost:{port}"), "certificate-authority": ca })).await;
    assert_eq!(told.kind, ErrorKind::Tls);
    assert_eq!(
        told.message,
        "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority"
    );
    let causes: Vec<String> = causes(&told).collect();
    assert!(causes.len() > 1, "{causes:?}");
    assert!(
        causes.last().unwrap().starts_with("invalid peer certificate: "),
        "{causes:?}"
    );
}

#[tokio::test]
async fn the_right_authority_is_trusted_and_another_name_is_not() {
    let (port, pem) = tls_server().await;
    let files = TempDir::new().unwrap();
    let ca = files.path().join("ca.crt");
    std::fs::write(&ca, pem).unwrap();
    let good = json!({ "server": format!("https://localhost:{port}"), "certificate-authority": ca });
    let cluster = connect(&good).await.unwrap();
    Api::<Pod>::all(cluster.client)
        .list(&ListParams::default())
        .await
        .unwrap();

    let by_address = json!({ "server": format!("https://127.0.0.1:{port}"), "certificate-authority": ca });
    let told = failure(&by_address).await;
    assert_eq!(
        told.message,
        "Unable to connect to the server: tls: failed to verify certificate: x509: certificate is not valid for 127.0.0.1"
    );

    let named = json!({ "server": format!("https://127.0.0.1:{port}"), "certificate-authority": ca,
        "tls-server-name": "localhost" });
    let cluster = connect(&named).await.unwrap();
    Api::<Pod>::all(cluster.client)
        .list(&ListParams::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let server = Server::start(|_| list("Pod", &[])).await;
    let told =
        failure(&json!({ "server": server.url.replace("http://", "https://"), "insecure-skip-tls-verify": true }))
            .await;
    assert_eq!(told.kind, ErrorKind::Tls);
    assert_eq!(
        told.message,
        "Unable to connect to the server: http: server gave HTTP response to HTTPS client"
    );
}

#[tokio::test]
async fn a_server_that_only_ever_hangs_up() {
    let server = Server::start(|_| crate::support::http::Answer::Drop).await;
    let told = failure(&json!({ "server": server.url })).await;
    assert_eq!(told.kind, ErrorKind::Unreachable);
    assert!(
        told.message.starts_with("Unable to connect to the server: "),
        "{}",
        told.message
    );
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn entries_of_the_kubeconfig_that_cannot_be_used() {
    let words = [
        (
            json!({ "server": "https://h", "certificate-authority": "/nowhere/ca.crt" }),
            "unable to read certificate-authority /nowhere/ca.crt for c due to no such file or directory",
        ),
        (
            json!({ "server": "https://h", "certificate-authority-data": "!!" }),
            "unable to read certificate-authority  for c due to data that is not base64",
        ),
        (
            json!({ "server": "https://h", "certificate-authority-data": "aGVsbG8=" }),
            "unable to load root certificates: no PEM certificate in the certificate authority of cluster \"c\"",
        ),
        (
            json!({ "server": "ftp://h" }),
            "host must be a URL or a host:port pair: \"ftp://h\"",
        ),
        (
            json!({ "server": "https://h", "proxy-url": "ftp://user:hunter2@h" }),
            "the proxy's URL is not one of http://, https:// or socks5://",
        ),
    ];
    for (cluster, message) in words {
        let Err(told) = connect(&cluster).await else {
            panic!("{cluster} was accepted")
        };
        assert_eq!((told.kind, told.message.as_str()), (ErrorKind::Config, message));
    }
}

#[tokio::test]
async fn a_proxy_of_the_kubeconfig_is_used() {
    let proxy = Server::start(|_| crate::support::http::Answer::Drop).await;
    let cluster = connect(&json!({ "server": "https://api.invalid:6443", "proxy-url": proxy.url }))
        .await
        .unwrap();
    assert!(
        Api::<Pod>::all(cluster.client)
            .list(&ListParams::default())
            .await
            .is_err()
    );
    let request = &proxy.requests()[0];
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.header("host"), Some("api.invalid:6443"));
}
