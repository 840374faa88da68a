//! `--probe`: the effect of a fault, seen from the node.

use std::time::Duration;

use serde_json::Value;
use vmchaos_rehearsal::host::{Feature, Presence};
use vmchaos_rehearsal::{AgentKind, Options};

use crate::support::Rehearsal;

const BASE: [&str; 5] = ["netem", "web-1", "--latency", "150ms", "-y"];

/// A practice cluster whose times are not those of a busy machine.
fn rehearsal() -> Rehearsal {
    Rehearsal::with(Options {
        agent: AgentKind::Double,
        migration_step: Duration::from_millis(50),
        ..Options::default()
    })
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BASE[..], more].concat()
}

fn median(probe: &Value, phase: &str) -> f64 {
    probe[phase]["medianMs"]
        .as_f64()
        .unwrap_or_else(|| panic!("{phase}: {probe}"))
}

#[test]
fn a_delay_is_seen_in_every_round_trip_and_is_gone_afterwards() {
    let rehearsal = rehearsal();
    let args = with(&[
        "--duration",
        "4s",
        "-o",
        "json",
        "--probe",
        "tcp:8080",
        "--probe",
        "http:80/healthz?a=b",
    ]);
    let ended = rehearsal.run(&args).expect(0);
    let document = ended.json();
    assert_eq!(
        document["fault"]["probe"],
        serde_json::json!(["tcp:8080", "http:80/healthz?a=b"])
    );
    let probes = ended.target()["probes"].clone();
    for (n, trips) in [(0, 1.0), (1, 2.0)] {
        let probe = &probes[n];
        assert!(probe["address"].as_str().unwrap().starts_with("10."), "{probe}");
        assert!(median(probe, "during") >= 300.0 * trips, "{probe}");
        assert!(
            median(probe, "before") < 100.0 && median(probe, "after") < 100.0,
            "{probe}"
        );
        for phase in ["before", "during", "after"] {
            let summary = &probe[phase];
            assert!(summary["sent"].as_u64().unwrap() >= 2, "{phase}: {probe}");
            assert_eq!(summary["sent"], summary["answered"], "{phase}: {probe}");
        }
        let samples = probe["samples"].as_array().unwrap();
        let phases: Vec<&str> = samples.iter().map(|sample| sample["phase"].as_str().unwrap()).collect();
        assert!(phases.is_sorted_by_key(|phase| ["before", "during", "after"].iter().position(|p| p == phase)));
        let injected = ended.target()["injectedAt"].as_str().unwrap().to_owned();
        let before = samples
            .iter()
            .filter(|sample| sample["at"].as_str().unwrap() < injected.as_str());
        assert!(before.count() >= 3, "{probe}");
    }
    // The plan says it, in words and as commands.
    ended.says(&["a TCP connection to port 8080", "probed from its node", "curl -sS -m "]);
}

#[test]
fn the_chart_is_plain_text_of_the_locale() {
    let rehearsal = rehearsal();
    let args = with(&["--duration", "3s", "--probe", "icmp"]);
    let ascii = rehearsal.run(&args).expect(0);
    assert!(ascii.err.is_ascii(), "{}", ascii.err);
    assert!(!ascii.err.contains('\x1b'));
    ascii.says(&[
        "default/web-1  icmp  ___|@",
        "|___",
        "before 0.4 ms, during 300 ms, after 0.4 ms; 0 of ",
    ]);
    let mut command = rehearsal.command(&args);
    command.env("LANG", "C.UTF-8");
    // Off a terminal TERM says nothing of the reader.
    command.env("TERM", "xterm");
    let unicode = crate::support::Running::start(command).end().expect(0);
    unicode.says(&["default/web-1  icmp  ▁▁▁│█", "│▁▁▁"]);
}

#[test]
fn a_dry_run_shows_the_probes_and_makes_none() {
    let rehearsal = rehearsal();
    let ended = rehearsal
        .run(&with(&["--probe", "icmp", "--dry-run", "-o", "json"]))
        .expect(0);
    let document = ended.json();
    let commands = document["plan"][0]["commands"].to_string();
    assert!(commands.contains("ping -c 1 -W 3 10."), "{commands}");
    assert_eq!(ended.target()["probes"][0]["samples"], serde_json::json!([]));
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn what_is_no_probe_is_refused_with_the_fix() {
    let rehearsal = rehearsal();
    for (bad, fix) in [
        ("tcp", "try `tcp:22`"),
        ("tcp:0", "try `tcp:8080`"),
        ("http:80/a b", "try `http:80/a%20b`"),
        ("http:80/$(reboot)", "try `http:80/%24%28reboot%29`"),
        ("http:80/\r\nX: y", "percent-encoded"),
        ("udp:53", "try `tcp:22, http:8080/healthz or icmp`"),
    ] {
        rehearsal
            .run(&with(&["--probe", bad]))
            .expect(2)
            .says(&["--probe", fix]);
    }
}

#[test]
fn a_node_that_cannot_ping_refuses_and_changes_nothing() {
    for agent in [AgentKind::Double, AgentKind::Script] {
        let rehearsal = Rehearsal::with(Options {
            agent,
            ..Options::default()
        });
        rehearsal
            .practice
            .set_feature("node-1", Feature::Ping, Presence::Absent)
            .unwrap();
        let before = rehearsal.practice.qdiscs("default", "web-1");
        let ended = rehearsal.run(&with(&["--probe", "icmp", "-o", "json"])).expect(1);
        assert_eq!(ended.target()["error"]["reason"], "no-probe");
        assert_eq!(rehearsal.practice.qdiscs("default", "web-1"), before);
        ended.says(&["neither the image nor the node has a ping", "leave --probe icmp out"]);
    }
}

#[test]
fn detach_probes_before_and_a_few_times_during() {
    let rehearsal = rehearsal();
    let args = with(&["--duration", "60s", "--detach", "--probe", "tcp:22", "-o", "json"]);
    let ended = rehearsal.run(&args).expect(0);
    let probe = &ended.target()["probes"][0];
    assert_eq!(ended.target()["state"], "detached");
    assert!(
        probe["before"]["sent"].as_u64() >= Some(3) && probe["during"]["sent"].as_u64() >= Some(3),
        "{probe}"
    );
    assert_eq!(probe["after"]["sent"], 0);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "still there");
}

#[test]
fn after_an_interruption_it_is_seen_that_the_vm_answers_again() {
    let rehearsal = rehearsal();
    let mut run = rehearsal.spawn(&with(&["--duration", "10m", "--probe", "tcp:22", "-o", "json"]));
    run.wait_for("injected on");
    run.signal("INT");
    let ended = run.end().expect(130);
    let probe = &ended.target()["probes"][0];
    assert!(median(probe, "after") < 100.0, "{probe}");
}

#[test]
fn probing_goes_on_where_a_vm_moved_to() {
    let rehearsal = rehearsal();
    let mut run = rehearsal.spawn(&with(&["--duration", "10s", "--probe", "tcp:22", "-o", "json"]));
    run.wait_for("injected on node-1");
    let migrated = rehearsal.practice.migrate("default", "web-1", Some("node-2"));
    rehearsal.runtime.block_on(migrated).unwrap();
    run.wait_for("injected on node-2");
    let launchers = rehearsal.practice.list("Pod", "default");
    let launcher = launchers.iter().find(|pod| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        name.starts_with("virt-launcher-web-1-") && pod["spec"]["nodeName"] == "node-2"
    });
    let address = launcher.unwrap()["status"]["podIP"].clone();
    let ended = run.end().expect(0);
    let probe = &ended.target()["probes"][0];
    assert_eq!(probe["address"], address);
    assert!(
        median(probe, "during") >= 300.0 && median(probe, "after") < 100.0,
        "{probe}"
    );
    let samples = probe["samples"].as_array().unwrap();
    let late = samples.iter().filter(|sample| sample["phase"] == "during");
    let moved = ended.target()["moves"][0]["at"].as_str().unwrap().to_owned();
    assert!(
        late.filter(|sample| sample["at"].as_str().unwrap() > moved.as_str())
            .count()
            > 0,
        "{probe}"
    );
    let phases = samples
        .windows(2)
        .map(|two| (two[0]["phase"].as_str(), two[1]["phase"].as_str()));
    let back = phases.filter(|(first, then)| *then == Some("before") && *first != *then);
    assert_eq!(
        back.count(),
        0,
        "the way to the new node is no time before the fault: {probe}"
    );
}

#[test]
fn serial_vms_are_probed_each_in_its_turn() {
    let rehearsal = rehearsal();
    let args = [
        "netem",
        "web-1",
        "web-2",
        "--latency",
        "150ms",
        "--duration",
        "2s",
        "-y",
        "--probe",
        "icmp",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(0).json();
    for target in document["targets"].as_array().unwrap() {
        let probe = &target["probes"][0];
        assert!(
            median(probe, "during") >= 300.0 && median(probe, "after") < 100.0,
            "{target}"
        );
        assert!(probe["before"]["sent"].as_u64() < Some(6), "not all the while: {probe}");
    }
}

/// Packets and drops of every reading of the only target.
fn counted(ended: &crate::support::Ended) -> Vec<(u64, u64)> {
    let target = ended.target();
    let all = target["verified"].as_array().unwrap().iter();
    let count = |one: &Value, name: &str| one[name].as_u64().unwrap_or_else(|| panic!("{name}: {one}"));
    all.map(|one| (count(one, "packets"), count(one, "dropped"))).collect()
}

#[test]
fn what_is_lost_is_counted_where_it_is_lost_and_seen_by_probes() {
    let rehearsal = rehearsal();
    let args = |loss| {
        let base = [
            "netem",
            "web-1",
            "--duration",
            "6s",
            "-y",
            "-o",
            "json",
            "--probe",
            "icmp",
        ];
        [&base[..], &["--loss", loss]].concat()
    };
    let ended = rehearsal.run(&args("10%")).expect(0);
    let counted_tenth = counted(&ended);
    assert_eq!(counted_tenth.len(), 2, "into the guest and out of it");
    for (packets, dropped) in counted_tenth {
        let share = dropped as f64 / (packets + dropped) as f64;
        assert!((0.05..=0.15).contains(&share), "{dropped} of {packets}");
    }
    // All that is sent is lost: to probes too.
    let ended = rehearsal.run(&args("100%")).expect(0);
    let during = &ended.target()["probes"][0]["during"];
    assert!(during["sent"].as_u64().unwrap() > 0, "{during}");
    assert_eq!(during["answered"].as_u64().unwrap_or_default(), 0, "{during}");
    for (packets, dropped) in counted(&ended) {
        assert!(packets == 0 && dropped > 0, "{dropped} of {packets}");
    }
    // Nothing is lost where nothing is to be.
    let mut delay = args("0");
    delay.extend(["--latency", "10ms"]);
    for (packets, dropped) in counted(&rehearsal.run(&delay).expect(0)) {
        assert!(packets > 0 && dropped == 0, "{dropped} of {packets}");
    }
}
