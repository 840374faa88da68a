//! Attaching goes through the same client: it must be neither limited in time nor repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams};
use kubectl_vmchaos::testing::cluster::{Cluster, Connection};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::support::http::kubeconfig;

/// Accepts `WebSocket`s and sends back on channel 1 (stdout) what comes on channel 0 (stdin), after `tell`.
async fn echo(tell: tokio::sync::oneshot::Receiver<()>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        counter.fetch_add(1, Ordering::SeqCst);
        // The library's signature, not ours.
        #[allow(clippy::result_large_err)]
        let protocol = |_: &Request, mut response: Response| {
            response
                .headers_mut()
                .insert("sec-websocket-protocol", "v5.channel.k8s.io".parse().unwrap());
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, protocol).await.unwrap();
        tell.await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(data) = message
                && data.first() == Some(&0)
                && data.len() > 1
            {
                let mut answer = data.to_vec();
                answer[0] = 1;
                socket.send(Message::Binary(answer.into())).await.unwrap();
            }
        }
    });
    (url, connections)
}

#[tokio::test]
async fn an_attached_stream_outlives_the_time_limit_of_requests() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let (url, connections) = echo(told).await;
    let files = TempDir::new().unwrap();
    let limit = Duration::from_millis(100);
    let connection = Connection {
        kubeconfig: Some(kubeconfig(&files, &json!({ "server": url }))),
        request_timeout: Some(limit),
        ..Connection::default()
    };
    let cluster = Cluster::connect(&connection, Arc::new(|_: &str| {})).await.unwrap();
    let params = AttachParams {
        stdin: true,
        stdout: true,
        stderr: false,
        ..AttachParams::default()
    };
    let mut attached = Api::<Pod>::namespaced(cluster.client, "shop")
        .attach("p", &params)
        .await
        .unwrap();
    let (mut stdin, mut stdout) = (attached.stdin().unwrap(), attached.stdout().unwrap());

    // Nothing comes for longer than a request may take.
    let mut line = [0; 6];
    assert!(
        tokio::time::timeout(limit * 3, stdout.read_exact(&mut line))
            .await
            .is_err()
    );

    tell.send(()).unwrap();
    stdin.write_all(b"hello\n").await.unwrap();
    stdin.flush().await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), stdout.read_exact(&mut line))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&line, b"hello\n");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
