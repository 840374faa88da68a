//! Faults of the API server on demand: each does what it says, as often as it says.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, PostParams, WatchEvent, WatchParams},
    runtime::watcher,
};
use serde_json::json;
use tokio::time::timeout;
use vmchaos_rehearsal::{Answer, Rule};

use super::support::{PATIENCE, cluster, object, status};

fn map(name: &str) -> ConfigMap {
    object(json!({"metadata": {"name": name}}))
}

#[tokio::test]
async fn an_error_is_answered_as_often_as_asked_and_nothing_is_done() {
    let (practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    practice.fail(Rule::new("create", "/configmaps$", Answer::timeout()).unwrap());
    practice.fail(
        Rule::new("create", "/configmaps$", Answer::too_many_requests(1))
            .unwrap()
            .after(1),
    );
    practice.clear_requests();
    assert_eq!(
        status(maps.create(&PostParams::default(), &map("m")).await.unwrap_err()).code,
        504
    );
    assert_eq!(
        status(maps.create(&PostParams::default(), &map("m")).await.unwrap_err()).reason,
        "TooManyRequests"
    );
    assert!(practice.get("ConfigMap", "default", "m").is_none());
    maps.create(&PostParams::default(), &map("m")).await.unwrap();
    let codes: Vec<u16> = practice.requests().iter().map(|request| request.code).collect();
    assert_eq!(codes, [504, 429, 201]);
}

#[tokio::test]
async fn a_lost_reply_has_done_its_work_and_a_dropped_request_has_not() {
    let (practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    practice.fail(Rule::new("create", "/configmaps$", Answer::LoseReply).unwrap());
    practice.fail(Rule::new("create", "/configmaps$", Answer::Drop).unwrap().after(1));
    assert!(!matches!(
        maps.create(&PostParams::default(), &map("done")).await.unwrap_err(),
        kube::Error::Api(_)
    ));
    assert!(!matches!(
        maps.create(&PostParams::default(), &map("lost")).await.unwrap_err(),
        kube::Error::Api(_)
    ));
    assert!(practice.get("ConfigMap", "default", "done").is_some());
    assert!(practice.get("ConfigMap", "default", "lost").is_none());
}

#[tokio::test]
async fn a_watch_that_is_too_old_is_told_and_a_watcher_gets_over_it() {
    let (practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let before = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    practice.compact();
    let mut events = maps.watch(&WatchParams::default(), &before).await.unwrap().boxed();
    match timeout(PATIENCE, events.try_next()).await.unwrap().unwrap() {
        Some(WatchEvent::Error(error)) => assert_eq!(error.code, 410),
        other => panic!("expected 410, got {other:?}"),
    }
    // Cut off, then too old: the watcher starts again and misses nothing.
    practice.fail(
        Rule::new(
            "watch",
            "/configmaps$",
            Answer::Cut(std::time::Duration::from_millis(10)),
        )
        .unwrap(),
    );
    practice.fail(Rule::new("watch", "/configmaps$", Answer::Gone).unwrap().after(1));
    let mut objects = watcher(maps.clone(), watcher::Config::default()).boxed();
    maps.create(&PostParams::default(), &map("new")).await.unwrap();
    let found = async {
        loop {
            // Errors on the way are the point of this test.
            if let Some(Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map))) = objects.next().await
                && map.name_any() == "new"
            {
                return;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap();
}

#[tokio::test]
async fn a_hanging_request_never_answers_and_hurts_no_other() {
    let (practice, client) = cluster().await;
    practice.fail(Rule::new("list", "/pods$", Answer::Hang).unwrap());
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let (everything, params) = (Api::<Pod>::default_namespaced(client), ListParams::default());
    let hanging = everything.list(&params);
    tokio::pin!(hanging);
    // Polled until the server has the request; then others are served meanwhile.
    while practice.requests().iter().all(|request| request.verb != "list") {
        tokio::select! {
            _ = &mut hanging => panic!("it answered"),
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(
        timeout(PATIENCE, pods.list(&ListParams::default()))
            .await
            .unwrap()
            .is_ok()
    );
}
