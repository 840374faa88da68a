//! The client against the practice cluster: finding, permissions, admission, watches.
// A helper that fails fails its test; clippy exempts only the test functions themselves.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kubectl_vmchaos::testing::cluster::pod_namespace::PodNamespaces;
use kubectl_vmchaos::testing::cluster::watch::{Change, Changes, vmis};
use kubectl_vmchaos::testing::cluster::{
    Cluster, Connection, ErrorKind, NamedTarget, Selection, VirtualMachineInstance, access, find, pod_admission, survey,
};
use kubectl_vmchaos::testing::fault::full_match;
use kubectl_vmchaos::testing::faults::packets::permissions::VM_PACKETS;
use kubectl_vmchaos::testing::permissions::missing;
use serde_json::json;
use vmchaos_rehearsal::{Answer, Options, Practice, Rule};

/// Longer than anything here takes on a busy machine; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn practice() -> (Practice, Cluster) {
    let practice = Practice::start(Options::default()).await.unwrap();
    let connection = Connection {
        kubeconfig: Some(practice.kubeconfig().to_owned()),
        ..Connection::default()
    };
    let cluster = Cluster::connect(&connection, Arc::new(|_: &str| {})).await.unwrap();
    (practice, cluster)
}

fn in_namespace(namespace: &str) -> Selection {
    Selection {
        namespace: Some(namespace.to_owned()),
        ..Selection::default()
    }
}

fn named(namespace: &str, name: &str) -> Selection {
    let target = NamedTarget {
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    Selection {
        names: vec![target],
        ..Selection::default()
    }
}

fn debug_pod() -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "vmchaos-k3f9ab-0" },
        "spec": { "hostPID": true, "nodeName": "node-1", "restartPolicy": "Never",
            "containers": [{ "name": "agent", "image": "x", "securityContext": { "privileged": true } }] }
    }))
    .unwrap()
}

#[tokio::test]
async fn every_binding_is_judged() {
    let (_practice, cluster) = practice().await;
    let rows = survey(&cluster, &in_namespace("lab"), &[], None).await.unwrap().rows;
    let told: Vec<String> = rows
        .iter()
        .map(|row| match &row.fault {
            Ok(target) => {
                let taps: Vec<&str> = target
                    .interfaces
                    .iter()
                    .map(|interface| interface.tap.as_str())
                    .collect();
                format!("{} {}", row.name, taps.join(","))
            }
            Err(unfit) => format!("{} {}", row.name, unfit.reason),
        })
        .collect();
    assert_eq!(
        told,
        [
            "lone-1 tap0",
            "passt-1 has no interface a fault can be put on: default (plugin passt): passt has no tap: it opens sockets on the pod's network",
            "paused-1 is paused",
            "pinned-1 tap0",
            "probe-1 tap0",
            "router-1 tap0",
            "starting-1 is not running (phase Scheduling)",
            "vf-1 has no interface a fault can be put on: uplink (sriov): an SR-IOV device bypasses the pod's network",
        ]
    );
    let probe = rows.iter().find(|row| row.name == "probe-1").unwrap();
    assert_eq!(probe.bindings, ["masquerade", "plugin macvtap"]);
}

#[tokio::test]
async fn devices_of_the_bindings_that_have_a_tap() {
    let (_practice, cluster) = practice().await;
    let everywhere = Selection {
        all_namespaces: true,
        target: full_match("web-1|db-1|queue-1|pay-2").ok(),
        ..Selection::default()
    };
    let found = find(&cluster, &everywhere, &[]).await.unwrap();
    let devices: Vec<String> = found
        .fit
        .iter()
        .flat_map(|target| {
            target.interfaces.iter().map(|interface| {
                let (tap, bridge, uplink) = (&interface.tap, &interface.bridge, &interface.uplink);
                format!("{} {} {tap} {bridge} {uplink}", target.key(), interface.binding)
            })
        })
        .collect();
    assert_eq!(
        devices,
        [
            "default/db-1 bridge tap0 k6t-eth0 eth0-nic",
            "default/queue-1 managedTap tap0 k6t-eth0 eth0-nic",
            "default/web-1 masquerade tap0 k6t-eth0 eth0",
            "payments/pay-2 masquerade tap0 k6t-eth0 eth0",
            "payments/pay-2 bridge tap49a25f9feef k6t-49a25f9feef 49a25f9feef-nic",
        ]
    );
    for target in &found.fit {
        assert_eq!(
            target.launcher.container_id.as_ref().map(String::len),
            Some(64),
            "{}",
            target.key()
        );
    }
}

#[tokio::test]
async fn a_stopped_vm_a_missing_one_and_a_missing_namespace() {
    let (_practice, cluster) = practice().await;
    let found = find(&cluster, &named("lab", "stopped-1"), &[]).await.unwrap();
    assert_eq!(found.unfit[0].0.reason, "is not running (VM is Stopped)");
    let found = find(&cluster, &named("lab", "nope"), &[]).await.unwrap();
    assert_eq!(
        found.missing,
        ["virtualmachineinstances.kubevirt.io \"nope\" not found in namespace \"lab\""]
    );
    let error = find(&cluster, &in_namespace("nowhere"), &[]).await.unwrap_err();
    assert_eq!(error.message, "namespaces \"nowhere\" not found");
}

#[tokio::test]
async fn a_vmi_is_left_alone_while_it_migrates() {
    let (practice, cluster) = practice().await;
    let changed = practice.edit("VirtualMachineInstance", "default", "web-1", |vmi| {
        vmi["status"]["migrationState"] = json!({ "migrationUid": "m", "targetNode": "node-9" });
    });
    assert!(changed);
    let found = find(&cluster, &named("default", "web-1"), &[]).await.unwrap();
    let reason = &found.unfit[0].0.reason;
    assert!(
        reason.starts_with("is migrating from node-") && reason.ends_with(" to node-9"),
        "{reason}"
    );
}

#[tokio::test]
async fn after_a_migration_the_new_pod_is_found() {
    let (practice, cluster) = practice().await;
    let before = find(&cluster, &named("default", "web-1"), &[])
        .await
        .unwrap()
        .fit
        .remove(0);
    practice.migrate("default", "web-1", None).await.unwrap();
    let after = find(&cluster, &named("default", "web-1"), &[])
        .await
        .unwrap()
        .fit
        .remove(0);
    assert_ne!(after.node, before.node);
    assert_ne!(after.launcher.uid, before.launcher.uid);
    assert_eq!(after.uid, before.uid);
}

#[tokio::test]
async fn a_node_that_is_not_ready_takes_its_vms_out() {
    let (practice, cluster) = practice().await;
    let node = find(&cluster, &named("default", "web-1"), &[])
        .await
        .unwrap()
        .fit
        .remove(0)
        .node;
    practice.node_not_ready(&node);
    let found = find(&cluster, &named("default", "web-1"), &[]).await.unwrap();
    assert_eq!(
        found.unfit[0].0.reason,
        format!("is on node {node}, which is not Ready")
    );
}

#[tokio::test]
async fn a_cluster_without_kubevirt() {
    let practice = Practice::start(Options {
        kubevirt: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let connection = Connection {
        kubeconfig: Some(practice.kubeconfig().to_owned()),
        ..Connection::default()
    };
    let cluster = Cluster::connect(&connection, Arc::new(|_: &str| {})).await.unwrap();
    for selection in [Selection::default(), named("default", "web-1")] {
        let error = find(&cluster, &selection, &[]).await.unwrap_err();
        assert_eq!(error.message, "the server doesn't have a resource type \"vmi\"");
    }
}

#[tokio::test]
async fn what_is_forbidden_is_what_the_review_says_is_missing() {
    let (practice, cluster) = practice().await;
    let namespaces = ["default".to_owned()];
    let places = access::Places {
        vmis: &namespaces,
        pods: "kubevirt",
        kubevirt: Some("kubevirt"),
    };
    let all = access::review(&cluster, VM_PACKETS, places).await;
    assert!(all.iter().all(|one| one.verdict == access::Verdict::Allowed), "{all:?}");
    assert_eq!(missing::missing_rbac("netem", &all), None);

    practice.forbid("create", "", "pods", "attach", "kubevirt");
    practice.forbid("list", "kubevirt.io", "virtualmachineinstances", "", "default");
    let reviewed = access::review(&cluster, VM_PACKETS, places).await;
    let missing: Vec<String> = reviewed
        .iter()
        .filter(|access| access.blocks())
        .map(|access| access.can_i().to_string())
        .collect();
    assert_eq!(
        missing,
        [
            "kubectl auth can-i list virtualmachineinstances.kubevirt.io -n default",
            "kubectl auth can-i create pods/attach -n kubevirt",
        ]
    );
    let error = find(&cluster, &Selection::default(), &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    // Naming needs get alone.
    assert_eq!(
        find(&cluster, &named("default", "web-1"), &[]).await.unwrap().fit.len(),
        1
    );
}

#[tokio::test]
async fn debug_pods_go_where_they_are_admitted_and_nothing_is_left_of_the_question() {
    let (practice, cluster) = practice().await;
    let namespaces = PodNamespaces::read(&cluster, None).await;
    let chosen = pod_admission::choose(&cluster, &debug_pod(), &namespaces)
        .await
        .unwrap();
    assert_eq!(chosen, "kubevirt");

    practice.admission_deny("kubevirt", "baseline");
    let error = pod_admission::choose(&cluster, &debug_pod(), &namespaces)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("kubevirt: "), "{}", error.message);
    assert!(error.message.contains("violates PodSecurity"), "{}", error.message);
    assert!(
        error
            .hint
            .unwrap()
            .to_string()
            .contains("pod-security.kubernetes.io/enforce=privileged")
    );
    for namespace in ["vmchaos", "kubevirt", "default"] {
        assert!(
            practice.get("Pod", namespace, "vmchaos-k3f9ab-0").is_none(),
            "{namespace}"
        );
    }
}

#[tokio::test]
async fn the_server_knows_us() {
    let (_practice, cluster) = practice().await;
    assert_eq!(cluster.context, "vmchaos-rehearsal");
    assert!(!cluster.whoami().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_watch_lives_through_cuts_and_versions_that_are_too_old() {
    let (practice, cluster) = practice().await;
    let mut changes = vmis(&cluster, "default", Some("web-1"));
    assert!(matches!(next(&mut changes).await, Change::Listed(all) if all.len() == 1));
    let paused = |change: &Change<VirtualMachineInstance>| match change {
        Change::Applied(vmi) => vmi.is_paused(),
        Change::Listed(all) => all.iter().any(VirtualMachineInstance::is_paused),
        Change::Deleted(_) => false,
    };
    practice.fail(Rule::new("watch", "virtualmachineinstances", Answer::Drop).unwrap());
    practice.pause("default", "web-1", true);
    while !paused(&next(&mut changes).await) {}

    // The version of the list is one that the server has forgotten when the watch begins.
    practice.fail(
        Rule::new("watch", "virtualmachineinstances", Answer::Gone)
            .unwrap()
            .times(2),
    );
    let mut again = vmis(&cluster, "default", Some("web-1"));
    for _ in 0..3 {
        assert!(matches!(next(&mut again).await, Change::Listed(_)));
    }
    practice.pause("default", "web-1", false);
    while paused(&next(&mut again).await) {}
}

async fn next(changes: &mut Changes<VirtualMachineInstance>) -> Change<VirtualMachineInstance> {
    tokio::time::timeout(PATIENCE, changes.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}
