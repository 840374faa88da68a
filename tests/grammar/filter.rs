//! What a `filter` line means, and what is said to one that means nothing.

use kubectl_vmchaos::testing::fault::Directions;
use serde_json::json;

use super::errors::told;
use super::{filter, in_document};

/// What the fault's document shows of a line.
fn document(line: &str) -> serde_json::Value {
    in_document(&filter(line).fault)
}

#[test]
fn nothing_but_a_vm_isolates_it() {
    assert_eq!(
        document("web-1"),
        json!({"type": "filter", "protocols": ["tcp", "udp"], "action": "drop", "engine": "auto", "ingress": true, "egress": true,
            "duration": "120s", "execution": "serial", "onMigration": "follow", "detach": false})
    );
    assert_eq!(
        filter("web-1").fault.spec.fault,
        filter("web-1 --preset isolate").fault.spec.fault
    );
}

#[test]
fn values_are_canonical() {
    let shown = document(
        "web-1 --ports 8000-8100,53,54 --protocols UDP,tcp,udp --peer 10.0.0.0/8 --peer fd00::/8,10.1.0.0/16 --action reject \
         --engine nft --ingress=false --interfaces tap0 --duration 90",
    );
    for (key, value) in [
        ("ports", json!("53-54,8000-8100")),
        ("protocols", json!(["tcp", "udp"])),
        ("peer", json!(["10.0.0.0/8", "fd00::/8"])),
        ("action", json!("reject")),
        ("engine", json!("nft")),
        ("ingress", json!(false)),
        ("interfaces", json!(["tap0"])),
        ("duration", json!("90s")),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(document("x --protocols all,tcp")["protocols"], json!(["all"]));
}

#[test]
fn an_empty_value_is_a_flag_left_out() {
    let empty =
        "web-1 --ports= --protocols= --peer= --action= --engine= --preset= --ingress= --interfaces= --duration=";
    assert_eq!(document(empty), document("web-1"));
    assert_eq!(filter("x --egress false").fault.spec.directions, Directions::INGRESS);
}

#[test]
fn a_flag_beside_a_preset_wins() {
    for (line, words) in [
        ("x --preset dns", "drop tcp,udp port 53"),
        ("x --preset dns --protocols udp", "drop udp port 53"),
        ("x --preset web --ports 3000 --action reject", "reject tcp port 3000"),
        (
            "x --preset management --peer 10.0.0.0/8",
            "drop tcp port 22,443,6443 with peer 10.0.0.0/8",
        ),
    ] {
        assert_eq!(filter(line).fault.spec.fault.to_string(), words, "{line}");
    }
    assert_eq!(document("x --preset dns --protocols udp")["preset"], "dns");
}

#[test]
fn a_wrong_value_is_told_with_its_flag_and_one_that_would_do() {
    for (flags, expected) in [
        (
            "--ports 0",
            "'0' for '--ports <PORT,…>': port 0 is no port; leave --ports out for every port; try `1-65535`",
        ),
        (
            "--ports 70000",
            "'70000' for '--ports <PORT,…>': above 65535, the highest port; try `65535`",
        ),
        (
            "--ports 8100-8000",
            "'8100-8000' for '--ports <PORT,…>': the range is reversed; try `8000-8100`",
        ),
        (
            "--ports 0-100",
            "'0-100' for '--ports <PORT,…>': port 0 is no port; a range begins at 1 or above; try `1-100`",
        ),
        (
            "--ports 53,",
            "'53,' for '--ports <PORT,…>': a comma without a port beside it; try `53`",
        ),
        (
            "--ports dns",
            "'dns' for '--ports <PORT,…>': a service's name is not a port; try `53`",
        ),
        (
            "--ports -1",
            "'-1' for '--ports <PORT,…>': a port cannot be negative; try `1`",
        ),
        (
            "--protocols gre",
            "'gre' for '--protocols <NAME,…>': `gre` is not one of tcp, udp, icmp, sctp, all; try `tcp,udp`",
        ),
        (
            "--protocols icmpv6",
            "'icmpv6' for '--protocols <NAME,…>': `icmpv6` is not one of tcp, udp, icmp, sctp, all; try `icmp`",
        ),
        (
            "--protocols tcp,",
            "'tcp,' for '--protocols <NAME,…>': a comma without a protocol beside it; try `tcp,udp`",
        ),
        (
            "--peer 10.1.2.3/8",
            "'10.1.2.3/8' for '--peer <CIDR>': 10.1.2.3 is an address within the block; say the block; try `10.0.0.0/8`",
        ),
        (
            "--peer ::ffff:10.0.0.1",
            "'::ffff:10.0.0.1' for '--peer <CIDR>': an IPv4-mapped address is never on the wire; say the IPv4 address; try `10.0.0.1`",
        ),
        (
            "--peer db.shop",
            "'db.shop' for '--peer <CIDR>': not an IPv4 or IPv6 address or block; try `10.0.0.0/8`",
        ),
    ] {
        assert_eq!(
            told(&format!("filter x {flags}")),
            format!("invalid value {expected}"),
            "{flags}"
        );
    }
    for (flags, expected) in [
        ("--action refuse", "invalid value 'refuse' for '--action <WHAT>'"),
        ("--engine iptables", "invalid value 'iptables' for '--engine <NAME>'"),
        ("--preset degraded", "invalid value 'degraded' for '--preset <NAME>'"),
        ("--latency 100ms", "unexpected argument '--latency' found"),
        (
            "-f run.yaml",
            "invalid value 'run.yaml' for '--filename <FILE>': files are for `kubectl vmchaos run`",
        ),
    ] {
        let told = told(&format!("filter x {flags}"));
        assert!(told.starts_with(expected), "{flags}: {told}");
    }
}

#[test]
fn values_that_do_not_go_together_are_told_with_the_fix() {
    for (flags, problem, fix) in [
        (
            "--ports 53 --protocols icmp",
            "--ports 53 and --protocols icmp do not go together: ICMP has no ports",
            "leave one",
        ),
        (
            "--ports 53 --protocols tcp,icmp",
            "--ports 53 and --protocols icmp do not go together: ICMP has no ports",
            "leave one",
        ),
        (
            "--preset dns --protocols all",
            "--ports 53 and --protocols all do not go together: not everything has ports",
            "leave one",
        ),
        (
            "--action reject --engine tc",
            "--action reject and --engine tc do not go together: tc cannot answer a packet",
            "use --action drop",
        ),
        (
            "--ingress false --egress false",
            "--ingress false and --egress false leave no direction for the fault",
            "leave one",
        ),
    ] {
        let told = told(&format!("filter x {flags}"));
        let (told_problem, hint) = told
            .split_once(" | ")
            .unwrap_or_else(|| panic!("{flags}: no hint in {told}"));
        assert_eq!(told_problem, problem, "{flags}");
        assert!(hint.starts_with(fix), "{flags}: {hint}");
    }
}
