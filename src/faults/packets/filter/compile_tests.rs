use std::time::Duration;

use crate::fault::testing::{bridged, masquerade, target};
use crate::fault::{Cidr, Directions, Ports, Target};
use crate::faults::packets::compile::tests::order;
use crate::faults::packets::compile::{NodeVm, compile, node_plan};
use crate::faults::packets::filter::{Engine, FilterAction, FilterPreset, FilterSettings, Ruleset};
use crate::faults::packets::spec::PacketEffect;
use crate::plan::agent_lines::CompileError;

fn run(settings: FilterSettings, directions: Directions, target: &Target) -> Result<(String, NodeVm), CompileError> {
    let fault = PacketEffect::Filter(settings.resolve().unwrap());
    let order = order(&fault, directions);
    let vm = compile(&order, target, 0, Duration::from_millis(1_500))?;
    Ok((node_plan(&order, [&vm]), vm))
}

fn plan(settings: FilterSettings, directions: Directions, target: &Target) -> String {
    run(settings, directions, target).unwrap().0
}

fn peers(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| Cidr::parse(text).unwrap()).collect()
}

/// The lines with this first word, without it.
fn lines<'a>(plan: &'a str, word: &str) -> Vec<&'a str> {
    let prefix = format!("{word} ");
    plan.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

#[test]
fn the_rules_are_said_once_and_a_vm_names_its_hooks() {
    insta::assert_snapshot!(plan(FilterPreset::Dns.settings(), Directions::BOTH, &target(vec![masquerade(), bridged()])), @r"
    engine auto
    mark 7a31:
    ports 53
    nft in meta l4proto { tcp, udp } th dport @ports counter drop
    tc in ip ip_proto tcp dst_port @ports
    tc in ip ip_proto udp dst_port @ports
    tc in ipv6 ip_proto tcp dst_port @ports
    tc in ipv6 ip_proto udp dst_port @ports
    tc in 802.1Q vlan_ethtype ip ip_proto tcp dst_port @ports
    tc in 802.1Q vlan_ethtype ip ip_proto udp dst_port @ports
    tc in 802.1Q vlan_ethtype ipv6 ip_proto tcp dst_port @ports
    tc in 802.1Q vlan_ethtype ipv6 ip_proto udp dst_port @ports
    nft out meta l4proto { tcp, udp } th dport @ports counter drop
    tc out ip ip_proto tcp dst_port @ports
    tc out ip ip_proto udp dst_port @ports
    tc out ipv6 ip_proto tcp dst_port @ports
    tc out ipv6 ip_proto udp dst_port @ports
    tc out 802.1Q vlan_ethtype ip ip_proto tcp dst_port @ports
    tc out 802.1Q vlan_ethtype ip ip_proto udp dst_port @ports
    tc out 802.1Q vlan_ethtype ipv6 ip_proto tcp dst_port @ports
    tc out 802.1Q vlan_ethtype ipv6 ip_proto udp dst_port @ports
    vm 0 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 ab12
    hold 0 1.5
    tap 0 tap0 k6t-eth0
    uplink 0 eth0 -
    tap 0 tap16477688c0e k6t-16477688c0e
    uplink 0 16477688c0e-nic k6t-16477688c0e
    own 0 cut tap0 in egress
    own 0 cut tap0 out ingress
    own 0 cut tap16477688c0e in egress
    own 0 cut tap16477688c0e out ingress
    ");
}

#[test]
fn what_is_rejected_on_its_way_in_is_so_on_the_uplink() {
    let settings = FilterSettings {
        action: Some(FilterAction::Reject),
        ..FilterSettings::default()
    };
    let plan = plan(settings, Directions::BOTH, &target(vec![masquerade(), bridged()]));
    assert_eq!(lines(&plan, "engine"), ["auto reject"]);
    assert_eq!(lines(&plan, "tc"), Vec::<&str>::new());
    assert_eq!(
        lines(&plan, "nft"),
        [
            "in meta l4proto tcp counter reject with tcp reset",
            "in meta l4proto udp counter reject with icmpx port-unreachable",
            "out meta l4proto tcp counter reject with tcp reset",
            "out meta l4proto udp counter reject with icmpx port-unreachable",
        ]
    );
    assert_eq!(
        lines(&plan, "own"),
        [
            "0 cut eth0 in ingress",
            "0 cut tap0 out ingress",
            "0 cut 16477688c0e-nic in ingress",
            "0 cut tap16477688c0e out ingress",
        ]
    );
}

#[test]
fn a_peer_is_the_source_on_the_way_in_and_the_destination_on_the_way_out() {
    let settings = FilterSettings {
        ports: Ports::parse("53,8000-8100").ok(),
        protocols: Some("sctp".parse().unwrap()),
        peers: peers(&["10.0.0.0/8", "192.168.1.7", "fd00::/8"]),
        ..FilterSettings::default()
    };
    let plan = plan(settings, Directions::BOTH, &target(vec![masquerade()]));
    assert_eq!(lines(&plan, "peers4"), ["10.0.0.0/8,192.168.1.7"]);
    assert_eq!(lines(&plan, "peers6"), ["fd00::/8"]);
    assert_eq!(lines(&plan, "ports"), ["53,8000-8100"]);
    assert_eq!(
        lines(&plan, "nft"),
        [
            "in ip saddr @peers4 sctp dport @ports counter drop",
            "in ip6 saddr @peers6 sctp dport @ports counter drop",
            "out ip daddr @peers4 sctp dport @ports counter drop",
            "out ip6 daddr @peers6 sctp dport @ports counter drop",
        ]
    );
    assert_eq!(
        lines(&plan, "tc")[..4],
        [
            "in ip src_ip @peers4 ip_proto sctp dst_port @ports",
            "in 802.1Q vlan_ethtype ip src_ip @peers4 ip_proto sctp dst_port @ports",
            "in ipv6 src_ip @peers6 ip_proto sctp dst_port @ports",
            "in 802.1Q vlan_ethtype ipv6 src_ip @peers6 ip_proto sctp dst_port @ports",
        ]
    );
}

#[test]
fn icmp_leaves_neighbour_discovery_out_and_all_takes_everything() {
    let of = |protocols: &str, peer: &[&str]| {
        let settings = FilterSettings {
            protocols: Some(protocols.parse().unwrap()),
            peers: peers(peer),
            ..FilterSettings::default()
        };
        plan(settings, Directions::INGRESS, &target(vec![masquerade()]))
    };
    let icmp = of("icmp", &[]);
    assert_eq!(
        lines(&icmp, "nft"),
        [
            "in meta l4proto icmp counter drop",
            "in icmpv6 type != 133-137 counter drop"
        ]
    );
    let types: Vec<u8> = (0..=255)
        .filter(|kind| {
            lines(&icmp, "tc in ipv6 ip_proto icmpv6 type").iter().any(|types| {
                let (value, mask) = types.split_once('/').unwrap();
                let (value, mask): (u8, u8) = (value.parse().unwrap(), mask.parse().unwrap());
                kind & mask == value
            })
        })
        .collect();
    assert_eq!(
        types,
        (0..=255)
            .filter(|kind| !(133..=137).contains(kind))
            .collect::<Vec<u8>>()
    );
    assert_eq!(
        lines(&of("all", &[]), "nft"),
        ["in meta protocol { ip, ip6 } counter drop"]
    );
    assert_eq!(
        lines(&of("all", &[]), "tc"),
        [
            "in ip",
            "in ipv6",
            "in 802.1Q vlan_ethtype ip",
            "in 802.1Q vlan_ethtype ipv6"
        ]
    );
    assert_eq!(
        lines(&of("all", &["10.0.0.0/8"]), "nft"),
        ["in ip saddr @peers4 counter drop"]
    );
    // Every address of a family is the family.
    let every = of("tcp,icmp", &["0.0.0.0/0"]);
    assert_eq!(
        lines(&every, "nft"),
        [
            "in meta protocol ip meta l4proto tcp counter drop",
            "in meta l4proto icmp counter drop"
        ]
    );
    assert_eq!(lines(&every, "peers4"), Vec::<&str>::new());
}

#[test]
fn one_engine_alone_is_told_its_own_rules_alone() {
    let of = |engine| {
        let settings = FilterSettings {
            engine: Some(engine),
            ..FilterSettings::default()
        };
        plan(settings, Directions::EGRESS, &target(vec![masquerade()]))
    };
    let (nft, tc) = (of(Engine::Nft), of(Engine::Tc));
    assert_eq!((lines(&nft, "engine"), lines(&nft, "tc").len()), (vec!["nft"], 0));
    assert_eq!((lines(&tc, "engine"), lines(&tc, "nft").len()), (vec!["tc"], 0));
    assert_eq!(lines(&tc, "own"), ["0 cut tap0 out ingress"]);
}

/// 65 ranges, two protocols, two families, with and without a tag: 520 filters.
#[test]
fn what_is_too_much_for_flower_is_left_to_nft() {
    let many = |count: u16, engine| FilterSettings {
        ports: Some(Ports::single(&(1..=count).map(|i| i * 2).collect::<Vec<_>>())),
        engine,
        ..FilterSettings::default()
    };
    let vm = target(vec![masquerade()]);
    assert_eq!(lines(&plan(many(64, None), Directions::BOTH, &vm), "engine"), ["auto"]);
    let more = plan(many(65, None), Directions::BOTH, &vm);
    assert_eq!((lines(&more, "engine"), lines(&more, "tc").len()), (vec!["nft"], 0));
    let refused = run(many(65, Some(Engine::Tc)), Directions::BOTH, &vm).unwrap_err();
    assert_eq!(
        refused,
        CompileError::TooManyFilters {
            filters: 520,
            most: 512
        }
    );
    assert!(refused.hint().unwrap().contains("--engine nft"));
    // What is counted is what is made.
    for (protocols, listed) in [("tcp,udp", "1,3,5-7"), ("icmp", ""), ("all", ""), ("sctp", "1,3,5-7")] {
        let settings = FilterSettings {
            ports: Ports::parse(listed).ok(),
            protocols: Some(protocols.parse().unwrap()),
            peers: peers(&["10.0.0.0/8", "192.168.1.7", "fd00::/8"]),
            ..FilterSettings::default()
        };
        let ruleset = Ruleset::new(&settings.resolve().unwrap());
        assert_eq!(
            ruleset.count_flower_filters(),
            ruleset.flower_filters().len(),
            "{protocols}"
        );
    }
}

#[test]
fn people_see_what_they_would_type() {
    let settings = FilterSettings {
        engine: Some(Engine::Tc),
        ports: Ports::parse("53").ok(),
        protocols: Some("udp".parse().unwrap()),
        peers: peers(&["10.0.0.0/8"]),
        ..FilterSettings::default()
    };
    let (_, vm) = run(settings.clone(), Directions::EGRESS, &target(vec![masquerade()])).unwrap();
    insta::assert_snapshot!(vm.commands_for_people.join("\n"), @r"
    nsenter --net=/proc/PID/ns/net tc qdisc add dev tap0 clsact
    nsenter --net=/proc/PID/ns/net tc filter add dev tap0 ingress protocol ip pref 31281 handle 0x7a310001 flower dst_ip 10.0.0.0/8 ip_proto udp dst_port 53 action drop
    nsenter --net=/proc/PID/ns/net tc filter add dev tap0 ingress protocol 802.1Q pref 39473 handle 0x7a310002 flower vlan_ethtype ip dst_ip 10.0.0.0/8 ip_proto udp dst_port 53 action drop
    sleep 1.5
    nsenter --net=/proc/PID/ns/net tc qdisc del dev tap0 clsact
    ");
    let nft = FilterSettings {
        engine: None,
        ..settings
    };
    let (_, vm) = run(nft, Directions::EGRESS, &target(vec![masquerade()])).unwrap();
    insta::assert_snapshot!(vm.commands_for_people.join("\n"), @r#"
    nsenter --net=/proc/PID/ns/net nft create table netdev vmchaos_abc123
    nsenter --net=/proc/PID/ns/net nft add set netdev vmchaos_abc123 ports '{ type inet_service; flags interval; auto-merge; elements = { 53 }; }'
    nsenter --net=/proc/PID/ns/net nft add set netdev vmchaos_abc123 peers4 '{ type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/8 }; }'
    nsenter --net=/proc/PID/ns/net nft create table netdev vmchaos_lock_tap0
    nsenter --net=/proc/PID/ns/net nft add chain netdev vmchaos_lock_tap0 vmchaos_abc123
    nsenter --net=/proc/PID/ns/net nft add chain netdev vmchaos_abc123 out_tap0 '{ type filter hook ingress device "tap0" priority -500; policy accept; }'
    nsenter --net=/proc/PID/ns/net nft add rule netdev vmchaos_abc123 out_tap0 'ip daddr @peers4 udp dport @ports counter drop'
    sleep 1.5
    nsenter --net=/proc/PID/ns/net nft delete table netdev vmchaos_abc123
    nsenter --net=/proc/PID/ns/net nft delete table netdev vmchaos_lock_tap0
    "#);
}

/// The agent's grammar takes no other characters.
#[test]
fn the_plan_holds_nothing_a_shell_would_see() {
    let settings = FilterSettings {
        protocols: Some("icmp,tcp".parse().unwrap()),
        peers: peers(&["10.0.0.0/8", "fd00::/8"]),
        ..FilterSettings::default()
    };
    let text = plan(settings, Directions::BOTH, &target(vec![masquerade(), bridged()]));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/%@- {},!=\n".contains(c);
    assert!(text.chars().all(allowed), "{text}");
}
