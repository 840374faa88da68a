use super::*;
use crate::fault::interface::{PodNetworks, Wiring, reach};
use crate::fault::{KubeletProbe, KubeletProbeKind, ProbeAction, ProbePort};
use serde_json::{Value, json};

fn running() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-running.json")).unwrap()
}

fn read(value: Value) -> VirtualMachineInstance {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_running_vmi_of_kubevirt_1_9() {
    let vmi = read(running());
    assert_eq!((vmi.namespace(), vmi.name()), ("default", "testvm"));
    assert!(vmi.is_running() && !vmi.is_paused() && !vmi.is_migrating() && !vmi.is_being_deleted());
    assert_eq!(vmi.ip(), Some("10.244.1.12"));
    let (interfaces, rest) = reach(&vmi.nics(), &PodNetworks::default(), &None);
    let taps: Vec<_> = interfaces
        .iter()
        .map(|i| (i.network.as_str(), i.tap.as_str(), i.uplink.as_str()))
        .collect();
    assert_eq!(
        taps,
        [
            ("default", "tap0", "eth0"),
            ("blue", "tap16477688c0e", "16477688c0e-nic")
        ]
    );
    assert_eq!(rest, []);
}

#[test]
fn a_migration_in_flight_and_one_that_ended() {
    let migrating: VirtualMachineInstance =
        serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-migrating.json")).unwrap();
    assert_eq!(
        migrating.migration().and_then(|state| state.target_node.as_deref()),
        Some("node02")
    );
    let migrated: VirtualMachineInstance =
        serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-migrated.json")).unwrap();
    assert!(!migrated.is_migrating());
}

#[test]
fn a_migration_whose_target_is_chosen_but_not_handed_over_yet() {
    let mut value = running();
    value["metadata"]["labels"][MIGRATION_TARGET] = json!("node02");
    assert!(read(value.clone()).is_migrating());
    // What is left behind by an earlier migration names the node the VMI is on.
    value["metadata"]["labels"][MIGRATION_TARGET] = json!("node01");
    assert!(!read(value).is_migrating());
}

#[test]
fn nulls_mean_absent() {
    let vmi = read(json!({
        "metadata": { "name": "a", "creationTimestamp": null, "labels": null },
        "spec": { "domain": { "devices": { "interfaces": null } }, "networks": null, "livenessProbe": null },
        "status": { "phase": null, "conditions": null, "interfaces": null, "nodeName": null, "migrationState": null }
    }));
    assert_eq!(vmi.nics(), []);
    assert!(!vmi.is_running());
    assert!(
        read(json!({ "metadata": {}, "spec": null, "status": null }))
            .nics()
            .is_empty()
    );
}

#[test]
fn a_paused_guest() {
    let mut value = running();
    value["status"]["conditions"] = json!([{ "type": "Paused", "status": "True" }]);
    assert!(read(value).is_paused());
}

#[test]
fn every_binding_key_is_known() {
    let mut value = running();
    let interfaces: Vec<Value> = [
        "masquerade",
        "bridge",
        "sriov",
        "passtBinding",
        "passt",
        "slirp",
        "macvtap",
    ]
    .iter()
    .map(|key| json!({ "name": key, *key: {} }))
    .chain([
        json!({ "name": "p", "binding": { "name": "l2bridge" } }),
        json!({ "name": "none" }),
    ])
    .collect();
    value["spec"]["domain"]["devices"]["interfaces"] = json!(interfaces);
    let wirings: Vec<Wiring> = read(value).nics().into_iter().map(|nic| nic.wiring).collect();
    assert_eq!(
        wirings,
        [
            Wiring::Masquerade,
            Wiring::Bridge,
            Wiring::Sriov,
            Wiring::Passt,
            Wiring::Passt,
            Wiring::Slirp,
            Wiring::Macvtap,
            Wiring::Plugin("l2bridge".into()),
            Wiring::Unknown,
        ]
    );
}

#[test]
fn only_probes_that_cross_the_network_are_told() {
    let mut value = running();
    value["spec"]["livenessProbe"] = json!({ "guestAgentPing": {}, "periodSeconds": 5 });
    value["spec"]["readinessProbe"] =
        json!({ "httpGet": { "port": 8080, "path": "/healthz" }, "timeoutSeconds": 2, "failureThreshold": 0 });
    assert_eq!(
        read(value.clone()).probes(),
        [KubeletProbe {
            kind: KubeletProbeKind::Readiness,
            action: ProbeAction::Http {
                port: ProbePort::Number(8080),
                path: "healthz".into(),
            },
            period_seconds: 10,
            timeout_seconds: 2,
            failure_threshold: 3,
        }]
    );
    value["spec"]["livenessProbe"] = json!({ "tcpSocket": { "port": "ssh" } });
    assert_eq!(read(value).probes()[0].action.to_string(), "tcp ssh");
}
