//! Ports: rules of nftables, alone and beside another fault.

use serde_json::{Value, json};

use super::backend::Backend;
use super::{LONG, injected};
use crate::support::Running;

const FILTER: [&str; 11] = [
    "filter",
    "web-1",
    "--ports",
    "80",
    "--engine",
    "nft",
    "--duration",
    "10m",
    "-y",
    "-o",
    "json",
];

#[track_caller]
fn ended(mut run: Running) -> Value {
    run.signal("INT");
    let target = run.end().expect(130).target();
    assert_eq!((&target["state"], &target["error"]), (&json!("restored"), &Value::Null));
    target
}

#[test]
fn ports_are_cut_by_rules_that_are_read_back() {
    let backend = Backend::new();
    let run = injected(&backend, &FILTER);
    let tables = backend.tables("web-1");
    assert!(
        tables.contains(&"nft RUN".to_owned()) && tables.contains(&"nft vmchaos_lock_tap0".to_owned()),
        "{tables:?}"
    );
    let target = ended(run);
    let verified = target["verified"].as_array().unwrap();
    assert!(
        !verified.is_empty() && verified.iter().all(|one| one["engine"] == "nft"),
        "{target}"
    );
    backend.assert_clean();
    assert_eq!(backend.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}

#[test]
fn two_faults_on_one_vm_leave_each_other_alone() {
    let backend = Backend::new();
    for (first, second) in [(&LONG[..], &FILTER[..]), (&FILTER[..], &LONG[..])] {
        let before = injected(&backend, first);
        let after = injected(&backend, second);
        assert_eq!(backend.qdiscs("web-1").len(), 2);
        assert!(!backend.tables("web-1").is_empty());
        ended(before);
        let filter_is_left = first == LONG;
        assert_eq!(backend.qdiscs("web-1").is_empty(), filter_is_left);
        assert_eq!(backend.tables("web-1").is_empty(), !filter_is_left);
        ended(after);
        backend.assert_clean();
    }
}

#[test]
fn a_probe_sees_what_is_cut_and_what_is_not() {
    let backend = Backend::new();
    let cut = [
        "filter",
        "web-1",
        "--ports",
        "80",
        "--engine",
        "nft",
        "--duration",
        "6s",
        "-y",
        "-o",
        "json",
    ];
    let args = [&cut[..], &["--probe", "tcp:80", "--probe", "tcp:443"]].concat();
    let target = backend.run(&args).expect(0).target();
    let probes = &target["probes"];
    let count = |n: usize, phase: &str, what: &str| probes[n][phase][what].as_u64().unwrap();
    for n in [0, 1] {
        assert!(
            count(n, "before", "answered") > 0 && count(n, "after", "answered") > 0,
            "{probes}"
        );
        assert!(count(n, "during", "sent") > 0, "{probes}");
    }
    assert_eq!(count(0, "during", "answered"), 0, "{probes}");
    assert!(count(1, "during", "answered") > 0, "{probes}");
    backend.assert_clean();
}
