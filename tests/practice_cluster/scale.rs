//! A thousand VMs, and the same world from the same seed.

use kube::api::ListParams;
use serde_json::Value;
use vmchaos_rehearsal::{Options, Practice};

use super::support::{client, cluster_with, virt};

#[tokio::test]
async fn a_thousand_vms_are_listed_and_restarted() {
    let (practice, client) = cluster_with(Options {
        vms: 1000,
        nodes: 10,
        ..Options::default()
    })
    .await;
    let resource = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
        "kubevirt.io",
        "v1",
        "VirtualMachineInstance",
    ));
    let vmis: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(client, "load", &resource);
    assert_eq!(vmis.list(&ListParams::default()).await.unwrap().items.len(), 1000);
    assert!(
        practice
            .qdiscs("load", "load-1000")
            .iter()
            .any(|(device, _)| device == "tap0")
    );
    practice.restart_vmi("load", "load-0500").await.unwrap();
}

#[tokio::test]
async fn the_same_seed_makes_the_same_world() {
    let uids = async |seed: u64| {
        let practice = Practice::start(Options {
            seed,
            ..Options::default()
        })
        .await
        .unwrap();
        practice
            .list("Pod", "")
            .iter()
            .map(|pod| pod.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let (one, same, other) = (uids(7).await, uids(7).await, uids(8).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[tokio::test]
async fn without_kubevirt_its_kinds_are_not_there() {
    let (practice, _) = cluster_with(Options {
        kubevirt: false,
        ..Options::default()
    })
    .await;
    let client = client(&practice).await;
    let refused = virt(&client, "VirtualMachineInstance")
        .list(&ListParams::default())
        .await;
    assert_eq!(practice.requests().last().unwrap().code, 404);
    assert!(refused.is_err());
    assert!(
        !client
            .list_api_groups()
            .await
            .unwrap()
            .groups
            .iter()
            .any(|group| group.name == "kubevirt.io")
    );
}
