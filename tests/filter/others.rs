//! What somebody else has on a device is left alone.

use vmchaos_rehearsal::host::Foreign;

use super::{LONG, SHORT, cuts, with};
use crate::support::Rehearsal;

/// Refused with this reason because of what is on tap0, which stays.
#[track_caller]
fn refused(what: Foreign, reason: &str, engine: &str) {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .put_foreign("default", "web-1", "tap0", what)
        .unwrap();
    let theirs = (cuts(&rehearsal, "web-1"), rehearsal.practice.qdiscs("default", "web-1"));
    let ended = rehearsal
        .run(&with(&LONG, &["-o", "json", "--engine", engine]))
        .expect(1);
    let error = &ended.target()["error"];
    assert_eq!(error["reason"], reason, "{what:?}: {error}");
    assert!(error["message"].as_str().unwrap().contains("tap0"), "{what:?}: {error}");
    assert!(error["hint"].as_str().unwrap().contains("status"), "{what:?}: {error}");
    let after = (cuts(&rehearsal, "web-1"), rehearsal.practice.qdiscs("default", "web-1"));
    assert_eq!(after, theirs, "{what:?} is not what it was");
    assert_eq!(rehearsal.events("web-1"), Vec::<String>::new(), "{what:?}");
    assert_eq!(rehearsal.debug_pods(), [], "{what:?}");
}

#[test]
fn somebody_elses_rules_are_refused() {
    for engine in ["nft", "tc"] {
        refused(Foreign::NftTable, "foreign-filter", engine);
        refused(Foreign::Flower, "foreign-filter", engine);
        refused(Foreign::Qdisc, "foreign-qdisc", engine);
    }
}

#[test]
fn a_clsact_without_filters_is_used_and_stays() {
    for engine in ["nft", "tc"] {
        let rehearsal = Rehearsal::new();
        rehearsal
            .practice
            .put_foreign("default", "web-1", "tap0", Foreign::Clsact)
            .unwrap();
        rehearsal.run(&with(&SHORT, &["--engine", engine])).expect(0);
        assert_eq!(cuts(&rehearsal, "web-1"), ["tap0 clsact"], "{engine}");
    }
}

#[test]
fn a_second_filter_on_a_vm_is_refused_and_the_first_one_stays() {
    for (first, second) in [("nft", "nft"), ("nft", "tc"), ("tc", "nft"), ("tc", "tc")] {
        let rehearsal = Rehearsal::new();
        let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json", "--engine", first]));
        run.wait_for("injected on node-1");
        let before = cuts(&rehearsal, "web-1");
        rehearsal.hide_targets();
        let ended = rehearsal.run(&with(&LONG, &["--engine", second])).expect(1);
        ended.says(&[
            "default/web-1: tap0 already has filters or nft chains",
            "another run of this program",
        ]);
        assert_eq!(cuts(&rehearsal, "web-1"), before, "{first} and {second}");
        run.signal("INT");
        assert_eq!(run.end().expect(130).target()["error"], serde_json::Value::Null);
        assert_eq!(cuts(&rehearsal, "web-1"), Vec::<String>::new());
    }
}
