use super::*;

fn ports(text: &str) -> Ports {
    Ports::parse(text).unwrap()
}

fn peers(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| Cidr::parse(text).unwrap()).collect()
}

#[test]
fn nothing_asked_for_is_all_that_applications_speak() {
    let filter = FilterSettings::default().resolve().unwrap();
    assert_eq!(filter.to_string(), "drop tcp,udp");
    assert!(filter.has_ipv4() && filter.has_ipv6() && filter.hits(Protocol::Udp, 67));
    assert!(!filter.hits(Protocol::Sctp, 67));
}

#[test]
fn protocols_are_in_order_and_all_swallows_the_others() {
    for (text, shown) in [
        ("udp,tcp,udp", "tcp,udp"),
        ("ICMP", "icmp"),
        ("tcp, sctp", "tcp,sctp"),
        ("tcp,all", "all"),
    ] {
        assert_eq!(text.parse::<Protocols>().unwrap().to_string(), shown);
    }
    for (bad, instead) in [
        ("tcp,", "tcp,udp"),
        ("icmpv6", "icmp"),
        ("any", "all"),
        ("gre", "tcp,udp"),
    ] {
        assert_eq!(bad.parse::<Protocols>().unwrap_err().instead, instead, "{bad}");
    }
}

#[test]
fn ports_need_protocols_that_have_them() {
    for protocols in ["icmp", "all", "tcp,icmp"] {
        let settings = FilterSettings {
            ports: Some(ports("53")),
            protocols: Some(protocols.parse().unwrap()),
            ..FilterSettings::default()
        };
        let problem = settings.resolve().unwrap_err().message;
        assert!(problem.starts_with("--ports 53 and --protocols "), "{problem}");
    }
}

#[test]
fn tc_cannot_reject() {
    let settings = FilterSettings {
        action: Some(FilterAction::Reject),
        engine: Some(Engine::Tc),
        ..FilterSettings::default()
    };
    assert!(
        settings
            .resolve()
            .unwrap_err()
            .hint
            .unwrap()
            .to_string()
            .contains("--action drop")
    );
}

#[test]
fn peers_of_one_family_leave_the_other_alone() {
    let settings = FilterSettings {
        peers: peers(&["10.1.0.0/16", "10.0.0.0/8"]),
        ..FilterSettings::default()
    };
    let filter = settings.resolve().unwrap();
    assert_eq!(filter.peers, peers(&["10.0.0.0/8"]));
    assert_eq!((filter.has_ipv4(), filter.has_ipv6()), (true, false));
    assert_eq!(filter.to_string(), "drop tcp,udp with peer 10.0.0.0/8");
}

#[test]
fn a_long_list_is_cut_for_people_and_whole_in_the_document() {
    let many: Vec<_> = (1..=40).map(|i| (i * 10).to_string()).collect();
    let settings = FilterSettings {
        ports: Some(ports(&many.join(","))),
        ..FilterSettings::default()
    };
    let filter = settings.resolve().unwrap();
    assert!(filter.to_string().ends_with(",120 and 28 more"), "{filter}");
    assert_eq!(serde_json::to_value(&filter).unwrap()["ports"], many.join(","));
}
