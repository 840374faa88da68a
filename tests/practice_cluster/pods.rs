//! Pods on their nodes: from acceptance to the end, and what can go wrong on the way.

use k8s_openapi::api::{core::v1::Pod, policy::v1::Eviction};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
    runtime::wait::{await_condition, conditions},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::support::{PATIENCE, cluster, object, pod, status};

fn phase(pod: &Value) -> &str {
    pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default()
}

fn waiting(pod: &Value) -> &str {
    pod.pointer("/status/containerStatuses/0/state/waiting/reason")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[tokio::test]
async fn a_pod_runs_and_goes_with_its_grace_period() {
    let (_practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.create(&PostParams::default(), &pod("p")).await.unwrap();
    timeout(
        PATIENCE,
        await_condition(pods.clone(), "p", conditions::is_pod_running()),
    )
    .await
    .unwrap()
    .unwrap();
    let ended = pods
        .delete("p", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(ended.metadata.deletion_grace_period_seconds, Some(1));
    let uid = ended.metadata.uid.unwrap();
    timeout(PATIENCE, await_condition(pods, "p", conditions::is_deleted(&uid)))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_and_a_node_that_starts_nothing() {
    let (practice, client) = cluster().await;
    practice.image_pull_fails("example.com/sleeper:1");
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.create(&PostParams::default(), &pod("no-image")).await.unwrap();
    practice
        .until("Pod", "default", "no-image", |pod| waiting(pod) == "ImagePullBackOff")
        .await
        .unwrap();
    practice.pod_never_starts("node-2");
    let stuck: Pod = object(
        json!({"metadata": {"name": "stuck"}, "spec": {"nodeName": "node-2", "containers": [{"name": "main", "image": "other"}]}}),
    );
    pods.create(&PostParams::default(), &stuck).await.unwrap();
    practice
        .until("Pod", "default", "stuck", |pod| waiting(pod) == "ContainerCreating")
        .await
        .unwrap();
    // Either of them goes when told to.
    for name in ["no-image", "stuck"] {
        let uid = practice.get("Pod", "default", name).unwrap()["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned();
        pods.delete(name, &DeleteParams::default()).await.unwrap();
        timeout(
            PATIENCE,
            await_condition(pods.clone(), name, conditions::is_deleted(&uid)),
        )
        .await
        .unwrap()
        .unwrap();
    }
}

#[tokio::test]
async fn a_pod_on_a_node_nobody_has_stays_pending_and_can_be_deleted() {
    let (practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let lost: Pod = object(
        json!({"metadata": {"name": "lost"}, "spec": {"nodeName": "node-99", "containers": [{"name": "main", "image": "x"}]}}),
    );
    pods.create(&PostParams::default(), &lost).await.unwrap();
    pods.create(&PostParams::default(), &pod("other")).await.unwrap();
    practice
        .until("Pod", "default", "other", |pod| phase(pod) == "Running")
        .await
        .unwrap();
    assert_eq!(phase(&practice.get("Pod", "default", "lost").unwrap()), "Pending");
    pods.delete("lost", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    assert!(practice.get("Pod", "default", "lost").is_none());
}

#[tokio::test]
async fn a_pod_past_its_deadline_fails_for_that_reason() {
    let (practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let short: Pod = object(
        json!({"metadata": {"name": "short"}, "spec": {"activeDeadlineSeconds": 1, "terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "x"}]}}),
    );
    pods.create(&PostParams::default(), &short).await.unwrap();
    practice
        .until("Pod", "default", "short", |pod| phase(pod) == "Failed")
        .await
        .unwrap();
    assert_eq!(
        practice
            .get("Pod", "default", "short")
            .unwrap()
            .pointer("/status/reason")
            .unwrap(),
        "DeadlineExceeded"
    );
}

#[tokio::test]
async fn evicting_a_launcher_is_refused_and_evicting_another_pod_ends_it() {
    let (practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let launcher = practice.launcher("default", "web-1").unwrap();
    let eviction = |name: &str| object::<Eviction>(json!({"metadata": {"name": name}}));
    let (name, params) = (launcher["metadata"]["name"].as_str().unwrap(), PostParams::default());
    let refused = pods
        .create_subresource::<_, Value>("eviction", name, &params, &eviction(name))
        .await;
    assert_eq!(status(refused.unwrap_err()).code, 429);
    pods.create(&PostParams::default(), &pod("p")).await.unwrap();
    practice
        .until("Pod", "default", "p", |pod| phase(pod) == "Running")
        .await
        .unwrap();
    let uid = practice.get("Pod", "default", "p").unwrap()["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    pods.create_subresource::<_, Value>("eviction", "p", &params, &eviction("p"))
        .await
        .unwrap();
    timeout(PATIENCE, await_condition(pods, "p", conditions::is_deleted(&uid)))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_node_that_is_away_does_nothing_and_a_tainted_one_takes_who_tolerates_it() {
    let (practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let on = |node: &str, tolerations: Value| -> Pod {
        let spec =
            json!({"nodeName": node, "tolerations": tolerations, "containers": [{"name": "main", "image": "x"}]});
        object(json!({"metadata": {"generateName": "p-"}, "spec": spec}))
    };
    let make = async |pod: Pod| {
        pods.create(&PostParams::default(), &pod)
            .await
            .unwrap()
            .metadata
            .name
            .unwrap()
    };
    practice.taint("node-1", "gpu", "a", "NoExecute");
    practice.node_not_ready("node-2");
    let waits = make(on("node-2", json!([]))).await;
    let refused = make(on("node-1", json!([]))).await;
    let taken = make(on("node-1", json!([{"operator": "Exists"}]))).await;
    practice
        .until("Pod", "default", &refused, |pod| phase(pod) == "Failed")
        .await
        .unwrap();
    let refused = practice.get("Pod", "default", &refused).unwrap();
    assert_eq!(refused["status"]["reason"], "TaintToleration");
    practice
        .until("Pod", "default", &taken, |pod| phase(pod) == "Running")
        .await
        .unwrap();
    assert_eq!(phase(&practice.get("Pod", "default", &waits).unwrap()), "Pending");
    let web = practice.launcher("default", "web-2").unwrap()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let attach = pods
        .attach(&web, &kube::api::AttachParams::default().container("compute"))
        .await;
    assert!(attach.is_err());
    assert_eq!(practice.requests().last().unwrap().code, 500);
    practice.node_is_back("node-2");
    practice
        .until("Pod", "default", &waits, |pod| phase(pod) == "Running")
        .await
        .unwrap();
}
