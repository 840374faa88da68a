//! How a filter ends, and what is left: nothing.

use std::time::Duration;

use vmchaos_rehearsal::{AgentKind, Options};

use super::{LONG, cuts, with};
use crate::support::{Rehearsal, Running};

fn injected(rehearsal: &Rehearsal, engine: &str) -> Running {
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json", "--engine", engine]));
    run.wait_for("injected on node-1");
    assert!(!cuts(rehearsal, "web-1").is_empty());
    run
}

#[test]
fn after_kill_9_the_node_takes_the_rules_out() {
    for engine in ["nft", "tc"] {
        let rehearsal = Rehearsal::new();
        injected(&rehearsal, engine).signal("KILL");
        rehearsal.until("the rules are gone", |rehearsal| cuts(rehearsal, "web-1").is_empty());
        rehearsal.until_pods_ended();
        assert_eq!(
            rehearsal.verdict().unwrap(),
            ("restored".to_owned(), "lost-operator".to_owned())
        );
    }
}

#[test]
fn a_pod_that_is_evicted_takes_the_rules_along() {
    for engine in ["nft", "tc"] {
        let rehearsal = Rehearsal::new();
        let run = injected(&rehearsal, engine);
        rehearsal.end_pods();
        let target = run.end().expect(1).target();
        assert_eq!(
            (&target["state"], &target["endedBy"]),
            (&"restored".into(), &"cleanup".into())
        );
        assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
    }
}

#[test]
fn rules_that_somebody_took_away_were_not_there_until_the_end() {
    let rehearsal = Rehearsal::new();
    let args = [
        "filter",
        "web-1",
        "--engine",
        "tc",
        "--duration",
        "2s",
        "-y",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&args);
    run.wait_for("injected on node-1");
    let deleted = rehearsal
        .practice
        .tc("default", "web-1", &["qdisc", "del", "dev", "tap0", "clsact"]);
    assert!(deleted.unwrap().status.success());
    let target = run.end().expect(1).target();
    assert_eq!(
        (&target["state"], &target["error"]["reason"]),
        (&"failed".into(), &"not-held".into()),
        "{target}"
    );
    assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
}

#[test]
fn rules_that_halt_took_away_by_the_vms_name_were_not_there_until_the_end() {
    for (engine, agent) in [
        ("nft", AgentKind::Script),
        ("tc", AgentKind::Script),
        ("nft", AgentKind::Double),
        ("tc", AgentKind::Double),
    ] {
        let rehearsal = Rehearsal::with(Options {
            agent,
            ..Options::default()
        });
        let mut run = injected(&rehearsal, engine);
        rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);
        assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new(), "{engine}");
        run.signal("INT");
        let target = run.end().expect(130).target();
        assert_eq!(
            (&target["state"], &target["error"]["reason"]),
            (&"failed".into(), &"not-held".into()),
            "{engine}: {target}"
        );
    }
}

#[test]
fn a_filter_follows_a_vm_to_its_new_node() {
    let rehearsal = Rehearsal::with(Options {
        migration_step: Duration::from_millis(50),
        ..Options::default()
    });
    let mut run = injected(&rehearsal, "nft");
    rehearsal
        .runtime
        .block_on(rehearsal.practice.migrate("default", "web-1", Some("node-2")))
        .unwrap();
    run.wait_for("injected on node-2");
    assert_eq!(cuts(&rehearsal, "web-1"), ["nft RUN", "nft vmchaos_lock_tap0"]);
    run.signal("INT");
    let target = run.end().expect(130).target();
    assert_eq!(
        (&target["node"], &target["state"]),
        (&"node-2".into(), &"restored".into())
    );
    assert_eq!(target["moves"].as_array().unwrap().len(), 1, "{target}");
    assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_detached_filter_stays_until_its_deadline() {
    let rehearsal = Rehearsal::new();
    let args = [
        "filter",
        "web-1",
        "--preset",
        "dns",
        "--duration",
        "8s",
        "-y",
        "--detach",
        "-o",
        "json",
    ];
    let target = rehearsal.run(&args).expect(0).target();
    assert_eq!(target["state"], "detached");
    assert_eq!(cuts(&rehearsal, "web-1"), ["nft RUN", "nft vmchaos_lock_tap0"]);
    rehearsal.until("the rules are gone", |rehearsal| cuts(rehearsal, "web-1").is_empty());
    rehearsal.until_pods_ended();
    assert_eq!(
        rehearsal.verdict().unwrap(),
        ("restored".to_owned(), "deadline".to_owned())
    );
}
