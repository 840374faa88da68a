use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::tests::{changed, expected};
use super::super::verify;
use crate::faults::packets::filter::Engine;

/// As iproute2 6.1 prints the filters of both hooks: each preference begins with a line about itself.
pub(in super::super) fn filters() -> BTreeMap<String, Value> {
    let hook = |end: &str| {
        let mut lines = Vec::new();
        for (protocol, pref) in [("ip", 0x7a31), ("802.1Q", 0x9a31)] {
            lines.push(json!({"protocol": protocol, "pref": pref, "kind": "flower", "chain": 0}));
            for upper in ["tcp", "udp"] {
                for port in [json!(53), json!({"start": 8000, "end": 8100})] {
                    let mut keys = json!({"eth_type": "ipv4", "ip_proto": upper, end: "10.0.0.0/8", "dst_port": port});
                    if protocol == "802.1Q" {
                        keys["vlan_ethtype"] = json!("ip");
                    }
                    lines.push(json!({"protocol": protocol, "pref": pref, "kind": "flower", "chain": 0, "options": {
                        "handle": 0x7a31_0000_u32 + u32::try_from(lines.len()).unwrap(), "keys": keys, "not_in_hw": true,
                        "actions": [{"order": 1, "kind": "gact", "control_action": {"type": "drop"}, "prob": {"random_type": "none",
                            "control_action": {"type": "pass"}, "val": 0}, "index": 1, "ref": 1, "bind": 1,
                            "stats": {"bytes": 98, "packets": 2, "drops": 2, "overlimits": 0, "requeues": 0, "backlog": 0, "qlen": 0}}]}}));
                }
            }
        }
        Value::Array(lines)
    };
    [
        ("tap0 egress".to_owned(), hook("src_ip")),
        ("tap0 ingress".to_owned(), hook("dst_ip")),
    ]
    .into()
}

#[test]
fn flower_filters_read_back_with_their_counters() {
    let readings = verify(&expected(Engine::Tc), &filters()).unwrap();
    let told: Vec<_> = readings
        .iter()
        .map(|reading| (reading.engine, reading.packets, reading.dropped))
        .collect();
    assert_eq!(told, [("tc", None, 16), ("tc", None, 16)]);
    assert_eq!(
        readings[0].read,
        "ingress (hook egress): ip src_ip 10.0.0.0/8 ip_proto tcp dst_port 53,8000-8100; \
         ip src_ip 10.0.0.0/8 ip_proto udp dst_port 53,8000-8100; \
         802.1Q vlan_ethtype ip src_ip 10.0.0.0/8 ip_proto tcp dst_port 53,8000-8100; \
         802.1Q vlan_ethtype ip src_ip 10.0.0.0/8 ip_proto udp dst_port 53,8000-8100"
    );
    assert_eq!(readings[0].read, readings[0].asked);
}

#[test]
fn any_other_flower_filter_is_a_mismatch() {
    let problem = |place: &str, value: Value| {
        let mut read = filters();
        let hook = changed(&read["tap0 egress"], &[(place, value)]);
        read.insert("tap0 egress".to_owned(), hook);
        verify(&expected(Engine::Auto), &read).unwrap_err().problem
    };
    for (place, value) in [
        ("/1/options/handle", json!(0x7a32_0001_u32)),
        ("/1/options/keys/dst_port", json!(54)),
        ("/1/options/keys/ip_proto", json!("sctp")),
        ("/1/options/keys/src_ip", json!("10.0.0.0/9")),
        ("/1/options/keys/eth_type", json!("ipv6")),
        (
            "/1/options/keys",
            json!({"eth_type": "ipv4", "ip_proto": "tcp", "dst_port": 53}),
        ),
        (
            "/1/options/keys",
            json!({"eth_type": "ipv4", "ip_proto": "tcp", "src_ip": "10.0.0.0/8", "dst_port": 53, "ip_ttl": 1}),
        ),
        ("/2/options/keys/dst_port/end", json!(8101)),
        ("/1/protocol", json!("ipv6")),
        ("/1/pref", json!(1)),
        ("/1/chain", json!(1)),
        ("/1/kind", json!("u32")),
        ("/1/options/keys", Value::Null),
        ("/6/options/keys/vlan_ethtype", json!("ipv6")),
        ("/6/options/keys/eth_type", json!("arp")),
        (
            "/6/options/keys",
            json!({"eth_type": "ipv4", "ip_proto": "tcp", "src_ip": "10.0.0.0/8", "dst_port": 53}),
        ),
    ] {
        let told = problem(place, value.clone());
        assert!(
            told.starts_with("the kernel has a filter nobody asked for"),
            "{place} = {value}: {told}"
        );
    }
    for (place, value) in [
        ("/1/options/actions/0/control_action/type", json!("pass")),
        ("/1/options/actions/0/kind", json!("mirred")),
        ("/1/options/actions", json!([])),
        ("/1/options/actions/0/stats", json!({})),
    ] {
        let told = problem(place, value.clone());
        assert!(told.contains("does not drop"), "{place} = {value}: {told}");
    }
    let mut fewer = filters();
    fewer.get_mut("tap0 egress").unwrap().as_array_mut().unwrap().pop();
    let told = verify(&expected(Engine::Auto), &fewer).unwrap_err().problem;
    assert!(told.starts_with("the kernel has no `802.1Q vlan_ethtype ip"), "{told}");
    let mut twice = filters();
    let hook = twice.get_mut("tap0 egress").unwrap().as_array_mut().unwrap();
    hook.push(hook[1].clone());
    assert!(verify(&expected(Engine::Auto), &twice).is_err());
}

/// It may have been put there by anybody.
#[test]
fn a_filter_nobody_asked_for_is_told_by_its_keys() {
    let mut read = filters();
    let keys = json!({"eth_type": "ipv4\u{1b}[2J", "indev": "x".repeat(300)});
    let hook = changed(&read["tap0 egress"], &[("/1/options/keys", keys)]);
    read.insert("tap0 egress".to_owned(), hook);
    let told = verify(&expected(Engine::Tc), &read).unwrap_err().problem;
    assert!(told.contains(r#": {"eth_type":"ipv4\u001b[2J","indev":"xxx"#), "{told}");
    assert!(told.len() < 300 && !told.contains(char::is_control), "{told}");
}
