//! The network devices that KubeVirt makes in a launcher, by binding (v1.0 and later: secondary devices are named by a
//! hash of the network's name).

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

use crate::{
    host::{Device, DeviceKind},
    json as fields,
};

/// Network binding plugins the practice cluster has, by their name in the KubeVirt object.
pub(crate) const MANAGED_TAP: &str = "l2bridge";
pub(crate) const MACVTAP: &str = "macvtap";
pub(crate) const PASST: &str = "passt";

/// The pod interface of a network: `eth0` for the pod's own, else `pod` and eleven digits of a hash of its name.
pub(crate) fn pod_interface(network: &Value) -> String {
    if network.get("pod").is_some() || network.pointer("/multus/default") == Some(&Value::Bool(true)) {
        return "eth0".to_owned();
    }
    let mut name = "pod".to_owned();
    for byte in Sha256::digest(fields::text(network, "/name").as_bytes()).iter().take(6) {
        let _ = write!(name, "{byte:02x}");
    }
    name.truncate(14);
    name
}

/// The network of an interface.
pub(crate) fn network_of<'a>(vmi: &'a Value, interface: &Value) -> Option<&'a Value> {
    fields::list(vmi, "/spec/networks")
        .iter()
        .find(|network| network.get("name") == interface.get("name"))
}

/// Queues of the guest's network cards: one, or one for each virtual CPU.
pub(crate) fn queues(vmi: &Value) -> u64 {
    let multi = vmi.pointer("/spec/domain/devices/networkInterfaceMultiqueue") == Some(&Value::Bool(true));
    let cores = vmi
        .pointer("/spec/domain/cpu/cores")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    if multi { cores } else { 1 }
}

/// All devices of a VMI's launcher.
pub(crate) fn of(vmi: &Value) -> Vec<Device> {
    let queueing = if queues(vmi) > 1 { "mq" } else { "fq_codel" };
    let mut devices = Vec::new();
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
        let Some(network) = network_of(vmi, interface) else {
            continue;
        };
        let pod = pod_interface(network);
        let stem = pod.trim_start_matches("pod").to_owned();
        let tap = if pod == "eth0" {
            "tap0".to_owned()
        } else {
            format!("tap{stem}")
        };
        let bridge = format!("k6t-{stem}");
        let plugin = fields::text(interface, "/binding/name");
        if interface.get("masquerade").is_some() {
            devices.push(Device::new(&pod, DeviceKind::Veth, "noqueue"));
            devices.push(Device::new(&bridge, DeviceKind::Bridge, "noqueue"));
            devices.push(Device::new(&tap, DeviceKind::Tap, queueing).on(&bridge));
        } else if interface.get("bridge").is_some() || plugin == MANAGED_TAP {
            // The pod's own address waits on a dummy of the old name; faults on it would do nothing.
            devices.push(Device::new(&pod, DeviceKind::Dummy, "noqueue"));
            devices.push(Device::new(&bridge, DeviceKind::Bridge, "noqueue"));
            devices.push(Device::new(&format!("{stem}-nic"), DeviceKind::Veth, "noqueue").on(&bridge));
            devices.push(Device::new(&tap, DeviceKind::Tap, queueing).on(&bridge));
        } else if plugin == MACVTAP {
            devices.push(Device::new(&pod, DeviceKind::Macvtap, queueing));
        } else if pod == "eth0" {
            // passt: the guest's packets come from sockets of a process, the pod's interface is as it was.
            devices.push(Device::new(&pod, DeviceKind::Veth, "noqueue"));
        }
    }
    // A pod has its own interface even where no VM interface uses it.
    if !devices.iter().any(|device| device.name == "eth0") {
        devices.push(Device::new("eth0", DeviceKind::Veth, "noqueue"));
    }
    devices
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(interface: &Value, network: &Value) -> Vec<String> {
        of(&json!({"spec": {"domain": {"devices": {"interfaces": [interface]}}, "networks": [network]}}))
            .iter()
            .map(|device| {
                format!(
                    "{}{}",
                    device.name,
                    device
                        .master
                        .as_ref()
                        .map(|master| format!("@{master}"))
                        .unwrap_or_default()
                )
            })
            .collect()
    }

    #[test]
    fn devices_are_named_as_kubevirt_names_them() {
        assert_eq!(
            names(
                &json!({"name": "default", "masquerade": {}}),
                &json!({"name": "default", "pod": {}})
            ),
            ["eth0", "k6t-eth0", "tap0@k6t-eth0"]
        );
        assert_eq!(
            names(
                &json!({"name": "default", "bridge": {}}),
                &json!({"name": "default", "pod": {}})
            ),
            ["eth0", "k6t-eth0", "eth0-nic@k6t-eth0", "tap0@k6t-eth0"]
        );
        assert_eq!(
            names(
                &json!({"name": "blue", "bridge": {}}),
                &json!({"name": "blue", "multus": {"networkName": "br1"}})
            ),
            [
                "pod16477688c0e",
                "k6t-16477688c0e",
                "16477688c0e-nic@k6t-16477688c0e",
                "tap16477688c0e@k6t-16477688c0e",
                "eth0"
            ]
        );
        assert_eq!(
            names(
                &json!({"name": "vf", "sriov": {}}),
                &json!({"name": "vf", "multus": {"networkName": "vf"}})
            ),
            ["eth0"]
        );
        assert_eq!(
            names(
                &json!({"name": "default", "passtBinding": {}}),
                &json!({"name": "default", "pod": {}})
            ),
            ["eth0"]
        );
    }
}
