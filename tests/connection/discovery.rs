//! How few requests finding takes, and what is made of refusals.

use kubectl_vmchaos::testing::cluster::{Found, NamedTarget, Selection, find};
use kubectl_vmchaos::testing::fault::full_match;
use serde_json::{Value, json};

use crate::support::http::{Answer, Recorded, Server, list, not_found, status};

pub(super) const VMIS: &str = "/apis/kubevirt.io/v1/namespaces/shop/virtualmachineinstances";
const PODS: &str = "/api/v1/namespaces/shop/pods";
/// Where virt-handler and virt-controller say what a launcher runs.
const KUBEVIRTS_PODS: &str = "/api/v1/namespaces/kubevirt/pods";

pub(super) fn vmi(namespace: &str, name: &str) -> Value {
    let text = include_str!("../fixtures/kubevirt-1.9/vmi-running.json");
    let mut vmi: Value = serde_json::from_str(text).unwrap();
    vmi["metadata"]["name"] = json!(name);
    vmi["metadata"]["namespace"] = json!(namespace);
    vmi["metadata"]["uid"] = json!(format!("uid-{namespace}-{name}"));
    vmi
}

fn pod(namespace: &str, vmi: &str) -> Value {
    let text = include_str!("../fixtures/kubevirt-1.9/pod-virt-launcher.json");
    let mut pod: Value = serde_json::from_str(text).unwrap();
    let uid = json!(format!("uid-{namespace}-{vmi}"));
    pod["metadata"]["name"] = json!(format!("virt-launcher-{vmi}-abcde"));
    pod["metadata"]["namespace"] = json!(namespace);
    pod["metadata"]["labels"]["kubevirt.io/created-by"] = uid.clone();
    pod["metadata"]["ownerReferences"][0]["uid"] = uid;
    pod["metadata"]["ownerReferences"][0]["name"] = json!(vmi);
    pod
}

/// A cluster with VMIs `web-2`, `web-1` and `db-1` in `shop` and `web-1` in `team-a`, and one node.
pub(super) fn world(request: &Recorded) -> Answer {
    let all = [
        ("shop", "web-2"),
        ("shop", "web-1"),
        ("shop", "db-1"),
        ("team-a", "web-1"),
    ];
    let of = |namespace: &'static str| all.iter().filter(move |(at, _)| *at == namespace);
    let vmis = |entries: Vec<&(&str, &str)>| {
        list(
            "VirtualMachineInstance",
            &entries.iter().map(|(at, name)| vmi(at, name)).collect::<Vec<_>>(),
        )
    };
    let pods = |entries: Vec<&(&str, &str)>| {
        list(
            "Pod",
            &entries.iter().map(|(at, name)| pod(at, name)).collect::<Vec<_>>(),
        )
    };
    match request.path.as_str() {
        VMIS => vmis(of("shop").collect()),
        PODS => pods(of("shop").collect()),
        "/apis/kubevirt.io/v1/virtualmachineinstances" => vmis(all.iter().collect()),
        "/api/v1/pods" => pods(all.iter().collect()),
        "/apis/kubevirt.io/v1/kubevirts" => list(
            "KubeVirt",
            &[json!({ "metadata": { "name": "kubevirt", "namespace": "kubevirt" } })],
        ),
        "/api/v1/nodes" => list(
            "Node",
            &[
                json!({ "metadata": { "name": "node01" }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }),
            ],
        ),
        path if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
            let name = path.rsplit('/').next().unwrap();
            if name == "nowhere" {
                not_found("namespaces", name)
            } else {
                Answer::Json(
                    200,
                    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
                )
            }
        }
        path => match path.strip_prefix(&format!("{VMIS}/")) {
            Some(name) if all.contains(&("shop", name)) => Answer::Json(200, vmi("shop", name)),
            Some(name) => not_found("virtualmachineinstances.kubevirt.io", name),
            None if path.ends_with("/virtualmachines/stopped") => Answer::Json(
                200,
                json!({ "metadata": { "name": "stopped" }, "status": { "printableStatus": "Stopped" } }),
            ),
            None if path.contains("/virtualmachines/") => not_found("virtualmachines.kubevirt.io", "x"),
            None => list("Any", &[]),
        },
    }
}

pub(super) fn named(names: &[&str]) -> Selection {
    Selection {
        names: names
            .iter()
            .map(|name| NamedTarget {
                namespace: None,
                name: (*name).to_owned(),
            })
            .collect(),
        ..Selection::default()
    }
}

pub(super) fn keys(found: &Found) -> Vec<String> {
    found
        .fit
        .iter()
        .map(kubectl_vmchaos::testing::fault::Target::key)
        .collect()
}

pub(super) async fn found(server: &Server, selection: &Selection) -> Found {
    find(&server.cluster().await, selection, &[]).await.unwrap()
}

#[tokio::test]
async fn a_namespace_takes_one_list_of_each_kind() {
    let server = Server::start(world).await;
    let found = found(&server, &Selection::default()).await;
    assert_eq!(keys(&found), ["shop/db-1", "shop/web-1", "shop/web-2"]);
    let mut lines = server.lines();
    lines.sort();
    let kubevirts = "GET /apis/kubevirt.io/v1/kubevirts".to_owned();
    assert_eq!(
        lines,
        [
            format!("GET {KUBEVIRTS_PODS}"),
            "GET /api/v1/namespaces/shop/pods".to_owned(),
            "GET /api/v1/nodes".to_owned(),
            kubevirts,
            format!("GET {VMIS}")
        ]
    );
    let query = |path: &str| {
        let requests = server.requests();
        requests.into_iter().find(|request| request.path == path).unwrap()
    };
    let pods = query(PODS);
    assert!(pods.has("labelSelector=kubevirt.io%3Dvirt-launcher"), "{}", pods.query);
    let pods = query(KUBEVIRTS_PODS);
    let components = "labelSelector=kubevirt.io+in+%28virt-handler%2Cvirt-controller%29";
    assert!(pods.has(components), "{}", pods.query);
}

#[tokio::test]
async fn all_namespaces_take_one_list_of_each_kind() {
    let server = Server::start(world).await;
    let selection = Selection {
        target: full_match("web-.*").ok(),
        namespaces: full_match("team-.*|shop").ok(),
        exclude: full_match("web-2").ok(),
        ..Selection::default()
    };
    assert_eq!(keys(&found(&server, &selection).await), ["shop/web-1", "team-a/web-1"]);
    assert_eq!(server.lines().len(), 5);
}

#[tokio::test]
async fn a_selector_is_left_to_the_server() {
    let server = Server::start(world).await;
    found(
        &server,
        &Selection {
            selector: Some("app=web,tier!=db".into()),
            ..Selection::default()
        },
    )
    .await;
    let vmis = server
        .requests()
        .into_iter()
        .find(|request| request.path == VMIS)
        .unwrap();
    assert!(vmis.has("labelSelector=app%3Dweb%2Ctier%21%3Ddb"), "{}", vmis.query);
}

#[tokio::test]
async fn one_name_is_got_and_several_are_listed() {
    let server = Server::start(world).await;
    assert_eq!(keys(&found(&server, &named(&["web-1"])).await), ["shop/web-1"]);
    assert_eq!(
        (
            server.count(&format!("GET {VMIS}/web-1")),
            server.count(&format!("GET {VMIS}"))
        ),
        (1, 0)
    );

    let server = Server::start(world).await;
    assert_eq!(
        keys(&found(&server, &named(&["web-2", "web-1", "web-2"])).await),
        ["shop/web-1", "shop/web-2"]
    );
    assert_eq!(server.lines().len(), 5);
}

#[tokio::test]
async fn whoever_may_not_list_can_still_name() {
    let server = Server::start(|request| {
        if request.path == VMIS {
            status(403, "Forbidden", "virtualmachineinstances is forbidden")
        } else {
            world(request)
        }
    })
    .await;
    assert_eq!(
        keys(&found(&server, &named(&["web-1", "web-2"])).await),
        ["shop/web-1", "shop/web-2"]
    );
    let error = find(&server.cluster().await, &Selection::default(), &[])
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "Error from server (Forbidden): virtualmachineinstances is forbidden"
    );
    assert!(error.hint.unwrap().to_string().contains("kubectl vmchaos check"));
}

#[tokio::test]
async fn nodes_and_the_kubevirt_object_may_be_forbidden() {
    let server = Server::start(|request| match request.path.as_str() {
        "/api/v1/nodes" | "/apis/kubevirt.io/v1/kubevirts" => status(403, "Forbidden", "no"),
        _ => world(request),
    })
    .await;
    assert_eq!(found(&server, &Selection::default()).await.fit.len(), 3);
}

#[tokio::test]
async fn a_name_that_is_excluded_is_neither_asked_for_nor_missed() {
    let server = Server::start(world).await;
    let one = Selection {
        exclude: full_match("web-1|stopped").ok(),
        ..named(&["web-1", "web-2", "stopped"])
    };
    let left = found(&server, &one).await;
    assert_eq!(keys(&left), ["shop/web-2"]);
    assert!(left.missing.is_empty() && left.unfit.is_empty());
    assert_eq!(server.count(&format!("GET {VMIS}/web-2")), 1);
    assert_eq!(server.count(&format!("GET {VMIS}")), 0);

    // Nothing is left of what was named: that is not the same as naming nothing.
    let none = Selection {
        exclude: full_match(".*").ok(),
        ..named(&["web-1"])
    };
    let left = found(&server, &none).await;
    assert!(left.fit.is_empty() && left.unfit.is_empty() && left.missing.is_empty());
}
