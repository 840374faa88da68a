use std::collections::BTreeMap;

use super::*;
use crate::cluster::nodes::Node;
use crate::fault::Launcher;
use serde_json::{Value, json};

fn vmi_json() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-running.json")).unwrap()
}

fn pod_json() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/pod-virt-launcher.json")).unwrap()
}

fn vmi(value: Value) -> VirtualMachineInstance {
    serde_json::from_value(value).unwrap()
}

fn pod(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn facts() -> Facts {
    Facts {
        plugins: Some(BTreeMap::default()),
        nodes: Some(vec![node("node01", true), node("node02", true)]),
        flags: vec!["--context".to_owned(), "prod".to_owned()],
        images: None,
    }
}

fn node(name: &str, ready: bool) -> Node {
    Node {
        name: name.to_owned(),
        ready,
        ..Node::default()
    }
}

/// The verdict on the example VMI after `change`.
fn verdict(change: impl FnOnce(&mut Value, &mut Value)) -> Result<Target, Unfit> {
    verdict_on(change, &facts(), &[])
}

fn verdict_on(
    change: impl FnOnce(&mut Value, &mut Value),
    facts: &Facts,
    interfaces: &[&str],
) -> Result<Target, Unfit> {
    let (mut vmi_value, mut pod_value) = (vmi_json(), pod_json());
    change(&mut vmi_value, &mut pod_value);
    let pod = pod(pod_value);
    let wanted: Vec<String> = interfaces.iter().map(|name| (*name).to_owned()).collect();
    eligibility(&vmi(vmi_value), &[&pod], facts, &wanted)
}

fn reason(change: impl FnOnce(&mut Value, &mut Value)) -> String {
    verdict(change).unwrap_err().reason
}

#[test]
fn a_running_vmi_becomes_a_target() {
    let target = verdict(|_, _| {}).unwrap();
    assert_eq!(target.key(), "default/testvm");
    assert_eq!(
        (target.uid.as_str(), target.node.as_str()),
        ("3a8f7774-7ec7-4cfb-97ce-581db52ee053", "node01")
    );
    assert_eq!(
        target.launcher,
        Launcher {
            name: "virt-launcher-testvm-h7kqz".into(),
            uid: "5ed78651-9f18-426f-a248-4bf7b2c8b003".into(),
            container_id: Some("d526fc4632718614bb64be52f8be8d9d4bcbff1afd155eb0c22772ea8772ab6a".into()),
            address: "10.244.1.12".parse().ok(),
        }
    );
    let devices: Vec<_> = target
        .interfaces
        .iter()
        .map(|i| (i.tap.as_str(), i.bridge.as_str()))
        .collect();
    assert_eq!(devices, [("tap0", "k6t-eth0"), ("tap16477688c0e", "k6t-16477688c0e")]);
}

#[test]
fn states_in_which_a_vmi_is_left_alone() {
    let cases: [(&str, Value, &str); 7] = [
        (
            "/metadata/deletionTimestamp",
            json!("2026-08-20T10:00:00Z"),
            "is being deleted",
        ),
        (
            "/status/phase",
            json!("Scheduling"),
            "is not running (phase Scheduling)",
        ),
        ("/status/phase", json!("Succeeded"), "is not running (phase Succeeded)"),
        ("/status/phase", json!(null), "is not running (phase Pending)"),
        (
            "/status/conditions",
            json!([{ "type": "Paused", "status": "True" }]),
            "is paused",
        ),
        (
            "/status/migrationState",
            json!({ "migrationUid": "x", "targetNode": "node02" }),
            "is migrating from node01 to node02",
        ),
        ("/status/nodeName", json!(""), "is on no node"),
    ];
    for (path, value, words) in cases {
        let told = reason(|vmi, _| {
            let (parent, key) = path.rsplit_once('/').unwrap();
            vmi.pointer_mut(parent).unwrap()[key] = value;
        });
        assert_eq!(told, words);
    }
}

#[test]
fn deletion_is_told_before_anything_that_follows_from_it() {
    let told = reason(|vmi, _| {
        vmi["metadata"]["deletionTimestamp"] = json!("2026-08-20T10:00:00Z");
        vmi["status"]["phase"] = json!("Failed");
    });
    assert_eq!(told, "is being deleted");
}

#[test]
fn a_node_that_is_not_ready() {
    let facts = Facts {
        nodes: Some(vec![node("node01", false)]),
        ..facts()
    };
    let unfit = verdict_on(|_, _| {}, &facts, &[]).unwrap_err();
    assert_eq!(unfit.reason, "is on node node01, which is not Ready");
    assert_eq!(
        unfit.hint.as_deref(),
        Some("to see why: kubectl describe node node01 --context prod")
    );
    let unknown = Facts { nodes: None, ..facts };
    assert!(verdict_on(|_, _| {}, &unknown, &[]).is_ok());
}

#[test]
fn a_vmi_without_a_launcher_pod_that_can_be_believed() {
    let unfit = verdict(|_, pod| pod["status"]["phase"] = json!("Succeeded")).unwrap_err();
    assert_eq!(unfit.reason, "has no running virt-launcher pod on node node01");
    let unfit = verdict(|_, pod| pod["metadata"]["ownerReferences"] = json!([])).unwrap_err();
    assert!(
        unfit.reason.starts_with("has no launcher pod that is KubeVirt's: "),
        "{}",
        unfit.reason
    );
    let hint = unfit.hint.unwrap();
    assert!(hint.ends_with("-o wide --context prod"), "{hint}");
}

#[test]
fn a_container_id_that_is_not_one_is_left_out() {
    for id in [
        json!("containerd://abc"),
        json!(null),
        json!(format!("x://{}", "g".repeat(64))),
    ] {
        let target = verdict(|_, pod| pod["status"]["containerStatuses"][0]["containerID"] = id).unwrap();
        assert_eq!(target.launcher.container_id, None);
    }
}

#[test]
fn interfaces_are_chosen_by_network_or_tap() {
    let chosen = |wanted: &[&str]| -> Vec<String> {
        let target = verdict_on(|_, _| {}, &facts(), wanted).unwrap();
        target
            .interfaces
            .into_iter()
            .map(|interface| interface.network)
            .collect()
    };
    assert_eq!(chosen(&["blue"]), ["blue"]);
    assert_eq!(chosen(&["tap0"]), ["default"]);
    assert_eq!(chosen(&["blue", "tap16477688c0e"]), ["blue"]);
    let unfit = verdict_on(|_, _| {}, &facts(), &["green"]).unwrap_err();
    assert_eq!(
        unfit.reason,
        "has no interface green; it has: default (tap0), blue (tap16477688c0e)"
    );
}

#[test]
fn an_interface_out_of_reach_is_told_by_name() {
    let sriov = |vmi: &mut Value| {
        vmi["spec"]["domain"]["devices"]["interfaces"][1] = json!({ "name": "blue", "sriov": {} });
    };
    let target = verdict(|vmi, _| sriov(vmi)).unwrap();
    assert_eq!(target.interfaces.len(), 1);
    let unfit = verdict_on(|vmi, _| sriov(vmi), &facts(), &["blue"]).unwrap_err();
    assert_eq!(
        unfit.reason,
        "interface blue (sriov) cannot take a fault: an SR-IOV device bypasses the pod's network"
    );
}

#[test]
fn a_vmi_without_a_reachable_interface() {
    let interfaces = |list: Value| reason(|vmi, _| vmi["spec"]["domain"]["devices"]["interfaces"] = list);
    assert_eq!(interfaces(json!([])), "has no network interface");
    assert_eq!(
        interfaces(json!([{ "name": "blue", "sriov": {} }])),
        "has no interface a fault can be put on: blue (sriov): an SR-IOV device bypasses the pod's network"
    );
    assert_eq!(
        interfaces(json!([{ "name": "default", "passtBinding": {} }, { "name": "blue", "sriov": {} }])),
        "has no interface a fault can be put on: default (passt), blue (sriov)"
    );
}

#[test]
fn the_row_of_a_list() {
    let pod = pod(pod_json());
    let mut value = vmi_json();
    value["status"]["conditions"] = json!([{ "type": "Paused", "status": "True" }]);
    let row = row(&vmi(value), &[&pod], &facts(), &[]);
    assert_eq!(
        (row.phase.as_str(), row.ip.as_deref(), row.node.as_deref()),
        ("Paused", Some("10.244.1.12"), Some("node01"))
    );
    assert_eq!(row.bindings, ["masquerade", "bridge"]);
    assert_eq!(row.fault.unwrap_err().reason, "is paused");
}

#[test]
fn what_a_fault_may_be_on_is_looked_into_though_none_could_be_put_there_now() {
    let looked_into = |interfaces: Value| {
        let mut value = vmi_json();
        value["spec"]["domain"]["devices"]["interfaces"] = interfaces;
        let unread = Facts {
            plugins: None,
            ..facts()
        };
        let row = row(&vmi(value), &[&pod(pod_json())], &unread, &[]);
        let taps = row.placed.iter().flat_map(|target| &target.interfaces);
        (taps.map(|it| it.tap.clone()).collect::<Vec<_>>(), row.holds_none)
    };
    let corp = json!({ "name": "default", "binding": { "name": "corp" } });
    let unplugged = json!({ "name": "blue", "bridge": {}, "state": "absent" });
    let blue = "tap16477688c0e".to_owned();
    assert_eq!(
        looked_into(json!([corp, unplugged])),
        (vec!["tap0".to_owned(), blue], false)
    );
    assert_eq!(
        looked_into(json!([{ "name": "default", "passtBinding": {} }])),
        (Vec::new(), true)
    );
}
