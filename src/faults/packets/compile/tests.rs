use super::*;
use crate::fault::testing::{bridged, masquerade, target};
use crate::fault::{Percent, Rate, Time};
use crate::faults::packets::netem::qdisc::Shaper;
use crate::faults::packets::netem::{NetemPreset, NetemSettings};

fn lines(settings: NetemSettings, directions: Directions, target: &Target) -> Vec<String> {
    node_vm(settings, directions, target).unwrap().lines
}

fn qdiscs(vm: &NodeVm) -> &[ExpectedQdisc] {
    match &vm.expected {
        Expected::Qdiscs(qdiscs) => qdiscs,
        Expected::Filter(_) => panic!("not netem"),
    }
}

fn node_vm(settings: NetemSettings, directions: Directions, target: &Target) -> Result<NodeVm, CompileError> {
    let fault = PacketEffect::Netem(settings.resolve().unwrap());
    compile(&order(&fault, directions), target, 0, Duration::from_millis(1_500))
}

pub(crate) fn order(fault: &PacketEffect, directions: Directions) -> Order<'_> {
    Order {
        fault,
        directions,
        run: "abc123",
        handle: Handle::new(0x7a31).unwrap(),
        probes: &[],
    }
}

#[test]
fn both_directions_of_a_masquerade_vm() {
    let settings = NetemSettings {
        latency: Some(Time::from_millis(100)),
        loss: Some(Percent::whole(10)),
        ..NetemSettings::default()
    };
    assert_eq!(
        lines(settings, Directions::BOTH, &target(vec![masquerade()])),
        [
            "vm 0 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 ab12",
            "hold 0 1.5",
            "tap 0 tap0 k6t-eth0",
            "uplink 0 eth0 -",
            "need 0 sch_netem",
            "own 0 qdisc tap0 7a31:",
            "own 0 qdisc eth0 7a31:",
            "apply 0 tc qdisc add dev tap0 root handle 7a31: netem limit 200000 delay 100ms loss 10%",
            "apply 0 tc qdisc add dev eth0 root handle 7a31: netem limit 200000 delay 100ms loss 10%",
            "ease 0 100",
            "ease+ 0 tc qdisc change dev tap0 root handle 7a31: netem limit 200000 delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit",
            "ease+ 0 tc qdisc change dev eth0 root handle 7a31: netem limit 200000 delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit",
            "undo 0 tc qdisc del dev tap0 root handle 7a31:",
            "undo 0 tc qdisc del dev eth0 root handle 7a31:",
        ]
    );
}

#[test]
fn one_direction_touches_one_device_and_bandwidth_alone_needs_no_netem() {
    let lines = lines(
        NetemPreset::Starved.settings(),
        Directions::EGRESS,
        &target(vec![bridged()]),
    );
    assert_eq!(
        lines[2..],
        [
            "tap 0 tap16477688c0e k6t-16477688c0e",
            "uplink 0 16477688c0e-nic k6t-16477688c0e",
            "own 0 qdisc 16477688c0e-nic 7a31:",
            "apply 0 tc qdisc add dev 16477688c0e-nic root handle 7a31: tbf rate 100kbit burst 16384b latency 1000ms",
            "ease 0 122",
            "ease+ 0 tc qdisc change dev 16477688c0e-nic root handle 7a31: tbf rate 10gbit burst 5000000b limit 5000000b",
            "undo 0 tc qdisc del dev 16477688c0e-nic root handle 7a31:",
        ]
    );
}

#[test]
fn every_effect_is_told_to_tc_with_its_unit() {
    let settings = NetemSettings {
        latency: Some(Time::from_micros(1_500)),
        jitter: Some(Time::from_micros(250)),
        correlation: Some(Percent::whole(25)),
        distribution: Some(crate::faults::packets::netem::Distribution::ParetoNormal),
        loss: Some(Percent::from_millionths(5_000)),
        duplicate: Some(Percent::whole(1)),
        corrupt: Some(Percent::from_millionths(1)),
        reorder: Some(Percent::whole(25)),
        gap: Some(5),
        bandwidth: Some(Rate::kbit(1_500)),
        limit: Some(77),
    };
    let compiled = node_vm(settings, Directions::INGRESS, &target(vec![masquerade()])).unwrap();
    assert_eq!(
        qdiscs(&compiled)[0].shaper.params(),
        "netem limit 77 delay 1500us 250us 25% distribution paretonormal loss 0.5% duplicate 1% corrupt 0.0001% reorder 25% gap 5 rate 1500kbit"
    );
    let reordered = NetemSettings { gap: None, ..settings }.resolve().unwrap();
    assert!(matches!(netem::compile::shaper(&reordered), Shaper::Netem(qdisc) if qdisc.gap == 1));
    let steady = NetemSettings {
        jitter: Some(Time::ZERO),
        ..settings
    };
    let compiled = node_vm(steady, Directions::INGRESS, &target(vec![masquerade()])).unwrap();
    assert!(
        qdiscs(&compiled)[0]
            .shaper
            .params()
            .starts_with("netem limit 77 delay 1500us loss 0.5%")
    );
}

#[test]
fn the_drain_is_the_delay_and_four_times_the_jitter_but_a_second_at_most() {
    let drain = |latency, jitter, bandwidth| {
        let netem = NetemSettings {
            latency: Some(Time::from_millis(latency)),
            jitter: Some(Time::from_millis(jitter)),
            bandwidth,
            loss: Some(Percent::whole(1)),
            ..NetemSettings::default()
        };
        netem::compile::shaper(&netem.resolve().unwrap()).drain_millis()
    };
    assert_eq!(drain(100, 10, None), 140);
    assert_eq!(drain(5_000, 0, None), 1_000);
    assert_eq!(drain(0, 0, None), 0);
    assert_eq!(drain(0, 0, Some(Rate::mbit(1))), 200);
}

#[test]
fn interfaces_that_share_an_uplink_shape_it_once() {
    let mut second = masquerade();
    second.tap = "tap1".into();
    let compiled = node_vm(
        NetemPreset::DnsTimeout.settings(),
        Directions::BOTH,
        &target(vec![masquerade(), second]),
    )
    .unwrap();
    let devices: Vec<_> = qdiscs(&compiled).iter().map(|e| e.device.as_str()).collect();
    assert_eq!(devices, ["tap0", "eth0", "tap1"]);
    assert_eq!(compiled.lines.iter().filter(|l| l.starts_with("uplink")).count(), 1);
}

#[test]
fn a_word_that_a_shell_would_see_is_refused() {
    for word in ["tap0;reboot", "$(id)", "", "tap 0", "-x", "tap\n0", "täp"] {
        let mut bad = masquerade();
        bad.tap = word.into();
        let error = node_vm(NetemPreset::DnsTimeout.settings(), Directions::BOTH, &target(vec![bad])).unwrap_err();
        assert!(matches!(&error, CompileError::Word { what: "the tap", .. }), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    let mut same = masquerade();
    same.uplink = "tap0".into();
    let error = node_vm(
        NetemPreset::DnsTimeout.settings(),
        Directions::BOTH,
        &target(vec![same]),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "shop/web-1: tap0 would carry both directions of the fault"
    );
    assert!(matches!(
        node_vm(NetemPreset::DnsTimeout.settings(), Directions::BOTH, &target(vec![])),
        Err(CompileError::NoInterface { .. })
    ));
}

#[test]
fn a_launcher_whose_container_is_not_known_is_found_by_its_uid() {
    let mut unknown = target(vec![masquerade()]);
    unknown.launcher.container_id = None;
    let lines = lines(NetemPreset::DnsTimeout.settings(), Directions::BOTH, &unknown);
    assert_eq!(lines[0], "vm 0 0c8d4f1e-8f5e-4c57-9d7c-1c9d8a8f0001 -");
}

#[test]
fn people_see_the_whole_course() {
    let compiled = node_vm(
        NetemPreset::DnsTimeout.settings(),
        Directions::INGRESS,
        &target(vec![masquerade()]),
    )
    .unwrap();
    assert_eq!(
        compiled.commands_for_people,
        [
            "nsenter --net=/proc/PID/ns/net tc qdisc add dev tap0 root handle 7a31: netem limit 500000 delay 5000ms",
            "sleep 1.5",
            "nsenter --net=/proc/PID/ns/net tc qdisc change dev tap0 root handle 7a31: netem limit 500000 delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit",
            "nsenter --net=/proc/PID/ns/net tc qdisc del dev tap0 root handle 7a31:",
        ]
    );
}
