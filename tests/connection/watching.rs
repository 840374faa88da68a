//! A watch that lives through what real servers do to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kubectl_vmchaos::testing::cluster::watch::{Change, Changes, vmis};
use kubectl_vmchaos::testing::cluster::{ErrorKind, VirtualMachineInstance};
use serde_json::{Value, json};

use crate::support::http::{Answer, Recorded, Server, list, status, status_body};

fn vmi(name: &str, version: &str) -> Value {
    json!({ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
        "metadata": { "name": name, "resourceVersion": version } })
}

fn event(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}

fn bookmark(version: &str) -> Value {
    let mut object = vmi("", version);
    object["metadata"]["annotations"] = json!({});
    event("BOOKMARK", &object)
}

/// Answers the lists with `listed` and the watches with `watched`, each called with how many came before.
async fn script(
    listed: impl Fn(usize) -> Answer + Send + Sync + 'static,
    watched: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Server {
    let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |request| {
        if request.is_watch() {
            watched(second.fetch_add(1, Ordering::SeqCst))
        } else {
            listed(first.fetch_add(1, Ordering::SeqCst))
        }
    })
    .await
}

/// `+name`, `-name`, `=a,b` for what comes next.
async fn next(changes: &mut Changes<VirtualMachineInstance>) -> String {
    let change = tokio::time::timeout(Duration::from_secs(30), changes.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    match change {
        Change::Listed(all) => {
            format!(
                "={}",
                all.iter()
                    .map(VirtualMachineInstance::name)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        Change::Applied(vmi) => format!("+{}", vmi.name()),
        Change::Deleted(vmi) => format!("-{}", vmi.name()),
    }
}

/// The resource versions of all watches that were opened.
fn versions(server: &Server) -> Vec<String> {
    let of = |request: &Recorded| {
        request
            .query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="))
            .unwrap_or("")
            .to_owned()
    };
    server
        .requests()
        .iter()
        .filter(|request| request.is_watch())
        .map(of)
        .collect()
}

#[tokio::test]
async fn one_of_them_is_listed_and_watched_by_its_name() {
    let server = script(
        |_| list("VirtualMachineInstance", &[]),
        |_| {
            Answer::Open(vec![
                event("MODIFIED", &vmi("a", "108")),
                event("DELETED", &vmi("a", "109")),
            ])
        },
    )
    .await;
    let cluster = server.cluster().await;
    let mut changes = vmis(&cluster, "shop", Some("a"));
    assert_eq!(next(&mut changes).await, "=");
    assert_eq!(next(&mut changes).await, "+a");
    assert_eq!(next(&mut changes).await, "-a");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.has("fieldSelector=metadata.name%3Da"))
    );
    assert!(requests[1].has("resourceVersion=100"), "{}", requests[1].query);
    assert!(requests[1].has("allowWatchBookmarks=true"), "{}", requests[1].query);
}

#[tokio::test]
async fn the_list_comes_first() {
    let server = script(
        |_| list("VirtualMachineInstance", &[vmi("a", "1"), vmi("b", "2")]),
        |_| Answer::Open(vec![event("ADDED", &vmi("c", "101"))]),
    )
    .await;
    let mut changes = vmis(&server.cluster().await, "shop", None);
    assert_eq!(next(&mut changes).await, "=a,b");
    assert_eq!(next(&mut changes).await, "+c");
    assert_eq!(versions(&server), ["100"]);
}

#[tokio::test]
async fn a_watch_that_ends_is_taken_up_where_it_stopped() {
    let server = script(
        |_| list("VirtualMachineInstance", &[]),
        |n| match n {
            0 => Answer::Lines(vec![event("ADDED", &vmi("a", "108"))]),
            1 => Answer::Lines(vec![bookmark("112")]),
            2 => Answer::Drop,
            3 => status(503, "ServiceUnavailable", "restarting"),
            _ => Answer::Open(vec![event("ADDED", &vmi("b", "113"))]),
        },
    )
    .await;
    let mut changes = vmis(&server.cluster().await, "shop", None);
    assert_eq!(next(&mut changes).await, "=");
    assert_eq!(next(&mut changes).await, "+a");
    assert_eq!(next(&mut changes).await, "+b");
    assert_eq!(versions(&server), ["100", "108", "112", "112", "112"]);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_followed_by_a_new_list() {
    for inside in [false, true] {
        let server = script(
            |_| list("VirtualMachineInstance", &[vmi("a", "90")]),
            move |n| match n {
                0 if inside => Answer::Lines(vec![event(
                    "ERROR",
                    &status_body(410, "Expired", "too old resource version"),
                )]),
                0 => status(410, "Gone", "too old resource version"),
                _ => Answer::Open(vec![event("MODIFIED", &vmi("a", "101"))]),
            },
        )
        .await;
        let mut changes = vmis(&server.cluster().await, "shop", None);
        assert_eq!(next(&mut changes).await, "=a");
        assert_eq!(next(&mut changes).await, "=a");
        assert_eq!(next(&mut changes).await, "+a");
        assert_eq!(versions(&server), ["100", "100"]);
    }
}

#[tokio::test]
async fn a_refusal_is_the_end() {
    let server = script(
        |_| list("VirtualMachineInstance", &[]),
        |_| status(403, "Forbidden", "cannot watch"),
    )
    .await;
    let mut changes = vmis(&server.cluster().await, "shop", None);
    assert_eq!(next(&mut changes).await, "=");
    let error = changes.next().await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Forbidden, "Error from server (Forbidden): cannot watch")
    );
    assert!(changes.next().await.is_none());
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_watch_that_a_server_ends_at_once_is_not_reopened_in_a_loop() {
    let server = script(
        |_| list("VirtualMachineInstance", &[]),
        |n| match n {
            0..3 => Answer::Lines(vec![]),
            _ => Answer::Open(vec![event("ADDED", &vmi("a", "108"))]),
        },
    )
    .await;
    let cluster = server.cluster().await;
    let began = Instant::now();
    let mut changes = vmis(&cluster, "shop", None);
    assert_eq!(next(&mut changes).await, "=");
    assert_eq!(next(&mut changes).await, "+a");
    // Pauses of at least 100, 200 and 400 ms.
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    assert_eq!(versions(&server), ["100"; 4]);
}
