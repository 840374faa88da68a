//! netem and filter on one VM at once: each leaves the other's objects alone, whichever comes and goes first.

use std::time::Duration;

use vmchaos_rehearsal::host::{Feature, Presence};
use vmchaos_rehearsal::{AgentKind, Options};

use super::{LONG, cuts, with};
use crate::support::{Rehearsal, Running};

const NETEM: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "10m", "-y"];

fn injected(rehearsal: &Rehearsal, args: &[&str]) -> Running {
    let mut run = rehearsal.spawn(&with(args, &["-o", "json"]));
    run.wait_for("injected on node-1");
    run
}

#[track_caller]
fn ended(mut run: Running) {
    run.signal("INT");
    let target = run.end().expect(130).target();
    assert_eq!(
        (&target["state"], &target["error"]),
        (&"restored".into(), &serde_json::Value::Null)
    );
    for verified in target["verified"].as_array().unwrap() {
        assert_eq!(verified["changedByOthers"], serde_json::Value::Null, "{verified}");
    }
}

#[test]
fn each_is_there_while_the_other_comes_and_goes() {
    for engine in ["nft", "tc"] {
        let rehearsal = Rehearsal::new();
        let filter = with(&LONG, &["--engine", engine]);
        for (first, second) in [(&NETEM[..], &filter[..]), (&filter[..], &NETEM[..])] {
            let before = injected(&rehearsal, first);
            let after = injected(&rehearsal, second);
            assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "{engine}");
            assert!(!cuts(&rehearsal, "web-1").is_empty(), "{engine}");
            // In the order they came: what stays is whole.
            ended(before);
            let netem_is_left = first != NETEM;
            assert_eq!(
                rehearsal.ours("default", "web-1").len(),
                if netem_is_left { 2 } else { 0 }
            );
            assert_eq!(cuts(&rehearsal, "web-1").is_empty(), netem_is_left, "{engine}");
            ended(after);
            assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
            assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new(), "{engine}");
        }
    }
}

#[test]
fn one_can_be_halted_without_the_other() {
    let rehearsal = Rehearsal::new();
    let netem = injected(&rehearsal, &NETEM);
    let mut filter = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    filter.wait_for("injected on node-1");
    let runs = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    let items = runs["items"].as_array().unwrap();
    let id = items.iter().find(|item| item["fault"] == "filter").unwrap();
    assert_eq!(id["effect"], "drop tcp,udp port 53", "{runs}");
    assert!(items.iter().any(|item| item["fault"] == "netem"), "{runs}");
    rehearsal.run(&["halt", id["id"].as_str().unwrap(), "-y"]).expect(0);
    assert_eq!(filter.end().expect(1).target()["endedBy"], "cleanup");
    assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
    ended(netem);
}

#[test]
fn looking_after_the_one_leaves_the_other_alone() {
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        pod_start: Duration::from_secs(1),
        ..Options::default()
    });
    let removal = |presence| {
        let practice = &rehearsal.practice;
        practice.set_feature("node-1", Feature::Removal, presence).unwrap();
    };
    let mut netem = injected(&rehearsal, &NETEM);
    let filter = injected(&rehearsal, &LONG);
    let cut = cuts(&rehearsal, "web-1");
    // Its node cannot undo the one, so that another pod looks, and can.
    removal(Presence::Absent);
    netem.signal("INT");
    rehearsal.until("another pod is to look", |rehearsal| {
        rehearsal.pod_names().iter().any(|(_, name)| name.contains("-sweep-"))
    });
    removal(Presence::Loaded);
    netem.end().expect(130).says(&["removed it by another debug pod"]);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(cuts(&rehearsal, "web-1"), cut, "it is another run's");
    ended(filter);
    assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
}
