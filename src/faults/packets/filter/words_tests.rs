use crate::fault::{Binding, Cidr, Directions, KubeletProbeKind, Ports, Target, Time};
use crate::faults::packets::filter::{Engine, FilterAction, FilterPreset, FilterSettings};
use crate::faults::packets::spec::PacketEffect;
use crate::faults::packets::words::kubelet_probes::Fails;
use crate::faults::packets::words::tests::{probe, target};
use crate::faults::packets::words::{Words, describe};

fn words(settings: FilterSettings, directions: Directions, target: &Target) -> Words {
    let fault = PacketEffect::Filter(settings.resolve().unwrap());
    describe(&fault, directions, Time::from_millis(120_000), [target])
}

fn of(protocols: &str, ports: &str, peer: &str) -> FilterSettings {
    FilterSettings {
        ports: Ports::parse(ports).ok(),
        protocols: Some(protocols.parse().unwrap()),
        peers: Cidr::parse(peer).ok().into_iter().collect(),
        ..FilterSettings::default()
    }
}

#[test]
fn what_is_cut_and_what_is_not() {
    let words = words(
        FilterPreset::Dns.settings(),
        Directions::BOTH,
        &target(Binding::Masquerade, vec![]),
    );
    assert_eq!(
        words.effects,
        [
            "both ways: into the guest (ingress) and out of it (egress)",
            "into the guest: drops TCP and UDP to its port 53",
            "out of the guest: drops TCP and UDP to port 53",
            "a port is the destination's both ways: replies are not matched, and what uses other ports works",
            "round trips to these ports time out; connections that are open already stall, and go on afterwards if neither end has given up",
            "not cut: ICMP (ping still passes), SCTP, ARP, IPv6 neighbour discovery",
            "not seen: frames with two VLAN tags, which pass; ports in later fragments, which are of no use without the first \
             (by tc, in any fragment: those packets pass)",
            "a Service is its cluster IP and port on the way out, and its target port on the way in",
            "by nft, where the node's kernel has netdev ingress and egress hooks (Linux 5.16); else by tc flower filters",
        ]
    );
    assert_eq!(words.warnings, Vec::<String>::new());
}

#[test]
fn peers_have_a_side_and_a_family() {
    let vm = target(Binding::Bridge, vec![]);
    let told = words(of("sctp", "", "10.0.0.0/8"), Directions::EGRESS, &vm)
        .effects
        .join("\n");
    assert!(told.contains("out of the guest: drops SCTP to 10.0.0.0/8"), "{told}");
    assert!(
        told.contains("not cut: IPv6 (only IPv4 peers are named), ICMP (ping still passes), TCP, UDP, ARP"),
        "{told}"
    );
    let told = words(of("icmp", "", "fd00::/8"), Directions::INGRESS, &vm)
        .effects
        .join("\n");
    assert!(
        told.contains("into the guest: drops ICMP (ping and errors) from fd00::/8"),
        "{told}"
    );
    assert!(
        told.contains("IPv4 (only IPv6 peers are named)") && !told.contains("ping still"),
        "{told}"
    );
}

#[test]
fn a_rejection_is_told_and_hits_sidecars_on_the_way_in() {
    let reject = FilterSettings {
        action: Some(FilterAction::Reject),
        ..of("tcp", "80", "")
    };
    let told = words(
        reject.clone(),
        Directions::INGRESS,
        &target(Binding::Masquerade, vec![]),
    )
    .effects
    .join("\n");
    for part in [
        "rejects TCP to its port 80",
        "fail at once",
        "TCP with a reset",
        "sidecars",
        "(Linux 5.11)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("flower"), "{told}");
    let sidecars = |directions, binding| {
        let told = words(reject.clone(), directions, &target(binding, vec![])).effects;
        told.iter().any(|line| line.contains("sidecars"))
    };
    assert!(!sidecars(Directions::EGRESS, Binding::Masquerade) && !sidecars(Directions::INGRESS, Binding::Bridge));
}

#[test]
fn dhcp_is_warned_of_when_it_is_cut() {
    let warned = |settings, directions| {
        let warnings = words(settings, directions, &target(Binding::Bridge, vec![])).warnings;
        warnings.iter().any(|warning| warning.contains("DHCP"))
    };
    assert!(warned(FilterPreset::Isolate.settings(), Directions::BOTH));
    assert!(warned(of("all", "", ""), Directions::EGRESS));
    assert!(warned(of("udp", "67", ""), Directions::EGRESS) && warned(of("udp", "60-70", ""), Directions::INGRESS));
    assert!(!warned(of("udp", "67", ""), Directions::INGRESS) && !warned(of("tcp", "", ""), Directions::BOTH));
    assert!(!warned(of("udp", "", "10.0.0.0/8"), Directions::BOTH));
}

#[test]
fn fragments_are_told_by_engine() {
    let told = |ports: &str, engine| {
        let settings = FilterSettings {
            engine: Some(engine),
            ..of("udp", ports, "")
        };
        let effects = words(settings, Directions::BOTH, &target(Binding::Bridge, vec![])).effects;
        effects.into_iter().find(|line| line.starts_with("not seen")).unwrap()
    };
    assert!(told("53", Engine::Tc).ends_with("ports in fragmented packets, which pass"));
    assert!(told("53", Engine::Nft).ends_with("of no use without the first"));
    assert!(told("", Engine::Tc).ends_with("two VLAN tags, which pass"));
}

#[test]
fn a_probe_on_the_same_way_fails() {
    let vm = target(
        Binding::Bridge,
        vec![probe(KubeletProbeKind::Liveness, "http 8080/healthz", 1)],
    );
    let told = |settings, directions| {
        let warnings = words(settings, directions, &vm).warnings;
        warnings.into_iter().find(|warning| warning.contains("probe"))
    };
    assert_eq!(
        told(of("tcp", "8080", ""), Directions::INGRESS).unwrap(),
        "shop/web-1: the liveness probe (http 8080/healthz, timeout 1s) goes the same way and fails: \
         KubeVirt restarts the VM after 3 failures, some 30s"
    );
    assert!(
        told(of("all", "", ""), Directions::EGRESS)
            .unwrap()
            .contains("and fails")
    );
    // Its answer goes to a port of the node that nobody knows.
    assert!(told(of("tcp", "8080", ""), Directions::EGRESS).is_none());
    assert!(
        told(of("tcp", "8080,40000-50000", ""), Directions::EGRESS)
            .unwrap()
            .contains("may fail")
    );
    // Whether the node is among the peers is not known either.
    assert!(
        told(of("tcp", "", "10.0.0.0/8"), Directions::BOTH)
            .unwrap()
            .contains("may fail")
    );
    assert!(
        told(of("tcp", "443", ""), Directions::BOTH).is_none() && told(of("udp", "", ""), Directions::BOTH).is_none()
    );
}

#[test]
fn a_kubelet_probe_is_told_to_fail_as_surely_as_that_is_known() {
    let fails = |action: &str, settings: FilterSettings, directions| {
        let filter = settings.resolve().unwrap();
        super::words::fails(&filter, directions, &probe(KubeletProbeKind::Liveness, action, 1))
    };
    let (into, out) = (Directions::INGRESS, Directions::EGRESS);
    let (surely, perhaps) = (Some(Fails::Surely), Some(Fails::Perhaps));
    // What it asks.
    assert_eq!(fails("http 8080/x", of("tcp", "8080", ""), into), surely);
    assert_eq!(fails("http 8080/x", of("tcp", "22", ""), into), None);
    assert_eq!(fails("http web/x", of("tcp", "", ""), into), surely, "all of its ports");
    assert_eq!(
        fails("http web/x", of("tcp", "8080", ""), into),
        perhaps,
        "a named port"
    );
    assert_eq!(fails("http 8080/x", of("udp", "", ""), into), None);
    // What it is answered, at a port that nobody knows.
    assert_eq!(fails("http 8080/x", of("tcp", "", ""), out), surely);
    assert_eq!(fails("http 8080/x", of("tcp", "8080", ""), out), None);
    assert_eq!(fails("http 8080/x", of("tcp", "40000", ""), out), perhaps);
    // Of some peers: whether the node is one of them is not known.
    assert_eq!(fails("http 8080/x", of("tcp", "8080", "10.0.0.0/8"), into), perhaps);
    assert_eq!(fails("http 8080/x", of("tcp", "8080", "10.0.0.0/8"), out), None);
    assert_eq!(fails("http 8080/x", of("tcp", "", "10.0.0.0/8"), out), perhaps);
}

#[test]
fn neighbour_discovery_is_cut_by_all_alone_and_only_where_ipv6_is() {
    let passes = |protocols: &str, peer: &str| {
        let told = words(
            of(protocols, "", peer),
            Directions::BOTH,
            &target(Binding::Bridge, vec![]),
        )
        .effects;
        told.join("\n").contains("IPv6 neighbour discovery")
    };
    assert!(passes("tcp", ""));
    assert!(!passes("tcp", "10.0.0.0/8"));
    assert!(!passes("all", ""));
    assert!(!passes("all", "10.0.0.0/8"));
}
