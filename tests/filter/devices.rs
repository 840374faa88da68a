//! Which devices and hooks the rules go on: directions, actions, interfaces, bindings.

use crate::support::Rehearsal;

/// Device and direction of each reading, e.g. `tap0 ingress (hook egress)`.
#[track_caller]
fn hooks(rehearsal: &Rehearsal, namespace: &str, vmi: &str, more: &[&str]) -> Vec<String> {
    let base = ["filter", vmi, "-n", namespace, "--duration", "1s", "-y", "-o", "json"];
    let target = rehearsal.run(&[&base, more].concat()).expect(0).target();
    assert_eq!(rehearsal.practice.filters(namespace, vmi), Vec::<String>::new());
    target["verified"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let read = one["read"].as_str().unwrap();
            format!(
                "{} {}",
                one["device"].as_str().unwrap(),
                read.split(": ").next().unwrap()
            )
        })
        .collect()
}

#[test]
fn what_goes_in_is_sent_by_the_tap_and_what_comes_out_is_received_by_it() {
    let rehearsal = Rehearsal::new();
    let (into, out_of) = ("tap0 ingress (hook egress)", "tap0 egress (hook ingress)");
    assert_eq!(hooks(&rehearsal, "default", "web-1", &[]), [into, out_of]);
    assert_eq!(hooks(&rehearsal, "default", "web-1", &["--egress", "false"]), [into]);
    assert_eq!(hooks(&rehearsal, "default", "web-1", &["--ingress=false"]), [out_of]);
    assert_eq!(
        hooks(&rehearsal, "default", "web-1", &["--engine", "tc"]),
        [into, out_of]
    );
}

#[test]
fn what_is_rejected_on_its_way_in_is_so_on_the_uplink() {
    let rehearsal = Rehearsal::new();
    let reject = ["--action", "reject"];
    assert_eq!(
        hooks(&rehearsal, "default", "web-1", &reject),
        ["eth0 ingress (hook ingress)", "tap0 egress (hook ingress)"]
    );
    assert_eq!(
        hooks(&rehearsal, "default", "db-1", &reject),
        ["eth0-nic ingress (hook ingress)", "tap0 egress (hook ingress)"]
    );
    assert_eq!(
        hooks(&rehearsal, "default", "queue-1", &reject)[0],
        "eth0-nic ingress (hook ingress)",
        "a managed tap"
    );
}

#[test]
fn every_interface_unless_some_are_named() {
    let rehearsal = Rehearsal::new();
    assert_eq!(hooks(&rehearsal, "shop", "shop-db-1", &[]).len(), 4);
    let named = hooks(&rehearsal, "shop", "shop-db-1", &["--interfaces", "storage"]);
    assert_eq!(named.len(), 2, "{named:?}");
    let tap = named[0].split(' ').next().unwrap();
    assert!(tap.starts_with("tap") && tap.len() == "tap".len() + 11, "{tap}");
    rehearsal
        .run(&["filter", "vf-1", "-n", "lab", "-y"])
        .expect(4)
        .says(&["an SR-IOV device bypasses the pod's network"]);
}

#[test]
fn a_multi_queue_tap_keeps_its_qdiscs() {
    let rehearsal = Rehearsal::new();
    let before = rehearsal.practice.qdiscs("default", "cache-1");
    hooks(&rehearsal, "default", "cache-1", &["--engine", "tc"]);
    assert_eq!(rehearsal.practice.qdiscs("default", "cache-1"), before);
}
