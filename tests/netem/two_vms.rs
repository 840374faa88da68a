//! Several VMs: in turn, or all at once.

use serde_json::Value;

use crate::support::Rehearsal;

const TWO: [&str; 7] = ["netem", "web-1", "web-2", "--latency", "20ms", "-y", "--duration"];

fn run_on(execution: &str, duration: &'static str) -> Vec<&'static str> {
    let mut args = TWO.to_vec();
    args.extend([duration, "-o", "json", "--execution"]);
    args.push(if execution == "serial" { "serial" } else { "parallel" });
    args
}

/// Somebody else's rule on a VM's tap.
fn foreign(rehearsal: &Rehearsal, vmi: &str) {
    let rule = [
        "qdisc", "add", "dev", "tap0", "root", "handle", "1:", "netem", "limit", "1000", "delay", "5ms",
    ];
    let output = rehearsal.practice.tc("default", vmi, &rule).unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn serial_is_one_after_the_other_each_for_the_whole_time() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&run_on("serial", "1s"));
    run.wait_for("web-1  injected");
    assert_eq!(rehearsal.ours("default", "web-2"), Vec::<String>::new());
    run.wait_for("web-2  injected");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.ours("default", "web-2").len(), 2);
    let document = run.end().expect(0).json();
    let (first, second) = (&document["targets"][0], &document["targets"][1]);
    assert!(time(&first["restoredAt"]) <= time(&second["injectedAt"]), "{document}");
    for target in [first, second] {
        assert!(target["heldSeconds"].as_f64().unwrap() >= 1.0, "{target}");
    }
    assert_eq!(document["summary"]["ok"], 2);
}

#[test]
fn in_serial_the_first_failure_skips_the_rest() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&run_on("serial", "2s"));
    run.wait_for("web-1  injected");
    rehearsal
        .practice
        .tc("default", "web-1", &["qdisc", "del", "dev", "tap0", "root"])
        .unwrap();
    let document = run.end().expect(1).json();
    assert_eq!(document["targets"][0]["state"], "failed");
    assert_eq!(document["targets"][1]["state"], "skipped");
    assert_eq!(document["targets"][1]["injectedAt"], Value::Null);
}

#[test]
fn parallel_is_all_at_once() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&run_on("parallel", "10m"));
    run.wait_for("injected").wait_for("injected");
    for vmi in ["web-1", "web-2"] {
        assert_eq!(rehearsal.ours("default", vmi).len(), 2, "{vmi}");
    }
    run.signal("INT");
    run.end().expect(130);
    for vmi in ["web-1", "web-2"] {
        assert_eq!(rehearsal.ours("default", vmi), Vec::<String>::new(), "{vmi}");
    }
}

#[test]
fn in_parallel_nothing_is_injected_unless_all_are_ready() {
    let rehearsal = Rehearsal::new();
    foreign(&rehearsal, "web-2");
    let theirs = rehearsal.practice.qdiscs("default", "web-2");
    let ended = rehearsal
        .run(&run_on("parallel", "10m"))
        .expect(1)
        .says(&["tap0 already has a qdisc"]);
    let document = ended.json();
    assert_eq!(document["targets"][0]["state"], "skipped");
    assert_eq!(document["targets"][1]["state"], "failed");
    assert_eq!(document["targets"][1]["error"]["reason"], "foreign-qdisc");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(
        rehearsal.practice.qdiscs("default", "web-2"),
        theirs,
        "the other one's rule is left alone"
    );
    assert_eq!(rehearsal.events("web-1"), Vec::<String>::new(), "it was never injected");
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn in_serial_a_foreign_rule_is_found_before_the_first_vm_is_touched() {
    let rehearsal = Rehearsal::new();
    foreign(&rehearsal, "web-2");
    rehearsal
        .run(&run_on("serial", "10m"))
        .expect(1)
        .says(&["default/web-2: tap0 already has a qdisc"]);
    assert_eq!(rehearsal.events("web-1"), Vec::<String>::new());
}

#[test]
fn afterwards_one_vms_failure_is_its_own() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&run_on("parallel", "3s"));
    run.wait_for("injected").wait_for("injected");
    rehearsal
        .practice
        .tc("default", "web-1", &["qdisc", "del", "dev", "tap0", "root"])
        .unwrap();
    let document = run.end().expect(1).json();
    assert_eq!(document["targets"][0]["error"]["reason"], "not-held");
    assert_eq!(document["targets"][1]["state"], "restored");
    assert!(
        document["targets"][1]["heldSeconds"].as_f64().unwrap() >= 3.0,
        "{document}"
    );
    assert_eq!(document["summary"]["failed"], 1);
    assert_eq!(document["summary"]["ok"], 1);
}
