//! Other people's rules on the same device: never touched, always told of.

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

fn tc(rehearsal: &Rehearsal, args: &str) {
    let args: Vec<&str> = args.split(' ').collect();
    let output = rehearsal.practice.tc("default", "web-1", &args).unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_foreign_rule_is_refused_and_stays_as_it_was() {
    for rule in ["netem limit 1000 delay 5ms", "tbf rate 1mbit burst 32kb latency 400ms"] {
        let rehearsal = Rehearsal::new();
        tc(&rehearsal, &format!("qdisc add dev eth0 root handle 8001: {rule}"));
        let before = rehearsal.practice.qdiscs("default", "web-1");
        let ended = rehearsal.run(&with(&LONG, &["-o", "json"])).expect(1);
        let ended = ended.says(&["default/web-1: eth0 already has a qdisc that this run did not make"]);
        assert_eq!(rehearsal.practice.qdiscs("default", "web-1"), before);
        assert_eq!(ended.target()["error"]["reason"], "foreign-qdisc");
        assert_eq!(ended.target()["state"], "failed");
        assert_eq!(rehearsal.debug_pods(), []);
    }
}

#[test]
fn what_others_put_in_our_place_stays_and_is_told() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected");
    tc(
        &rehearsal,
        "qdisc replace dev tap0 root handle 8001: netem limit 1000 delay 77ms",
    );
    let theirs = |rehearsal: &Rehearsal| {
        rehearsal
            .practice
            .qdiscs("default", "web-1")
            .into_iter()
            .find(|(device, _)| device == "tap0")
    };
    let before = theirs(&rehearsal);
    run.signal("INT");
    let ended = run.end();
    assert_eq!(theirs(&rehearsal), before, "not ours to remove");
    assert!(before.unwrap().1.contains("77ms"));
    let target = ended.target();
    let told = target["verified"][0]["changedByOthers"].as_str().unwrap_or_default();
    assert!(told.contains("tap0"), "{target}");
    assert_eq!(target["error"]["reason"], "not-held", "{target}");
}

#[test]
fn a_fault_that_somebody_removed_did_not_hold() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&SHORT, &["-o", "json"]));
    run.wait_for("injected");
    tc(&rehearsal, "qdisc del dev tap0 root");
    let ended = run
        .end()
        .expect(1)
        .says(&["default/web-1: the fault was not there until its end"]);
    assert_eq!(ended.target()["error"]["reason"], "not-held");
    assert_eq!(ended.target()["state"], "failed");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_fault_that_somebody_weakened_did_not_hold() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&SHORT, &["-o", "json"]));
    run.wait_for("injected");
    let ours = rehearsal
        .ours("default", "web-1")
        .into_iter()
        .find(|line| line.starts_with("eth0"))
        .unwrap();
    let handle = ours
        .split(' ')
        .find(|word| word.starts_with('7') && word.ends_with(':'))
        .unwrap()
        .to_owned();
    tc(
        &rehearsal,
        &format!("qdisc change dev eth0 root handle {handle} netem limit 1000 delay 1ms"),
    );
    let ended = run.end().expect(1);
    assert_eq!(ended.target()["error"]["reason"], "not-held");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn of_two_runs_on_one_vm_the_second_is_refused_and_the_first_holds() {
    let rehearsal = Rehearsal::new();
    let mut first = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    first.wait_for("injected");
    let before = rehearsal.ours("default", "web-1");
    rehearsal.hide_targets();
    let second = rehearsal.run(&with(&SHORT, &["-o", "json"])).expect(1);
    assert_eq!(second.target()["error"]["reason"], "foreign-qdisc");
    assert_eq!(rehearsal.ours("default", "web-1"), before);
    assert_eq!(rehearsal.debug_pods().len(), 1, "the first one's");
    first.signal("INT");
    first.end().expect(130);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}
