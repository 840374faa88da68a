use super::*;

fn nic(network: &str, source: NetworkSource, wiring: Wiring) -> Nic {
    Nic {
        network: network.into(),
        source,
        wiring,
        pod_interface: None,
        absent: false,
    }
}

fn primary(wiring: Wiring) -> Nic {
    nic("default", NetworkSource::Primary, wiring)
}

fn secondary(network: &str) -> Nic {
    nic(network, NetworkSource::Secondary, Wiring::Bridge)
}

/// The plugins as they are known when the KubeVirt object could be read.
#[allow(clippy::unnecessary_wraps)]
fn plugins(entries: &[(&str, Option<&str>)]) -> Plugins {
    Some(
        entries
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.map(str::to_owned)))
            .collect(),
    )
}

/// `tap bridge uplink` of the only interface.
fn names(nic: &Nic, pod: &PodNetworks) -> String {
    let (reachable, rest) = reach(std::slice::from_ref(nic), pod, &plugins(&[]));
    assert_eq!(rest, []);
    format!("{} {} {}", reachable[0].tap, reachable[0].bridge, reachable[0].uplink)
}

fn why(nic: &Nic, plugins: &Plugins) -> String {
    let (reachable, rest) = reach(std::slice::from_ref(nic), &PodNetworks::default(), plugins);
    assert_eq!(reachable, []);
    rest[0].why.clone()
}

#[test]
fn the_pods_network() {
    let pod = PodNetworks::default();
    assert_eq!(names(&primary(Wiring::Masquerade), &pod), "tap0 k6t-eth0 eth0");
    assert_eq!(names(&primary(Wiring::Bridge), &pod), "tap0 k6t-eth0 eth0-nic");
}

#[test]
fn a_secondary_network_is_named_by_the_hash_of_its_name() {
    assert_eq!(hashed_pod_interface("blue"), "pod16477688c0e");
    assert_eq!(
        names(&secondary("blue"), &PodNetworks::default()),
        "tap16477688c0e k6t-16477688c0e 16477688c0e-nic"
    );
}

#[test]
fn what_the_status_says_goes_before_what_is_computed() {
    let nic = Nic {
        pod_interface: Some("net1".into()),
        ..secondary("blue")
    };
    assert_eq!(names(&nic, &PodNetworks::default()), "tap1 k6t-net1 net1-nic");
}

#[test]
fn a_vm_from_before_1_0_has_its_secondary_networks_numbered() {
    let pod = PodNetworks::parse(r#"[{"interface":"eth0","default":true},{"interface":"net1"},{"interface":"net2"}]"#);
    let (reachable, _) = reach(
        &[secondary("red"), primary(Wiring::Masquerade), secondary("blue")],
        &pod,
        &plugins(&[]),
    );
    let taps: Vec<&str> = reachable.iter().map(|interface| interface.tap.as_str()).collect();
    assert_eq!(taps, ["tap1", "tap0", "tap2"]);
}

#[test]
fn a_primary_user_defined_network_keeps_tap0() {
    let pod = PodNetworks::parse(r#"[{"interface":"eth0"},{"interface":"ovn-udn1","default":true}]"#);
    let nic = primary(Wiring::Plugin("l2bridge".into()));
    let (reachable, _) = reach(&[nic], &pod, &plugins(&[("l2bridge", Some("managedTap"))]));
    assert_eq!(
        reachable,
        [Interface {
            network: "default".into(),
            tap: "tap0".into(),
            bridge: "k6t-ovn-udn1".into(),
            uplink: "ovn-udn1-nic".into(),
            binding: Binding::ManagedTap,
        }]
    );
}

#[test]
fn an_annotation_that_cannot_be_read_is_as_good_as_none() {
    assert_eq!(PodNetworks::parse("{"), PodNetworks::default());
    assert_eq!(PodNetworks::parse(r#"[{"name":"x"}]"#).primary(), None);
}

#[test]
fn bindings_without_a_tap_on_a_bridge_are_refused_by_name() {
    let known = plugins(&[
        ("mv", Some("tap")),
        ("passt", None),
        ("own", None),
        ("hot", Some("vhostuser")),
    ]);
    let cases = [
        (Wiring::Sriov, "an SR-IOV device bypasses the pod's network"),
        (Wiring::Passt, "passt has no tap: it opens sockets on the pod's network"),
        (Wiring::Slirp, "slirp has no tap: QEMU opens the connections itself"),
        (
            Wiring::Macvtap,
            "macvtap has no tap on a bridge: its directions are the other way round",
        ),
        (Wiring::Unknown, "its binding is none that is known"),
        (
            Wiring::Plugin("mv".into()),
            "a plugin of type `tap` (macvtap) has no tap on a bridge: its directions are the other way round",
        ),
        (
            Wiring::Plugin("passt".into()),
            "passt has no tap: it opens sockets on the pod's network",
        ),
        (
            Wiring::Plugin("own".into()),
            "this plugin wires the VM in its own way (no domainAttachmentType)",
        ),
        (
            Wiring::Plugin("hot".into()),
            "plugins of type `vhostuser` are not supported",
        ),
        (
            Wiring::Plugin("new".into()),
            "this plugin is not registered in the KubeVirt object",
        ),
    ];
    for (wiring, words) in cases {
        assert_eq!(why(&primary(wiring), &known), words);
    }
}

#[test]
fn without_the_kubevirt_object_only_the_documented_plugin_is_taken() {
    let (reachable, _) = reach(
        &[primary(Wiring::Plugin("l2bridge".into()))],
        &PodNetworks::default(),
        &None,
    );
    assert_eq!(reachable[0].binding, Binding::ManagedTap);
    assert_eq!(
        why(&primary(Wiring::Plugin("mine".into())), &None),
        "how this plugin is wired is not known: the KubeVirt object could not be read"
    );
}

#[test]
fn an_interface_on_its_way_out_is_refused() {
    let nic = Nic {
        absent: true,
        ..secondary("blue")
    };
    assert_eq!(why(&nic, &None), "it is being unplugged");
}

#[test]
fn a_name_that_a_shell_could_misread_is_refused() {
    for bad in ["eth0;reboot", "$(id)", "a b", "eth0\n", "aaaaaaaaaaaaaaaaa", "é"] {
        let nic = Nic {
            pod_interface: Some(bad.into()),
            ..primary(Wiring::Masquerade)
        };
        assert!(why(&nic, &None).ends_with("which is no device name"), "{bad}");
    }
    assert!(!is_device_name("") && !is_device_name("..") && !is_device_name("-x"));
    assert!(is_device_name("k6t-16477688c0e") && is_device_name("eth0.100"));
}

#[test]
fn a_fault_may_be_on_what_none_could_be_put_on_now() {
    let of = |nics: &[Nic], plugins: &Plugins| -> Vec<String> {
        let all = may_hold(nics, &PodNetworks::default(), plugins);
        all.iter().map(|it| format!("{} {}", it.tap, it.uplink)).collect()
    };
    let corp = primary(Wiring::Plugin("corp".into()));
    // Whoever put it there could read the KubeVirt object, or the plugin was registered then.
    for unknown in [None, plugins(&[])] {
        assert_eq!(of(std::slice::from_ref(&corp), &unknown), ["tap0 eth0-nic"]);
    }
    let unplugged = Nic {
        absent: true,
        ..secondary("blue")
    };
    assert_eq!(
        of(&[primary(Wiring::Masquerade), unplugged], &None),
        ["tap0 eth0", "tap16477688c0e 16477688c0e-nic"]
    );
    assert_eq!(of(&[corp], &plugins(&[("corp", Some("tap"))])), [""; 0]);
    assert_eq!(of(&[primary(Wiring::Sriov), primary(Wiring::Passt)], &None), [""; 0]);
}
