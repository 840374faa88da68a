//! Clients and pods of a practice cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    api::DynamicObject,
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use vmchaos_rehearsal::{Options, Practice};

/// Longer than anything here takes on a busy machine; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A small and fast cluster, and a client of it.
pub(crate) async fn cluster() -> (Practice, Client) {
    cluster_with(Options::default()).await
}

/// A cluster with options, and a client of it.
pub(crate) async fn cluster_with(options: Options) -> (Practice, Client) {
    let practice = Practice::start(options).await.unwrap();
    let client = client(&practice).await;
    (practice, client)
}

/// A client by the kubeconfig, without kube's own retries: every error is seen.
pub(crate) async fn client(practice: &Practice) -> Client {
    client_as(practice, None).await
}

/// A client that impersonates somebody.
pub(crate) async fn client_as(practice: &Practice, user: Option<&str>) -> Client {
    let kubeconfig = Kubeconfig::read_from(practice.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.default_retry = false;
    config.auth_info.impersonate = user.map(str::to_owned);
    Client::try_from(config).unwrap()
}

/// VMIs of the namespace `default`.
pub(crate) fn vmis(client: &Client) -> Api<DynamicObject> {
    virt(client, "VirtualMachineInstance")
}

/// Objects of one of `KubeVirt`'s kinds in the namespace `default`.
pub(crate) fn virt(client: &Client, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("kubevirt.io", "v1", kind));
    Api::default_namespaced_with(client.clone(), &resource)
}

/// The status of an API error.
pub(crate) fn status(error: kube::Error) -> kube::core::Status {
    match error {
        kube::Error::Api(status) => *status,
        other => panic!("not an answer of the API: {other}"),
    }
}

/// A pod that only waits.
pub(crate) fn pod(name: &str) -> Pod {
    object(json!({
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "example.com/sleeper:1"}]},
    }))
}

/// JSON as a typed object.
pub(crate) fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
