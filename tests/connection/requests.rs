//! Retries, time limits, headers and warnings.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchParams};
use kubectl_vmchaos::testing::cluster::{Ask, Connection, ErrorKind, Impersonate};
use kubectl_vmchaos::testing::traces;
use serde_json::json;

use crate::support::http::{Answer, Server, list, status};

const PODS: &str = "/api/v1/namespaces/shop/pods";

/// Answers the first `n` requests with `first`, the others with an empty list.
async fn failing(n: usize, first: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    let seen = AtomicUsize::new(0);
    Server::start(move |_| {
        if seen.fetch_add(1, Ordering::SeqCst) < n {
            first()
        } else {
            list("Pod", &[])
        }
    })
    .await
}

#[tokio::test]
async fn a_create_is_sent_once_whatever_the_server_answers() {
    for code in [429, 503, 504] {
        let server = failing(1, move || status(code, "", "try again")).await;
        let api = Api::<ConfigMap>::namespaced(server.cluster().await.client, "shop");
        assert!(api.create(&PostParams::default(), &ConfigMap::default()).await.is_err());
        assert_eq!(server.lines().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_delete_is_sent_once_when_the_connection_breaks() {
    let server = failing(1, || Answer::Drop).await;
    let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
    assert!(api.delete("a", &DeleteParams::default()).await.is_err());
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_list_is_tried_three_times() {
    let server = failing(2, || status(503, "ServiceUnavailable", "starting")).await;
    let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
    assert!(api.list(&ListParams::default()).await.is_ok());
    assert_eq!(server.count(&format!("GET {PODS}")), 3);

    let server = failing(9, || status(503, "ServiceUnavailable", "starting")).await;
    let cluster = server.cluster().await;
    let error = Api::<Pod>::namespaced(cluster.client.clone(), "shop")
        .list(&ListParams::default())
        .await
        .unwrap_err();
    let told = cluster.explain(&error, &Ask::new("list", "", "pods"));
    assert_eq!(told.message, "Error from server (ServiceUnavailable): starting");
    assert_eq!(server.count(&format!("GET {PODS}")), 3);
}

#[tokio::test]
async fn a_get_survives_a_connection_that_breaks() {
    let server = failing(1, || Answer::Drop).await;
    let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
    assert!(api.list(&ListParams::default()).await.is_ok());
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn other_refusals_are_not_tried_again() {
    for code in [400, 403, 404, 409, 500] {
        let server = failing(1, move || status(code, "", "no")).await;
        let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
        assert!(api.list(&ListParams::default()).await.is_err());
        assert_eq!(server.lines().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_pause_the_server_asks_for_is_kept_unless_it_is_too_long() {
    let later = |seconds: &'static str| {
        move || {
            let body = crate::support::http::status_body(429, "TooManyRequests", "busy");
            Answer::With(429, "retry-after", seconds.to_owned(), body)
        }
    };
    let server = failing(1, later("0")).await;
    let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
    assert!(api.list(&ListParams::default()).await.is_ok());
    assert_eq!(server.lines().len(), 2);

    let server = failing(1, later("3600")).await;
    let api = Api::<Pod>::namespaced(server.cluster().await.client, "shop");
    let answer = tokio::time::timeout(Duration::from_secs(30), api.list(&ListParams::default())).await;
    assert!(answer.unwrap().is_err());
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn who_asks_stands_in_every_request() {
    let server = failing(0, || Answer::Hang).await;
    let impersonate = Impersonate {
        user: Some("ops".into()),
        groups: vec!["a".into(), "b".into()],
        uid: None,
    };
    let cluster = server
        .connect(Connection {
            impersonate,
            ..Connection::default()
        })
        .await
        .unwrap();
    assert_eq!(cluster.user, "ops");
    Api::<Pod>::all(cluster.client)
        .list(&ListParams::default())
        .await
        .unwrap();
    let request = &server.requests()[0];
    let agent = request.header("user-agent").unwrap();
    let (name, rest) = agent.split_once('/').unwrap();
    assert_eq!(name, "kubectl-vmchaos");
    assert_eq!(
        rest,
        format!(
            "{} ({}/{})",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        )
    );
    assert_eq!(request.header("authorization"), Some("Bearer secret"));
    assert_eq!(request.header("impersonate-user"), Some("ops"));
    let groups: Vec<_> = request.headers.get_all("impersonate-group").iter().collect();
    assert_eq!(groups, ["a", "b"]);
}

#[tokio::test]
async fn a_token_given_by_flag_replaces_the_one_of_the_file() {
    let server = failing(0, || Answer::Hang).await;
    let cluster = server
        .connect(Connection {
            token: Some("other".into()),
            ..Connection::default()
        })
        .await
        .unwrap();
    Api::<Pod>::all(cluster.client)
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer other"));
}

#[tokio::test]
async fn each_warning_of_the_server_is_told_once() {
    let server = Server::start(|_| {
        let warning = r#"299 - "would violate PodSecurity \"restricted\"""#.to_owned();
        Answer::With(
            200,
            "warning",
            warning,
            json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [] }),
        )
    })
    .await;
    let api = Api::<Pod>::all(server.cluster().await.client);
    api.list(&ListParams::default()).await.unwrap();
    api.list(&ListParams::default()).await.unwrap();
    assert_eq!(server.warnings(), [r#"would violate PodSecurity "restricted""#]);
}

#[tokio::test]
async fn the_time_limit_is_for_answers_and_not_for_watches() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    let server = Server::start(move |request| {
        if request.is_watch() {
            let event = json!({ "type": "ADDED", "object": { "apiVersion": "v1", "kind": "Pod",
                "metadata": { "name": "late", "resourceVersion": "7" } } });
            Answer::After(told.lock().unwrap().take().unwrap(), vec![event])
        } else {
            Answer::Hang
        }
    })
    .await;
    let limit = Duration::from_millis(100);
    let cluster = server
        .connect(Connection {
            request_timeout: Some(limit),
            ..Connection::default()
        })
        .await
        .unwrap();
    let api = Api::<Pod>::all(cluster.client.clone());
    let mut events = api.watch(&WatchParams::default(), "1").await.unwrap().boxed();

    let error = api.get("a").await.unwrap_err();
    let told = cluster.explain(&error, &Ask::new("get", "", "pods"));
    assert_eq!(told.kind, ErrorKind::Timeout);
    assert_eq!(
        told.message,
        format!(
            "the server {} did not answer \"get pods\" within 100ms (--request-timeout)",
            cluster.host()
        )
    );
    let error = api.create(&PostParams::default(), &Pod::default()).await.unwrap_err();
    assert_eq!(
        cluster.explain(&error, &Ask::new("create", "", "pods")).kind,
        ErrorKind::Timeout
    );

    // The watch has been silent for longer than the limit by now, and still works.
    tell.send(()).unwrap();
    let event = tokio::time::timeout(Duration::from_secs(30), events.next())
        .await
        .unwrap();
    assert!(matches!(event, Some(Ok(kube::api::WatchEvent::Added(_)))));
}

#[tokio::test]
async fn a_body_that_stalls_is_limited_too() {
    let server = Server::start(|_| Answer::Open(vec![])).await;
    let limit = Duration::from_millis(100);
    let cluster = server
        .connect(Connection {
            request_timeout: Some(limit),
            ..Connection::default()
        })
        .await
        .unwrap();
    let error = Api::<Pod>::all(cluster.client.clone()).get("a").await.unwrap_err();
    assert_eq!(
        cluster.explain(&error, &Ask::new("get", "", "pods")).kind,
        ErrorKind::Timeout
    );
}

#[tokio::test]
async fn a_watch_has_to_begin_in_time() {
    let server = Server::start(|_| Answer::Hang).await;
    let cluster = server
        .connect(Connection {
            request_timeout: Some(Duration::from_millis(100)),
            ..Connection::default()
        })
        .await
        .unwrap();
    let api = Api::<Pod>::all(cluster.client.clone());
    let error = api.watch(&WatchParams::default(), "1").await.err().unwrap();
    assert_eq!(
        cluster.explain(&error, &Ask::new("watch", "", "pods")).kind,
        ErrorKind::Timeout
    );
}

#[tokio::test]
async fn a_server_that_takes_a_connection_and_says_nothing_is_not_waited_for() {
    // As many as the listener takes by itself: no handshake of TLS is ever answered.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let files = tempfile::tempdir().unwrap();
    let connection = Connection {
        kubeconfig: Some(crate::support::http::kubeconfig(&files, &json!({ "server": url }))),
        request_timeout: Some(Duration::from_millis(100)),
        ..Connection::default()
    };
    let sink: kubectl_vmchaos::testing::cluster::WarningSink = std::sync::Arc::new(|_: &str| {});
    let cluster = kubectl_vmchaos::testing::cluster::Cluster::connect(&connection, sink)
        .await
        .unwrap();
    let api = Api::<Pod>::all(cluster.client.clone());
    let error = api.list(&ListParams::default()).await.unwrap_err();
    assert_eq!(
        cluster.explain(&error, &Ask::new("list", "", "pods")).kind,
        ErrorKind::Timeout
    );
    let error = api.watch(&WatchParams::default(), "1").await.err().unwrap();
    assert_eq!(
        cluster.explain(&error, &Ask::new("watch", "", "pods")).kind,
        ErrorKind::Timeout
    );
}

#[tokio::test]
async fn a_list_that_was_cut_is_no_list_of_all_runs() {
    for (token, whole) in [("", true), ("more", false)] {
        let metadata = json!({ "resourceVersion": "100", "continue": token });
        let answer = json!({ "kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": [] });
        let server = Server::start(move |_| Answer::Json(200, answer.clone())).await;
        let cluster = server.cluster().await;
        let found = Box::pin(traces::look(&cluster, Some("shop"), None)).await;
        assert_eq!(found.is_ok(), whole, "{found:?}");
    }
}
