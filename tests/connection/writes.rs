//! Permission reviews, the choice of a namespace for debug pods, and Events.

use k8s_openapi::api::core::v1::Pod;
use kubectl_vmchaos::testing::cluster::access::{Places, Verdict, review};
use kubectl_vmchaos::testing::cluster::events::{Happened, Recorder, Regarding};
use kubectl_vmchaos::testing::cluster::pod_namespace::{Own, PodNamespaces};
use kubectl_vmchaos::testing::cluster::{ErrorKind, pod_admission};
use kubectl_vmchaos::testing::faults::packets::permissions::VM_PACKETS;
use kubectl_vmchaos::testing::permissions::missing::missing_rbac;
use serde_json::{Value, json};

use crate::support::http::{Answer, Server, status};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn created(body: &Value) -> Answer {
    Answer::Json(201, body.clone())
}

fn debug_pod() -> Pod {
    serde_json::from_value(json!({ "metadata": { "name": "vmchaos-k3f9ab-0" } })).unwrap()
}

fn target() -> Regarding {
    Regarding::new("shop", "web-1", "u-1")
}

fn namespaces(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn places<'a>(vmis: &'a [String], pods: &'a str) -> Places<'a> {
    Places {
        vmis,
        pods,
        kubevirt: Some("kubevirt"),
    }
}

#[tokio::test]
async fn permissions_are_asked_for_one_by_one_and_the_missing_ones_are_written_down() {
    let server = Server::start(|request| {
        let mut answer = request.body.clone();
        let asked = &request.body["spec"]["resourceAttributes"];
        answer["status"] = match (asked["resource"].as_str(), asked["verb"].as_str()) {
            (Some("pods"), Some("create")) => json!({ "allowed": false, "reason": "no \u{1b}[31mrole" }),
            (Some("nodes"), _) => json!({ "allowed": false, "evaluationError": "webhook timed out" }),
            _ => json!({ "allowed": true }),
        };
        created(&answer)
    })
    .await;
    let shop = namespaces(&["shop"]);
    let reviewed = review(&server.cluster().await, VM_PACKETS, places(&shop, "vmchaos")).await;
    assert_eq!(server.count(&format!("POST {REVIEWS}")), reviewed.len());

    let verdict = |line: &str| {
        &reviewed
            .iter()
            .find(|access| access.can_i().to_string() == line)
            .unwrap()
            .verdict
    };
    assert_eq!(
        verdict("kubectl auth can-i create pods -n vmchaos"),
        &Verdict::Denied("no \\u{1b}[31mrole".into())
    );
    assert_eq!(
        verdict("kubectl auth can-i list nodes"),
        &Verdict::Unknown("webhook timed out".into())
    );
    assert_eq!(
        verdict("kubectl auth can-i list virtualmachineinstances.kubevirt.io -n shop"),
        &Verdict::Allowed
    );
    let rbac = missing_rbac("netem", &reviewed).unwrap();
    for resource in ["pods", "pods/attach"] {
        let rule = format!("resources:\n  - {resource}\n  verbs:\n  - create\n");
        assert!(rbac.contains(&rule), "{rbac}");
    }
    assert!(!rbac.contains("nodes"), "{rbac}");
}

#[tokio::test]
async fn a_server_that_does_not_review_leaves_it_open() {
    let server = Server::start(|_| status(403, "Forbidden", "no reviews")).await;
    let shop = namespaces(&["shop"]);
    let reviewed = review(&server.cluster().await, &VM_PACKETS[..1], places(&shop, "shop")).await;
    assert_eq!(
        reviewed[0].verdict,
        Verdict::Unknown("Error from server (Forbidden): no reviews".into())
    );
    assert!(!reviewed[0].blocks());
}

#[tokio::test]
async fn the_first_namespace_that_admits_the_pod_is_taken_without_writing() {
    let server = Server::start(|request| match request.path.as_str() {
        "/api/v1/namespaces/vmchaos/pods" => status(404, "NotFound", "namespaces \"vmchaos\" not found"),
        "/api/v1/namespaces/kubevirt/pods" => created(&request.body),
        _ => status(403, "Forbidden", "not asked for"),
    })
    .await;
    let namespaces = PodNamespaces::new(None, Own::Labelled, Ok(Some("kubevirt")));
    let chosen = pod_admission::choose(&server.cluster().await, &debug_pod(), &namespaces)
        .await
        .unwrap();
    assert_eq!(chosen, "kubevirt");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "all are asked at once");
    for request in &requests {
        assert!(request.has("dryRun=All") && request.has("fieldManager=kubectl-vmchaos"));
        let namespace = request.body["metadata"]["namespace"].as_str().unwrap();
        assert_eq!(request.path, format!("/api/v1/namespaces/{namespace}/pods"));
    }
}

#[tokio::test]
async fn a_refusal_by_pod_security_is_told_with_the_way_out() {
    let words = "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": privileged";
    let server = Server::start(move |_| status(403, "Forbidden", words)).await;
    let cluster = server.cluster().await;
    let error = pod_admission::admits(&cluster, &debug_pod(), "shop").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert_eq!(
        error.message,
        format!("debug pods are not admitted to namespace shop: Error from server (Forbidden): {words}")
    );
    assert!(error.hint.unwrap().to_string().contains("kubectl label namespace shop"));
}

#[tokio::test]
async fn without_credentials_the_namespaces_are_not_to_blame() {
    let server = Server::start(|_| status(401, "Unauthorized", "Unauthorized")).await;
    let namespaces = PodNamespaces::new(None, Own::Labelled, Ok(Some("kubevirt")));
    let error = pod_admission::choose(&server.cluster().await, &debug_pod(), &namespaces)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(!error.message.contains("not admitted"), "{}", error.message);
}

#[tokio::test]
async fn an_event_is_left_on_the_vmi() {
    let server = Server::start(|request| created(&request.body)).await;
    let recorder = Recorder::new(server.cluster().await, "k3f9ab", "netem", server.sink());
    recorder
        .record(&target(), Happened::Injected, "delay 100ms for 120s")
        .await;
    let requests = server.requests();
    assert_eq!(requests[0].line(), "POST /apis/events.k8s.io/v1/namespaces/shop/events");
    let mut event = requests[0].body.clone();
    assert!(event["reportingInstance"].as_str().unwrap().contains('@'));
    assert!(event["eventTime"].as_str().unwrap().ends_with('Z'));
    let fields = event.as_object_mut().unwrap();
    fields.remove("reportingInstance");
    fields.remove("eventTime");
    assert_eq!(
        event,
        json!({ "apiVersion": "events.k8s.io/v1", "kind": "Event", "action": "Inject",
            "metadata": { "generateName": "web-1-", "namespace": "shop",
                "labels": { "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem" } },
            "note": "delay 100ms for 120s", "reason": "VMChaosInjected",
            "regarding": { "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "web-1",
                "namespace": "shop", "uid": "u-1" },
            "reportingController": "kubectl-vmchaos", "type": "Warning" })
    );
}

#[tokio::test]
async fn events_that_cannot_be_left_are_told_once() {
    let server = Server::start(|_| status(403, "Forbidden", "cannot create events")).await;
    let recorder = Recorder::new(server.cluster().await, "k3f9ab", "netem", server.sink());
    recorder.record(&target(), Happened::Injected, "a").await;
    recorder.record(&target(), Happened::Restored, "b").await;
    assert_eq!(
        server.warnings(),
        ["no Event is left on the VMIs: Error from server (Forbidden): cannot create events"]
    );
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn the_server_says_who_we_are() {
    let server = Server::start(|request| {
        let mut answer = request.body.clone();
        answer["status"] = json!({ "userInfo": { "username": "jane@corp\u{202e}" } });
        created(&answer)
    })
    .await;
    assert_eq!(server.cluster().await.whoami().await.unwrap(), "jane@corp\\u{202e}");
    assert_eq!(
        server.lines(),
        ["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"]
    );

    let old = Server::start(|_| Answer::Json(404, Value::String("404 page not found".into()))).await;
    let error = old.cluster().await.whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}
