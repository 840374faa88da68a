//! Which devices a fault is put on: directions, interfaces, bindings.

use crate::support::Rehearsal;

/// The devices that hold a rule of ours while the fault is there; it is then ended by a signal.
#[track_caller]
fn faulted(rehearsal: &Rehearsal, namespace: &str, vmi: &str, more: &[&str]) -> Vec<String> {
    let base = [
        "netem",
        vmi,
        "-n",
        namespace,
        "--latency",
        "20ms",
        "--duration",
        "10m",
        "-y",
    ];
    let before = rehearsal.practice.qdiscs(namespace, vmi);
    let mut run = rehearsal.spawn(&[&base, more].concat());
    run.wait_for("injected on");
    let ours = rehearsal.ours(namespace, vmi);
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(
        rehearsal.practice.qdiscs(namespace, vmi),
        before,
        "the roots are what they were"
    );
    ours.iter()
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect()
}

#[test]
fn ingress_is_the_tap_and_egress_the_uplink() {
    let rehearsal = Rehearsal::new();
    assert_eq!(
        faulted(&rehearsal, "default", "web-1", &["--egress", "false"]),
        ["tap0"]
    );
    assert_eq!(faulted(&rehearsal, "default", "web-1", &["--ingress=false"]), ["eth0"]);
}

#[test]
fn a_bridge_binding_has_its_uplink_under_another_name() {
    let rehearsal = Rehearsal::new();
    assert_eq!(faulted(&rehearsal, "default", "db-1", &[]), ["eth0-nic", "tap0"]);
}

#[test]
fn a_plugin_with_a_managed_tap_is_like_a_bridge() {
    let rehearsal = Rehearsal::new();
    assert_eq!(faulted(&rehearsal, "default", "queue-1", &[]), ["eth0-nic", "tap0"]);
}

#[test]
fn a_multi_queue_tap_gets_its_mq_back() {
    let rehearsal = Rehearsal::new();
    let roots = rehearsal.practice.qdiscs("default", "cache-1");
    assert!(
        roots
            .iter()
            .any(|(device, line)| device == "tap0" && line.contains("mq")),
        "{roots:?}"
    );
    assert_eq!(faulted(&rehearsal, "default", "cache-1", &[]), ["eth0", "tap0"]);
}

#[test]
fn an_interface_can_be_named_by_its_network_or_its_tap() {
    let rehearsal = Rehearsal::new();
    let secondary = faulted(&rehearsal, "shop", "shop-db-1", &["--interfaces", "storage"]);
    assert_eq!(secondary.len(), 2, "{secondary:?}");
    let tap = secondary.iter().find(|device| device.starts_with("tap")).unwrap();
    assert!(
        tap.len() == "tap".len() + 11 && secondary.contains(&format!("{}-nic", &tap[3..])),
        "{secondary:?}"
    );
    assert_eq!(
        faulted(&rehearsal, "shop", "shop-db-1", &["--interfaces", tap]),
        secondary
    );
    assert_eq!(
        faulted(&rehearsal, "shop", "shop-db-1", &[]).len(),
        4,
        "none named: each one"
    );
}

#[test]
fn bindings_without_a_tap_on_a_bridge_are_refused_by_name() {
    let rehearsal = Rehearsal::new();
    let refused: [(&str, &[&str], &str); 5] = [
        ("vf-1", &[], "an SR-IOV device bypasses the pod's network"),
        (
            "router-1",
            &["--interfaces", "uplink"],
            "interface uplink (sriov) cannot take a fault",
        ),
        (
            "probe-1",
            &["--interfaces", "lan"],
            "interface lan (plugin macvtap) cannot take a fault",
        ),
        ("passt-1", &[], "passt has no tap"),
        (
            "probe-1",
            &["--interfaces", "wan"],
            "has no interface wan; it has: default (tap0), lan (plugin macvtap)",
        ),
    ];
    for (vmi, more, why) in refused {
        let base = ["netem", vmi, "-n", "lab", "--latency", "1ms", "-y"];
        rehearsal
            .run(&[&base, more].concat())
            .expect(4)
            .says(&[&format!("lab/{vmi} "), why]);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn interfaces_that_can_be_reached_are_taken_where_others_cannot() {
    let rehearsal = Rehearsal::new();
    assert_eq!(faulted(&rehearsal, "lab", "router-1", &[]), ["eth0", "tap0"]);
}
