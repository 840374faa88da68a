//! Credential plugins: run before anything is asked of people, and their output never shown.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kubectl_vmchaos::testing::cluster::{Ask, Cluster, ClusterError, Connection, ErrorKind, names};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::executable::executable;
use crate::support::http::{Server, list, status};

/// A kubeconfig whose user logs in by a plugin: this shell script, if there is one.
struct Login {
    files: TempDir,
    connection: Connection,
}

impl Login {
    fn new(server: &str, script: Option<&str>) -> Self {
        let files = TempDir::new().unwrap();
        let plugin = files.path().join("plugin");
        if let Some(script) = script {
            let text = format!("#!/bin/sh\ncd '{}' || exit 9\n{script}\n", files.path().display());
            executable(&plugin, &text);
        }
        let config = json!({
            "current-context": "test",
            "contexts": [{ "name": "test", "context": { "cluster": "c", "user": "u", "namespace": "shop" } }],
            "clusters": [{ "name": "c", "cluster": { "server": server } }],
            "users": [{ "name": "u", "user": { "exec": { "apiVersion": "client.authentication.k8s.io/v1",
                "command": plugin, "interactiveMode": "IfAvailable", "installHint": "get it from the \u{1b}[31mshelf" } } }]
        });
        let path = files.path().join("config");
        fs::write(&path, config.to_string()).unwrap();
        let connection = Connection {
            kubeconfig: Some(path),
            ..Connection::default()
        };
        Self { files, connection }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    async fn connect(&self, server: &Server) -> Result<Cluster, ClusterError> {
        Cluster::connect(&self.connection, server.sink()).await
    }
}

const CREDENTIAL: &str = r#"echo "$KUBERNETES_EXEC_INFO" >> asked
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"plugged"}}'"#;

/// There are no pods, and one token is refused.
async fn refuses(token: &str) -> Server {
    let refused = format!("Bearer {token}");
    Server::start(move |request| {
        if request.header("authorization") == Some(&refused) {
            status(401, "Unauthorized", "Unauthorized")
        } else {
            list("Pod", &[])
        }
    })
    .await
}

async fn empty() -> Server {
    Server::start(|_| list("Any", &[json!({ "metadata": { "name": "web-1" } })])).await
}

#[tokio::test]
async fn the_plugin_has_run_when_the_connection_is_there_and_no_request_was_sent() {
    let server = empty().await;
    let login = Login::new(&server.url, Some(CREDENTIAL));
    let cluster = login.connect(&server).await.unwrap();
    assert_eq!(fs::read_to_string(login.path("asked")).unwrap().lines().count(), 1);
    assert!(server.lines().is_empty());
    Api::<Pod>::all(cluster.client)
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer plugged"));
}

#[tokio::test]
async fn a_plugin_that_is_not_installed() {
    let server = empty().await;
    let login = Login::new(&server.url, None);
    let error = login.connect(&server).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.message,
        format!(
            "Unable to connect to the server: getting credentials: exec: executable {} not found",
            login.path("plugin").display()
        )
    );
    assert_eq!(
        error.hint.map(String::from).as_deref(),
        Some("get it from the \\u{1b}[31mshelf")
    );
}

#[tokio::test]
async fn a_plugin_that_fails_or_prints_something_else() {
    let server = empty().await;
    for (script, words) in [
        ("echo hunter2; exit 3", "failed with exit code 3"),
        ("echo hunter2", "the plugin did not print an ExecCredential"),
        (
            r#"echo '{"apiVersion":"v9","status":{"token":"hunter2"}}'"#,
            "plugin returned version v9",
        ),
        (
            "echo '{\"status\":{}}'",
            "exec plugin didn't return a token or cert/key pair",
        ),
    ] {
        let error = Login::new(&server.url, Some(script))
            .connect(&server)
            .await
            .unwrap_err();
        assert!(error.message.ends_with(words), "{}", error.message);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_token_that_expires_or_is_refused_is_replaced_by_one_more_run() {
    let server = refuses("t2").await;
    // The first token has expired by the time it is used, the second is refused, the third is good.
    let script = r#"echo . >> asked; n=$(wc -l < asked)
[ "$n" -gt 1 ] && expires= || expires=',"expirationTimestamp":"2020-01-01T00:00:00Z"'
echo '{"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t'$n'"'$expires'}}'"#;
    let login = Login::new(&server.url, Some(script));
    let cluster = login.connect(&server).await.unwrap();
    let pods = Api::<Pod>::all(cluster.client.clone());
    assert!(pods.list(&ListParams::default()).await.is_err());
    assert!(pods.list(&ListParams::default()).await.is_ok());
    assert!(pods.list(&ListParams::default()).await.is_ok());
    let sent: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["Bearer t2", "Bearer t3", "Bearer t3"]);
    assert_eq!(fs::read_to_string(login.path("asked")).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn requests_at_once_share_one_run_of_the_plugin() {
    // Every token expires soon, or has already: the plugin is asked once more at most, and not by each request.
    for (expires, runs) in [
        ("$(date -u -d +30sec +%Y-%m-%dT%H:%M:%SZ)", 1),
        ("2020-01-01T00:00:00Z", 2),
    ] {
        let server = empty().await;
        let script = format!(
            r#"echo . >> asked
echo "{{\"status\":{{\"token\":\"t\",\"expirationTimestamp\":\"{expires}\"}}}}""#
        );
        let login = Login::new(&server.url, Some(&script));
        let cluster = login.connect(&server).await.unwrap();
        let pods = Api::<Pod>::all(cluster.client.clone());
        let params = ListParams::default();
        for answer in futures::future::join_all((0..4).map(|_| pods.list(&params))).await {
            answer.unwrap();
        }
        pods.list(&params).await.unwrap();
        assert_eq!(
            fs::read_to_string(login.path("asked")).unwrap().lines().count(),
            runs,
            "{expires}"
        );
    }
}

#[tokio::test]
async fn one_token_that_four_requests_are_refused_with_is_replaced_once() {
    let server = refuses("t1").await;
    let script = r#"echo . >> asked; n=$(wc -l < asked)
echo '{"status":{"token":"t'$n'"}}'"#;
    let login = Login::new(&server.url, Some(script));
    let cluster = login.connect(&server).await.unwrap();
    let pods = Api::<Pod>::all(cluster.client.clone());
    let params = ListParams::default();
    for _ in 0..2 {
        let _ = futures::future::join_all((0..4).map(|_| pods.list(&params))).await;
    }
    pods.list(&params).await.unwrap();
    assert_eq!(fs::read_to_string(login.path("asked")).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_plugin_that_hangs_when_asked_once_more_ends_the_request() {
    let server = empty().await;
    let script = r#"[ -e asked ] && exec sleep 600; touch asked
echo '{"status":{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}'"#;
    let mut login = Login::new(&server.url, Some(script));
    login.connection.request_timeout = Some(std::time::Duration::from_millis(300));
    let cluster = login.connect(&server).await.unwrap();
    let error = Api::<Pod>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await
        .unwrap_err();
    let told = cluster.explain(&error, &Ask::new("list", "", "pods"));
    assert!(
        told.message
            .ends_with("did not answer within 300ms (--request-timeout)"),
        "{}",
        told.message
    );
}

#[tokio::test]
async fn a_plugin_that_breaks_in_the_middle_is_told_as_such() {
    let server = empty().await;
    let script = r#"[ -e asked ] && exit 4; touch asked
echo '{"status":{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}'"#;
    let login = Login::new(&server.url, Some(script));
    let cluster = login.connect(&server).await.unwrap();
    let error = Api::<Pod>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await
        .unwrap_err();
    let told = cluster.explain(&error, &Ask::new("list", "", "pods"));
    assert_eq!(told.kind, ErrorKind::Unauthorized);
    assert!(told.message.ends_with("failed with exit code 4"), "{}", told.message);
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn completion_does_not_let_a_plugin_ask_questions() {
    let server = empty().await;
    let login = Login::new(&server.url, Some(CREDENTIAL));
    assert_eq!(names::vmis(&login.connection, None).await, ["web-1"]);
    assert_eq!(names::namespaces(&login.connection).await, ["web-1"]);
    assert_eq!(names::contexts(&login.connection), ["test"]);
    let asked = fs::read_to_string(login.path("asked")).unwrap();
    for line in asked.lines() {
        let info: Value = serde_json::from_str(line).unwrap();
        assert_eq!(info["spec"]["interactive"], false);
    }
    assert_eq!(asked.lines().count(), 2);
    assert!(
        server.requests()[0]
            .header("accept")
            .unwrap()
            .contains("PartialObjectMetadataList")
    );
}

#[tokio::test]
async fn completion_finds_nothing_where_something_is_wrong() {
    let login = Login::new("http://127.0.0.1:1", Some("exit 1"));
    assert_eq!(names::vmis(&login.connection, Some("shop")).await, Vec::<String>::new());
    let nowhere = Connection {
        kubeconfig: Some("/nowhere".into()),
        ..Connection::default()
    };
    assert_eq!(names::namespaces(&nowhere).await, Vec::<String>::new());
    assert_eq!(names::contexts(&nowhere), Vec::<String>::new());
}
