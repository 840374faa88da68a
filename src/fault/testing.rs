//! Targets for tests.

use super::{Binding, Interface, Launcher, Target};

fn interface(network: &str, tap: &str, bridge: &str, uplink: &str, binding: Binding) -> Interface {
    Interface {
        network: network.into(),
        tap: tap.into(),
        bridge: bridge.into(),
        uplink: uplink.into(),
        binding,
    }
}

pub(crate) fn masquerade() -> Interface {
    interface("default", "tap0", "k6t-eth0", "eth0", Binding::Masquerade)
}

pub(crate) fn bridged() -> Interface {
    let (tap, bridge, uplink) = ("tap16477688c0e", "k6t-16477688c0e", "16477688c0e-nic");
    interface("blue", tap, bridge, uplink, Binding::Bridge)
}

/// `shop/web-1` on `node-1`.
pub(crate) fn target(interfaces: Vec<Interface>) -> Target {
    Target {
        namespace: "shop".into(),
        name: "web-1".into(),
        uid: "5d2f".into(),
        node: "node-1".into(),
        launcher: Launcher {
            name: "virt-launcher-web-1-x".into(),
            uid: "0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001".into(),
            container_id: Some("ab12".into()),
            address: None,
        },
        interfaces,
        probes: Vec::new(),
    }
}
