//! Clients of a practice cluster.

use std::time::Duration;

use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject},
    config::{KubeConfigOptions, Kubeconfig},
    core::GroupVersionKind,
};
use kubectl_vmchaos::rehearsal::{Options, Practice};

/// Longer than anything here takes on a busy machine; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A small and fast cluster, and a client of it.
pub async fn cluster() -> (Practice, Client) {
    cluster_with(Options::default()).await
}

/// A cluster with options, and a client of it.
pub async fn cluster_with(options: Options) -> (Practice, Client) {
    let practice = Practice::start(options).await.unwrap();
    let client = client(&practice).await;
    (practice, client)
}

/// A client by the kubeconfig, without kube's own retries: every error is seen.
pub async fn client(practice: &Practice) -> Client {
    let kubeconfig = Kubeconfig::read_from(practice.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// VMIs of the namespace `default`.
pub fn vmis(client: &Client) -> Api<DynamicObject> {
    virt(client, "VirtualMachineInstance")
}

/// Objects of one of KubeVirt's kinds in the namespace `default`.
pub fn virt(client: &Client, kind: &str) -> Api<DynamicObject> {
    Api::default_namespaced_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk("kubevirt.io", "v1", kind)),
    )
}

/// The status of an API error.
pub fn status(error: kube::Error) -> kube::core::Status {
    match error {
        kube::Error::Api(status) => *status,
        other => panic!("not an answer of the API: {other}"),
    }
}
