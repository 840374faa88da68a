use super::*;
use crate::fault::{Interface, KubeletProbe, KubeletProbeKind, Percent, ProbeAction, ProbePort, Rate, testing};
use crate::faults::packets::netem::{NetemPreset, NetemSettings};

pub(crate) fn target(binding: Binding, probes: Vec<KubeletProbe>) -> Target {
    let interface = Interface {
        binding,
        ..testing::masquerade()
    };
    Target {
        probes,
        ..testing::target(vec![interface])
    }
}

pub(crate) fn probe(kind: KubeletProbeKind, action: &str, timeout_seconds: u32) -> KubeletProbe {
    let (word, rest) = action.split_once(' ').unwrap();
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (port, path) = (ProbePort::from(port), path.to_owned());
    let action = match word {
        "tcp" => ProbeAction::Tcp { port },
        _ => ProbeAction::Http { port, path },
    };
    KubeletProbe {
        kind,
        action,
        period_seconds: 10,
        timeout_seconds,
        failure_threshold: 3,
    }
}

fn words(settings: NetemSettings, directions: Directions, target: &Target) -> Words {
    let fault = PacketEffect::Netem(settings.resolve().unwrap());
    describe(&fault, directions, Time::from_millis(120_000), [target])
}

fn settings() -> NetemSettings {
    NetemSettings::default()
}

#[test]
fn both_ways_add_up_on_a_round_trip() {
    let asked = NetemSettings {
        latency: Some(Time::from_millis(100)),
        jitter: Some(Time::from_millis(10)),
        loss: Some(Percent::whole(10)),
        bandwidth: Some(Rate::mbit(1)),
        ..settings()
    };
    let words = words(asked, Directions::BOTH, &target(Binding::Bridge, vec![]));
    assert_eq!(
        words.effects,
        [
            "both ways: into the guest (ingress) and out of it (egress)",
            "latency 100ms in and 100ms out: +200ms on every round trip, give or take 10ms each way",
            "loss 10% each way: 19% of round trips fail",
            "bandwidth 1mbit (125 kB/s) each way: 100 MB take at least 13 min",
        ]
    );
    assert_eq!(words.warnings, Vec::<String>::new());
}

#[test]
fn one_way_counts_once() {
    let asked = NetemSettings {
        latency: Some(Time::from_millis(100)),
        loss: Some(Percent::from_millionths(200)),
        ..settings()
    };
    assert_eq!(
        words(asked, Directions::EGRESS, &target(Binding::Masquerade, vec![])).effects,
        [
            "one way: out of the guest (egress); what it receives is left alone",
            "latency 100ms out of the guest: +100ms on every round trip",
            "loss 0.02% = 1 in 5,000 out of the guest: as many round trips fail",
            "with masquerade, what the launcher pod itself sends (sidecars) leaves by the same device and is hit too",
        ]
    );
}

#[test]
fn above_three_seconds_of_round_trip_new_neighbours_fail() {
    let asked = |millis| NetemSettings {
        latency: Some(Time::from_millis(millis)),
        ..settings()
    };
    let vm = target(Binding::Bridge, vec![]);
    assert!(words(asked(1_500), Directions::BOTH, &vm).warnings.is_empty());
    assert!(words(asked(1_501), Directions::BOTH, &vm).warnings[0].starts_with("ARP and IPv6 neighbour discovery"));
    assert!(words(asked(3_000), Directions::INGRESS, &vm).warnings.is_empty());
    assert!(
        words(NetemPreset::Degraded.settings(), Directions::BOTH, &vm).warnings[0].contains("4000ms on a round trip")
    );
}

#[test]
fn what_has_no_effect_or_a_strange_one_is_said() {
    let vm = target(Binding::Bridge, vec![]);
    let steady = NetemSettings {
        latency: Some(Time::from_millis(10)),
        correlation: Some(Percent::FULL),
        ..settings()
    };
    assert!(words(steady, Directions::BOTH, &vm).warnings[0].starts_with("correlation has no effect"));
    let wild = NetemSettings {
        jitter: Some(Time::from_millis(11)),
        correlation: None,
        ..steady
    };
    assert!(words(wild, Directions::BOTH, &vm).warnings[0].starts_with("jitter 11ms is more than the latency 10ms"));
    let cut = NetemSettings {
        loss: Some(Percent::FULL),
        ..settings()
    };
    assert!(words(cut, Directions::BOTH, &vm).warnings[0].starts_with("loss 100%"));
}

#[test]
fn a_probe_that_will_fail_is_told_with_what_follows() {
    let vm = target(Binding::Bridge, vec![probe(KubeletProbeKind::Liveness, "tcp 22", 1)]);
    let asked = |millis| NetemSettings {
        latency: Some(Time::from_millis(millis)),
        ..settings()
    };
    assert_eq!(
        words(asked(500), Directions::BOTH, &vm).warnings,
        [
            "shop/web-1: the liveness probe (tcp 22, timeout 1s) goes the same way and fails: \
          KubeVirt restarts the VM after 3 failures, some 30s"
        ]
    );
    assert!(words(asked(499), Directions::BOTH, &vm).warnings.is_empty());
    assert!(words(asked(500), Directions::INGRESS, &vm).warnings.is_empty());
}

#[test]
fn http_takes_two_round_trips_and_loss_may_fail_any_probe() {
    let vm = target(
        Binding::Bridge,
        vec![probe(KubeletProbeKind::Readiness, "http 8080/healthz", 1)],
    );
    let slow = NetemSettings {
        latency: Some(Time::from_millis(250)),
        ..settings()
    };
    assert_eq!(
        words(slow, Directions::BOTH, &vm).warnings,
        [
            "shop/web-1: the readiness probe (http 8080/healthz, timeout 1s) goes the same way and fails: \
          KubeVirt takes the VM out of its Services after some 30s"
        ]
    );
    let lossy = NetemSettings {
        loss: Some(Percent::whole(1)),
        ..settings()
    };
    assert!(words(lossy, Directions::BOTH, &vm).warnings[0].contains("may fail: if it does, KubeVirt takes"));
}

#[test]
fn a_fault_too_short_to_fail_a_probe_often_enough_says_nothing_of_it() {
    let vm = target(Binding::Bridge, vec![probe(KubeletProbeKind::Liveness, "tcp 22", 1)]);
    let fault = PacketEffect::Netem(NetemPreset::DnsTimeout.settings().resolve().unwrap());
    let told = |seconds: u64| {
        describe(&fault, Directions::BOTH, Time::from_millis(seconds * 1_000), [&vm])
            .warnings
            .len()
    };
    assert_eq!((told(19), told(20)), (1, 2));
}

#[test]
fn the_same_said_of_many_vms_is_said_once() {
    let vms: Vec<_> = (1..=4)
        .map(|i| Target {
            name: format!("web-{i}"),
            ..target(Binding::Bridge, vec![probe(KubeletProbeKind::Liveness, "tcp 22", 1)])
        })
        .collect();
    let fault = PacketEffect::Netem(NetemPreset::Starved.settings().resolve().unwrap());
    let warnings = |vms: &[Target]| describe(&fault, Directions::BOTH, Time::from_millis(120_000), vms).warnings;
    let names = |vms: &[Target]| warnings(vms)[0].split(": the").next().unwrap().to_owned();
    assert_eq!(warnings(&vms).len(), 1);
    assert_eq!(names(&vms), "shop/web-1, shop/web-2 and 2 more");
    assert_eq!(names(&vms[..2]), "shop/web-1 and shop/web-2");
}

#[test]
fn a_latency_as_long_as_the_fault_is_told() {
    let settings = NetemSettings {
        latency: Some(Time::from_millis(1_000)),
        ..settings()
    };
    let fault = PacketEffect::Netem(settings.resolve().unwrap());
    let told = |millis| describe(&fault, Directions::INGRESS, Time::from_millis(millis), []).warnings;
    assert!(told(1_001).is_empty());
    assert!(told(1_000)[0].starts_with("latency 1000ms is not less than the duration 1000ms"));
}

#[test]
fn small_and_odd_shares_and_long_transfers_are_told_in_figures_one_can_read() {
    let effects =
        |asked: NetemSettings| words(asked, Directions::BOTH, &target(Binding::Bridge, vec![])).effects[1].clone();
    let loss = |text: &str| {
        let loss = Percent::parse(text).ok();
        effects(NetemSettings { loss, ..settings() })
    };
    assert_eq!(loss("33.3%"), "loss 33.3% each way: 55.51% of round trips fail");
    assert_eq!(
        loss("0.001%"),
        "loss 0.001% = 1 in 100,000 each way: 0.002% of round trips fail"
    );
    let takes = |bandwidth| {
        let told = effects(NetemSettings {
            bandwidth: Some(bandwidth),
            ..settings()
        });
        told.rsplit_once("at least ").unwrap().1.to_owned()
    };
    assert_eq!(takes(Rate::mbit(8)), "100.0 s");
    assert_eq!(takes(Rate::mbit(1)), "13 min");
    assert_eq!(takes(Rate::kbit(100)), "2 h");
}

#[test]
fn jitter_as_large_as_the_latency_is_not_warned_of() {
    let warned = |jitter| {
        let asked = NetemSettings {
            latency: Some(Time::from_millis(100)),
            jitter: Some(Time::from_millis(jitter)),
            ..settings()
        };
        let told = words(asked, Directions::BOTH, &target(Binding::Bridge, vec![])).warnings;
        told.iter().any(|warning| warning.contains("is more than the latency"))
    };
    assert_eq!([100, 101].map(warned), [false, true]);
}
