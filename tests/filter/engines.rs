//! Which tool filters on a node, and what a node cannot do.

use vmchaos_rehearsal::host::{Feature, Presence};

use super::{LONG, SHORT, cuts, with};
use crate::support::Rehearsal;

/// A practice cluster whose nodes lack these.
fn without(features: &[Feature]) -> Rehearsal {
    let rehearsal = Rehearsal::new();
    for node in ["node-1", "node-2"] {
        for feature in features {
            rehearsal
                .practice
                .set_feature(node, *feature, Presence::Absent)
                .unwrap();
        }
    }
    rehearsal
}

/// Engine of each reading of a run to its end, and packets dropped.
#[track_caller]
fn engines(rehearsal: &Rehearsal, more: &[&str]) -> Vec<(String, u64)> {
    let target = rehearsal
        .run(&with(&with(&SHORT, &["-o", "json"]), more))
        .expect(0)
        .target();
    assert_eq!(target["state"], "restored");
    assert_eq!(cuts(rehearsal, "web-1"), Vec::<String>::new());
    let verified = target["verified"].as_array().unwrap();
    verified
        .iter()
        .map(|one| {
            assert_eq!(
                (&one["device"], &one["packets"]),
                (&"tap0".into(), &serde_json::Value::Null)
            );
            (
                one["engine"].as_str().unwrap().to_owned(),
                one["dropped"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// What a run that is refused on the node says of itself; nothing was changed.
#[track_caller]
fn refused(rehearsal: &Rehearsal, more: &[&str]) -> (String, String, String) {
    let target = rehearsal
        .run(&with(&with(&LONG, &["-o", "json"]), more))
        .expect(1)
        .target();
    assert_eq!(
        (&target["state"], &target["injectedAt"]),
        (&"failed".into(), &serde_json::Value::Null)
    );
    assert_eq!(cuts(rehearsal, "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.events("web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
    let text = |key: &str| target["error"][key].as_str().unwrap().to_owned();
    (text("reason"), text("message"), text("hint"))
}

#[test]
fn nft_where_the_kernel_has_its_hooks() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&LONG);
    run.wait_for("injected on node-1");
    assert_eq!(cuts(&rehearsal, "web-1"), ["nft RUN", "nft vmchaos_lock_tap0"]);
    run.signal("INT");
    run.end().expect(130);
    let engines = engines(&rehearsal, &[]);
    assert_eq!(engines.len(), 2, "one a direction");
    assert!(
        engines.iter().all(|(engine, dropped)| engine == "nft" && *dropped > 0),
        "{engines:?}"
    );
}

#[test]
fn tc_where_it_has_not() {
    let rehearsal = without(&[Feature::NftEgress]);
    let mut run = rehearsal.spawn(&LONG);
    run.wait_for("injected on node-1");
    let there = cuts(&rehearsal, "web-1");
    // Two protocols, two families, with and without a tag.
    let on = |hook: &str| {
        there
            .iter()
            .filter(|line| line.starts_with(&format!("tap0 {hook} flower ")))
            .count()
    };
    assert_eq!((on("ingress"), on("egress"), there.len()), (8, 8, 17), "{there:?}");
    assert!(there.contains(&"tap0 clsact".to_owned()), "{there:?}");
    run.signal("INT");
    run.end().expect(130);
    assert!(
        engines(&rehearsal, &[])
            .iter()
            .all(|(engine, dropped)| engine == "tc" && *dropped > 0)
    );
}

#[test]
fn the_one_that_is_asked_for() {
    let rehearsal = Rehearsal::new();
    assert!(
        engines(&rehearsal, &["--engine", "tc"])
            .iter()
            .all(|(engine, _)| engine == "tc")
    );
    assert!(
        engines(&rehearsal, &["--engine", "nft"])
            .iter()
            .all(|(engine, _)| engine == "nft")
    );
}

#[test]
fn a_module_that_is_on_disk_is_loaded() {
    let rehearsal = without(&[Feature::NftEgress]);
    rehearsal
        .practice
        .set_feature("node-1", Feature::Flower, Presence::Module)
        .unwrap();
    assert!(engines(&rehearsal, &[]).iter().all(|(engine, _)| engine == "tc"));
}

#[test]
fn a_node_that_cannot_is_refused_before_any_change() {
    let neither = without(&[Feature::NftEgress, Feature::Flower]);
    let (reason, message, hint) = refused(&neither, &[]);
    assert_eq!(reason, "no-engine");
    assert!(message.contains("neither nft"), "{message}");
    assert!(hint.contains("check filter --nodes"), "{hint}");
    assert_eq!(refused(&neither, &["--engine", "nft"]).0, "no-engine");
    assert_eq!(refused(&neither, &["--engine", "tc"]).0, "no-engine");
}

#[test]
fn a_kernel_that_cannot_reject_is_refused_with_drop_as_the_fix() {
    let rehearsal = without(&[Feature::NftReject]);
    let (reason, _, hint) = refused(&rehearsal, &["--action", "reject"]);
    assert_eq!(reason, "no-reject");
    assert!(hint.contains("--action drop"), "{hint}");
    assert_eq!(engines(&rehearsal, &[]).len(), 2, "it still drops");
}

#[test]
fn check_tells_what_each_node_filters_by() {
    let rehearsal = without(&[Feature::NftReject]);
    rehearsal
        .practice
        .set_feature("node-2", Feature::NftEgress, Presence::Absent)
        .unwrap();
    let shown = rehearsal
        .run(&["check", "filter", "--nodes", "-y", "-o", "wide"])
        .expect(0)
        .out;
    let of = |node: &str| {
        shown
            .lines()
            .find(|line| line.contains("node ") && line.contains(node))
            .unwrap()
            .to_owned()
    };
    assert!(of("node-1").contains("filter by nft (drop only)"), "{shown}");
    assert!(of("node-2").contains("filter by tc flower (drop only)"), "{shown}");
    rehearsal
        .practice
        .set_feature("node-2", Feature::Flower, Presence::Absent)
        .unwrap();
    let lacking = rehearsal.run(&["check", "filter", "--nodes", "-y"]).expect(1);
    assert!(lacking.out.contains("filter no"), "{}", lacking.out);
    lacking.says(&["filters need nft with netdev ingress and egress hooks"]);
    // What a filter lacks is nothing to netem.
    rehearsal.run(&["check", "netem", "--nodes", "-y"]).expect(0);
    rehearsal.run(&["check", "--nodes", "-y"]).expect(1);
}
