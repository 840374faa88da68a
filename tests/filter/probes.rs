//! `--probe` beside a filter: what it cuts is not answered, what it leaves alone is.

use vmchaos_rehearsal::{AgentKind, Options};

use crate::support::Rehearsal;

fn probed(more: &[&str]) -> serde_json::Value {
    probed_on(AgentKind::Auto, more)
}

fn probed_on(agent: AgentKind, more: &[&str]) -> serde_json::Value {
    let rehearsal = Rehearsal::with(Options {
        agent,
        ..Options::default()
    });
    let base = [
        "filter",
        "web-1",
        "--ports",
        "8080",
        "--duration",
        "5s",
        "-y",
        "-o",
        "json",
        "--probe",
        "tcp:8080",
        "--probe",
        "tcp:22",
    ];
    rehearsal.run(&[&base[..], more].concat()).expect(0).target()
}

#[test]
fn only_the_filtered_port_stops_answering_and_only_for_so_long() {
    for more in [&["--engine", "nft"][..], &["--engine", "tc"], &["--action", "reject"]] {
        let target = probed(more);
        let probes = &target["probes"];
        let summary = |n: usize, phase: &str, what: &str| probes[n][phase][what].as_u64().unwrap();
        assert!(summary(0, "during", "sent") > 0, "{probes}");
        assert_eq!(summary(0, "during", "answered"), 0, "{more:?}: {probes}");
        assert!(probes[0]["during"].get("medianMs").is_none());
        assert_eq!(
            summary(1, "during", "answered"),
            summary(1, "during", "sent"),
            "{more:?}: {probes}"
        );
        for n in [0, 1] {
            assert!(
                summary(n, "before", "answered") > 0 && summary(n, "after", "answered") > 0,
                "{probes}"
            );
        }
        assert!(
            target["verified"][0]["read"].as_str().is_some(),
            "the kernel's side of it"
        );
    }
}

#[test]
fn what_comes_out_alone_does_not_stop_answers_to_other_ports() {
    let target = probed(&["--ingress", "false"]);
    let during = &target["probes"][0]["during"];
    assert_eq!(during["answered"], during["sent"], "{target}");
}

#[test]
fn the_rehearsal_counts_what_its_probes_miss() {
    for engine in ["nft", "tc"] {
        let target = probed_on(AgentKind::Double, &["--engine", engine]);
        let during = &target["probes"][0]["during"];
        assert_eq!(during["answered"], 0, "{engine}: {during}");
        let verified = target["verified"].as_array().unwrap();
        let dropped = verified.iter().map(|one| one["dropped"].as_u64().unwrap());
        assert!(dropped.sum::<u64>() > 0, "{engine}: {verified:?}");
    }
}
