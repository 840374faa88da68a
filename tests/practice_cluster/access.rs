//! Who may do what, and what is let in.

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::Pod,
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use serde_json::json;
use vmchaos_rehearsal::Grant;

use super::support::{client, client_as, cluster, object, status};

async fn may(client: &Client, verb: &str, resource: &str, subresource: &str, namespace: &str) -> bool {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let attributes = ResourceAttributes {
        verb: text(verb),
        resource: text(resource),
        subresource: text(subresource),
        namespace: text(namespace),
        ..Default::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            non_resource_attributes: None,
        },
        ..Default::default()
    };
    let answer = Api::<SelfSubjectAccessReview>::all(client.clone())
        .create(&PostParams::default(), &review)
        .await
        .unwrap();
    answer.status.unwrap().allowed
}

#[tokio::test]
async fn a_review_and_the_request_agree() {
    let (practice, client) = cluster().await;
    assert!(may(&client, "list", "pods", "", "").await);
    practice.forbid("list", "", "pods", "", "shop");
    assert!(!may(&client, "list", "pods", "", "shop").await);
    assert!(!may(&client, "list", "pods", "", "").await);
    assert!(may(&client, "list", "pods", "", "default").await);
    let everywhere = Api::<Pod>::all(client.clone()).list(&ListParams::default()).await;
    assert_eq!(
        status(everywhere.unwrap_err()).message,
        "pods is forbidden: User \"rehearsal-admin\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    );
    assert!(
        Api::<Pod>::default_namespaced(client.clone())
            .list(&ListParams::default())
            .await
            .is_ok()
    );
    practice.allow_only(vec![Grant::new("get", "", "pods", "default")]);
    assert!(!may(&client, "create", "pods", "attach", "default").await);
}

#[tokio::test]
async fn impersonation_changes_who_is_named() {
    let (practice, _client) = cluster().await;
    practice.forbid("get", "", "nodes", "", "*");
    let jane = client_as(&practice, Some("jane")).await;
    let refused = Api::<k8s_openapi::api::core::v1::Node>::all(jane).get("node-1").await;
    assert_eq!(
        status(refused.unwrap_err()).message,
        "nodes \"node-1\" is forbidden: User \"jane\" cannot get resource \"nodes\" in API group \"\" at the cluster scope"
    );
    assert_eq!(practice.requests().last().unwrap().user, "jane");
}

#[tokio::test]
async fn a_wrong_token_is_nobody() {
    let (practice, _client) = cluster().await;
    let text = std::fs::read_to_string(practice.kubeconfig())
        .unwrap()
        .replace(practice.token(), "wrong");
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
        .await
        .unwrap();
    let refused = Api::<Pod>::default_namespaced(Client::try_from(config).unwrap())
        .list(&ListParams::default())
        .await;
    assert_eq!(
        (
            status(refused.unwrap_err()).code,
            practice.requests().last().unwrap().code
        ),
        (401, 401)
    );
}

#[tokio::test]
async fn pod_security_refuses_privileged_pods_in_a_dry_run_too() {
    let (practice, _client) = cluster().await;
    let client = client(&practice).await;
    let pods: Api<Pod> = Api::namespaced(client, "payments");
    let debug: Pod = object(
        json!({"metadata": {"name": "debug"}, "spec": {"hostPID": true, "containers": [{"name": "agent", "image": "x", "securityContext": {"privileged": true}}]}}),
    );
    let dry = PostParams {
        dry_run: true,
        field_manager: None,
    };
    let refused = status(pods.create(&dry, &debug).await.unwrap_err());
    assert_eq!(
        refused.message,
        "pods \"debug\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true), privileged (container \"agent\" must not set securityContext.privileged=true)"
    );
    practice.admission_deny("payments", "privileged");
    assert!(pods.create(&dry, &debug).await.is_ok());
    practice.webhook_deny("validate.kyverno.svc-fail", "pods", "payments", "no debug pods here");
    let refused = status(pods.create(&dry, &debug).await.unwrap_err());
    assert_eq!(
        refused.message,
        "admission webhook \"validate.kyverno.svc-fail\" denied the request: no debug pods here"
    );
}
