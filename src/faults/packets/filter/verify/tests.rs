use serde_json::{Value, json};

use super::*;
use crate::fault::{Cidr, Direction, Ports};
use crate::faults::packets::filter::FilterSettings;
use crate::faults::packets::filter::Ruleset;
use crate::faults::packets::filter::compile::HookPoint;
use crate::plan::Handle;

pub(super) fn expected(engine: Engine) -> ExpectedFilter {
    let settings = FilterSettings {
        ports: Ports::parse("53,8000-8100").ok(),
        protocols: Some("tcp,udp".parse().unwrap()),
        peers: vec![Cidr::parse("10.0.0.0/8").unwrap()],
        engine: Some(engine),
        ..FilterSettings::default()
    };
    let hook = |direction, at| Hook {
        device: "tap0".into(),
        direction,
        at,
    };
    ExpectedFilter {
        run: "abc123".into(),
        handle: Handle::new(0x7a31).unwrap(),
        ruleset: Ruleset::new(&settings.resolve().unwrap()),
        hooks: vec![
            hook(Direction::Ingress, HookPoint::Egress),
            hook(Direction::Egress, HookPoint::Ingress),
        ],
    }
}

/// As nftables 1.0.6 prints it, with the device as later releases do.
fn table() -> Value {
    let rule = |chain: &str, end: &str, packets: u64| {
        json!({"rule": {"family": "netdev", "table": "vmchaos_abc123", "chain": chain, "handle": 9, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": end}}, "right": "@peers4"}},
            {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "th", "field": "dport"}}, "right": "@ports"}},
            {"counter": {"packets": packets, "bytes": 0}},
            {"drop": null}]}})
    };
    let chain = |name: &str, hook: &str| {
        json!({"chain": {"family": "netdev", "table": "vmchaos_abc123", "name": name, "handle": 4, "dev": "tap0",
            "type": "filter", "hook": hook, "prio": -500, "policy": "accept"}})
    };
    json!({"nftables": [
        {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "netdev", "name": "vmchaos_abc123", "handle": 1}},
        {"set": {"family": "netdev", "name": "ports", "table": "vmchaos_abc123", "type": "inet_service", "handle": 1,
            "flags": ["interval"], "elem": [53, {"range": [8000, 8100]}]}},
        {"set": {"family": "netdev", "name": "peers4", "table": "vmchaos_abc123", "type": "ipv4_addr", "handle": 2,
            "flags": ["interval"], "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}]}},
        chain("in_tap0", "egress"),
        chain("out_tap0", "ingress"),
        rule("in_tap0", "saddr", 7),
        rule("out_tap0", "daddr", 5),
    ]})
}

fn read_nft(table: Value) -> Result<Vec<Reading>, Mismatch> {
    verify(&expected(Engine::Auto), &[("nft".to_owned(), table)].into())
}

/// With the value at each of these places replaced.
pub(super) fn changed(whole: &Value, changes: &[(&str, Value)]) -> Value {
    let mut whole = whole.clone();
    for (pointer, value) in changes {
        *whole.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    whole
}

#[test]
fn a_table_reads_back_with_its_counters() {
    let readings = read_nft(table()).unwrap();
    let told: Vec<_> = readings
        .iter()
        .map(|reading| {
            (
                reading.device.as_str(),
                reading.engine,
                reading.packets,
                reading.dropped,
                reading.read.as_str(),
            )
        })
        .collect();
    let sets = "ports 53,8000-8100; peers4 10.0.0.0/8";
    assert_eq!(
        told,
        [
            (
                "tap0",
                "nft",
                None,
                7,
                format!("ingress (hook egress): ip saddr @peers4 meta l4proto {{ tcp, udp }} th dport @ports counter drop; {sets}").as_str()
            ),
            (
                "tap0",
                "nft",
                None,
                5,
                format!("egress (hook ingress): ip daddr @peers4 meta l4proto {{ tcp, udp }} th dport @ports counter drop; {sets}").as_str()
            ),
        ]
    );
    assert!(readings.iter().all(|reading| reading.asked == reading.read));
}

#[test]
fn releases_of_nft_say_the_same_in_other_words() {
    let rule = "/nftables/6/rule/expr";
    let with_dependency = |more: Value| {
        let mut table = table();
        table.pointer_mut(rule).unwrap().as_array_mut().unwrap().insert(0, more);
        table
    };
    for same in [
        changed(&table(), &[("/nftables/6/rule/expr/1/match/right/set", json!([6, 17]))]),
        changed(
            &table(),
            &[("/nftables/6/rule/expr/1/match/right/set", json!(["udp", "tcp"]))],
        ),
        changed(&table(), &[("/nftables/4/chain/dev", json!(["tap0"]))]),
        changed(
            &table(),
            &[(
                "/nftables/2/set/elem",
                json!([53, {"range": [8000, 8050]}, {"range": [8051, 8100]}]),
            )],
        ),
        changed(
            &table(),
            &[(
                "/nftables/3/set/elem",
                json!([{"range": ["10.0.0.0", "10.255.255.255"]}]),
            )],
        ),
        with_dependency(json!({"match": {"op": "==", "left": {"meta": {"key": "protocol"}}, "right": "ip"}})),
        with_dependency(json!({"match": {"op": "==", "left": {"meta": {"key": "protocol"}}, "right": 0x0800}})),
    ] {
        assert!(read_nft(same.clone()).is_ok(), "{same}");
    }
    let mut without_device = table();
    without_device["nftables"][4]["chain"]
        .as_object_mut()
        .unwrap()
        .remove("dev");
    assert!(read_nft(without_device).is_ok());
}

#[test]
fn another_table_chain_or_set_is_a_mismatch() {
    for (place, value, told) in [
        ("/nftables/1/table/name", json!("vmchaos_other1"), "of another table"),
        ("/nftables/1/table/family", json!("bridge"), "of another table"),
        ("/nftables/2/set/elem", json!([53]), "does not hold just 53,8000-8100"),
        (
            "/nftables/2/set/elem",
            json!([53, {"range": [8000, 8101]}]),
            "does not hold just",
        ),
        (
            "/nftables/2/set/elem",
            json!([{"elem": {"val": 53, "timeout": 9}}]),
            "elements that are not",
        ),
        ("/nftables/2/set/type", json!("mark"), "is not of type inet_service"),
        (
            "/nftables/3/set/elem",
            json!([{"prefix": {"addr": "10.0.0.0", "len": 9}}]),
            "does not hold just",
        ),
        (
            "/nftables/3/set/name",
            json!("peers6"),
            "a set nobody asked for, peers6",
        ),
        (
            "/nftables/4/chain/hook",
            json!("ingress"),
            "has hook ingress, not egress",
        ),
        ("/nftables/4/chain/dev", json!("eth0"), "on another device"),
        ("/nftables/4/chain/dev", json!(["tap0", "eth0"]), "on another device"),
        ("/nftables/4/chain/prio", json!(0), "at another priority"),
        ("/nftables/4/chain/policy", json!("drop"), "has policy drop, not accept"),
        ("/nftables/4/chain/type", json!("nat"), "has type nat"),
        ("/nftables/4/chain/name", json!("in_tap1"), "has no chain in_tap0"),
        ("/nftables/6/rule/chain", json!("out_tap0"), "has 0 rules, not 1"),
    ] {
        let error = read_nft(changed(&table(), &[(place, value.clone())]))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{place} = {value}: {error}");
    }
    let mut more = table();
    more["nftables"]
        .as_array_mut()
        .unwrap()
        .push(json!({"chain": {"family": "netdev", "table": "vmchaos_abc123", "name": "extra"}}));
    assert!(
        read_nft(more)
            .unwrap_err()
            .to_string()
            .contains("a chain nobody asked for, extra")
    );
    let mut twice = table();
    let rule = twice["nftables"][6].clone();
    twice["nftables"].as_array_mut().unwrap().push(rule);
    assert!(read_nft(twice).unwrap_err().to_string().contains("has 2 rules, not 1"));
}

#[test]
fn another_rule_is_a_mismatch() {
    let rule = |place: &str| format!("/nftables/6/rule/expr/{place}");
    for (place, value, told) in [
        (
            rule("0/match/left/payload/field"),
            json!("daddr"),
            "a rule of the chain in_tap0 matches",
        ),
        (rule("0/match/right"), json!("@ports"), "matches"),
        (rule("0/match/op"), json!("!="), "matches"),
        (
            rule("1/match/right"),
            json!("tcp"),
            "the kernel has `ip saddr @peers4 tcp dport @ports counter drop`",
        ),
        (
            rule("1/match/right/set"),
            json!(["tcp", "udp", "sctp"]),
            "the kernel has `",
        ),
        (rule("1/match/right/set"), json!(["tcp", "gre"]), "matches"),
        (rule("2/match/left/payload/field"), json!("sport"), "matches"),
        (rule("2/match/right"), json!(53), "matches"),
        (rule("3"), json!({"limit": {"rate": 1}}), "has a `limit`"),
        (rule("3"), json!({"drop": null}), "goes on after its verdict"),
        (rule("4"), json!({"accept": null}), "has a `accept`"),
        (
            rule("4"),
            json!({"reject": {"type": "tcp reset"}}),
            "reject with tcp reset`, not",
        ),
        (
            rule("4"),
            json!({"counter": {"packets": 1, "bytes": 1}}),
            "has no verdict",
        ),
        (
            "/nftables/7".to_owned(),
            json!({"flowtable": {"family": "netdev", "table": "vmchaos_abc123", "name": "x"}}),
            "a flowtable nobody asked for",
        ),
        ("/nftables".to_owned(), json!([]), "no such table"),
    ] {
        let error = read_nft(changed(&table(), &[(&place, value.clone())]))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{place} = {value}: {error}");
    }
}

#[test]
fn another_tool_than_the_one_asked_for_is_a_mismatch() {
    let nft = [("nft".to_owned(), table())].into();
    assert!(verify(&expected(Engine::Nft), &nft).is_ok());
    assert!(
        verify(&expected(Engine::Tc), &nft)
            .unwrap_err()
            .problem
            .contains("another tool")
    );
    assert!(
        verify(&expected(Engine::Nft), &super::flower::tests::filters())
            .unwrap_err()
            .problem
            .contains("another tool")
    );
    assert!(
        verify(&expected(Engine::Auto), &BTreeMap::new())
            .unwrap_err()
            .problem
            .contains("nothing was read back")
    );
}
