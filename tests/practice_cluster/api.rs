//! Objects: made, read, watched, changed, ended.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams},
    runtime::events::{EventType, Recorder, Reporter},
};
use serde_json::json;
use tokio::time::timeout;

use super::support::{PATIENCE, cluster, object, pod, status, virt, vmis};

#[tokio::test]
async fn an_object_is_made_once_read_and_ended() {
    let (_practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let map: ConfigMap = object(json!({"metadata": {"name": "one"}, "data": {"a": "1"}}));
    let made = maps.create(&PostParams::default(), &map).await.unwrap();
    assert!(made.uid().is_some() && made.resource_version().is_some());
    let again = status(maps.create(&PostParams::default(), &map).await.unwrap_err());
    assert_eq!(
        (again.code, again.message.as_str()),
        (409, "configmaps \"one\" already exists")
    );
    let wrong = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some("another".into()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    assert_eq!(status(maps.delete("one", &wrong).await.unwrap_err()).reason, "Conflict");
    maps.delete("one", &DeleteParams::default()).await.unwrap();
    let gone = status(maps.get("one").await.unwrap_err());
    assert_eq!(
        (gone.code, gone.reason.as_str(), gone.message.as_str()),
        (404, "NotFound", "configmaps \"one\" not found")
    );
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_writes_nothing() {
    let (practice, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let dry = PostParams {
        dry_run: true,
        field_manager: None,
    };
    let made = pods.create(&dry, &pod("dry")).await.unwrap();
    assert!(made.uid().is_some());
    assert_eq!(
        status(pods.create(&dry, &pod("Not_A_Name")).await.unwrap_err()).reason,
        "Invalid"
    );
    pods.create(&PostParams::default(), &pod("wet")).await.unwrap();
    assert_eq!(
        status(pods.create(&dry, &pod("wet")).await.unwrap_err()).reason,
        "AlreadyExists"
    );
    pods.delete(
        "wet",
        &DeleteParams {
            dry_run: true,
            ..DeleteParams::default()
        },
    )
    .await
    .unwrap();
    assert!(practice.get("Pod", "default", "dry").is_none());
    assert!(
        practice
            .get("Pod", "default", "wet")
            .unwrap()
            .pointer("/metadata/deletionTimestamp")
            .is_none()
    );
}

#[tokio::test]
async fn namespaces_that_are_not_there_list_as_empty_and_take_nothing() {
    let (_practice, client) = cluster().await;
    let pods: Api<Pod> = Api::namespaced(client, "nowhere");
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
    let refused = status(pods.create(&PostParams::default(), &pod("lost")).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
}

#[tokio::test]
async fn a_list_and_the_watch_after_it_fit_without_a_gap() {
    let (practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let labelled =
        |name: &str, tier: &str| object::<ConfigMap>(json!({"metadata": {"name": name, "labels": {"tier": tier}}}));
    maps.create(&PostParams::default(), &labelled("a", "web"))
        .await
        .unwrap();
    let list = maps.list(&ListParams::default().labels("tier=web")).await.unwrap();
    assert_eq!(list.items.len(), 1);
    // Between the list and the watch.
    maps.create(&PostParams::default(), &labelled("b", "web"))
        .await
        .unwrap();
    maps.create(&PostParams::default(), &labelled("c", "db")).await.unwrap();
    let params = WatchParams::default().labels("tier=web");
    let mut events = maps
        .watch(&params, &list.metadata.resource_version.unwrap())
        .await
        .unwrap()
        .boxed();
    assert!(
        practice.edit("ConfigMap", "default", "a", |map| map["metadata"]["labels"]["tier"] =
            json!("db"))
    );
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(
            match timeout(PATIENCE, events.try_next()).await.unwrap().unwrap().unwrap() {
                WatchEvent::Added(map) => format!("+{}", map.name_any()),
                WatchEvent::Modified(map) => format!("~{}", map.name_any()),
                WatchEvent::Deleted(map) => format!("-{}", map.name_any()),
                other => panic!("unexpected {other:?}"),
            },
        );
    }
    // `a` left the selector's view: for this watch it is deleted.
    assert_eq!(seen, ["+b", "-a", "-b"]);
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let (_practice, client) = cluster().await;
    let vmis = vmis(&client);
    let all: Vec<String> = vmis
        .list(&ListParams::default())
        .await
        .unwrap()
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    let mut paged = Vec::new();
    let mut params = ListParams::default().limit(3);
    loop {
        let page = vmis.list(&params).await.unwrap();
        assert!(page.items.len() <= 3);
        paged.extend(page.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = ListParams::default().limit(3).continue_token(&token),
            None => break,
        }
    }
    assert!(all.len() > 3);
    assert_eq!(paged, all);
}

#[tokio::test]
async fn writers_that_have_not_seen_the_latest_are_refused() {
    let (_practice, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let first = maps
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "m"}, "data": {"n": "1"}})),
        )
        .await
        .unwrap();
    let mut second = first.clone();
    second.data = Some([("n".to_owned(), "2".to_owned())].into());
    maps.replace("m", &PostParams::default(), &second).await.unwrap();
    let stale = status(maps.replace("m", &PostParams::default(), &first).await.unwrap_err());
    assert_eq!(
        stale.message,
        "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let merged = maps
        .patch(
            "m",
            &PatchParams::default(),
            &Patch::Merge(json!({"data": {"n": null, "k": "v"}})),
        )
        .await
        .unwrap();
    assert_eq!(
        merged.data.unwrap().into_iter().collect::<Vec<_>>(),
        [("k".to_owned(), "v".to_owned())]
    );
    let applied = maps
        .patch(
            "new",
            &PatchParams::apply("test"),
            &Patch::Apply(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {"x": "y"}}),
            ),
        )
        .await
        .unwrap();
    assert_eq!(applied.managed_fields()[0].manager.as_deref(), Some("test"));
}

#[tokio::test]
async fn a_vmi_has_no_status_of_its_own_and_its_spec_is_kubevirts() {
    let (_practice, client) = cluster().await;
    let patch = Patch::Merge(json!({"status": {"phase": "Failed"}}));
    let refused = status(
        vmis(&client)
            .patch_status("web-1", &PatchParams::default(), &patch)
            .await
            .unwrap_err(),
    );
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (404, "virtualmachineinstances.kubevirt.io \"web-1\" not found")
    );
    assert!(
        virt(&client, "VirtualMachine")
            .patch_status("web-1", &PatchParams::default(), &Patch::Merge(json!({})))
            .await
            .is_ok()
    );
    let patch = Patch::Merge(json!({"spec": {"terminationGracePeriodSeconds": 0}}));
    let refused = status(
        vmis(&client)
            .patch("web-1", &PatchParams::default(), &patch)
            .await
            .unwrap_err(),
    );
    assert!(
        refused
            .message
            .ends_with("denied the request: update of VMI object is restricted"),
        "{}",
        refused.message
    );
}

#[tokio::test]
async fn an_event_written_in_one_api_is_read_in_the_other() {
    let (_practice, client) = cluster().await;
    let vmi = vmis(&client).get("web-1").await.unwrap();
    let reference = k8s_openapi::api::core::v1::ObjectReference {
        kind: Some("VirtualMachineInstance".into()),
        name: Some(vmi.name_any()),
        namespace: vmi.namespace(),
        uid: vmi.uid(),
        ..Default::default()
    };
    let recorder = Recorder::new(client.clone(), Reporter::from("kubectl-vmchaos"));
    let event = kube::runtime::events::Event {
        type_: EventType::Normal,
        reason: "VMChaosInjected".into(),
        note: Some("netem".into()),
        action: "Inject".into(),
        secondary: None,
    };
    recorder.publish(&event, &reference).await.unwrap();
    let events: Api<Event> = Api::default_namespaced(client);
    let found = events
        .list(&ListParams::default().fields("involvedObject.name=web-1"))
        .await
        .unwrap();
    assert_eq!(
        (found.items[0].message.as_deref(), found.items[0].reason.as_deref()),
        (Some("netem"), Some("VMChaosInjected"))
    );
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for() {
    let (_practice, client) = cluster().await;
    let list = vmis(&client)
        .list_metadata(&ListParams::default().limit(2))
        .await
        .unwrap();
    assert_eq!(list.items.len(), 2);
    let namespaces: Api<Namespace> = Api::all(client);
    assert_eq!(namespaces.get_metadata("shop").await.unwrap().name_any(), "shop");
}
