//! SIGINT, SIGTERM and SIGHUP: everything is back when the command ends; a second one leaves, and says how to finish.

use serde_json::json;
use vmchaos_rehearsal::{Answer, Rule};

use super::{VM, YES, is_unmarked, outage, quick, run_field, strategy, uid};

#[test]
fn a_pause_and_a_stop_end_at_once() {
    for (signal, mode) in [("INT", "pause"), ("TERM", "stop"), ("HUP", "stop")] {
        let rehearsal = quick();
        strategy(&rehearsal, "default", "web-1", "Once");
        let mut run = rehearsal.spawn(&outage(&["--duration", "10m", "--mode", mode]));
        run.wait_for("injected");
        run.signal(signal);
        let ended = run.end().expect(130);
        let target = ended.target();
        assert_eq!(
            (&target["state"], &target["endedBy"]),
            (&json!("recovered"), &json!("signal")),
            "{mode}"
        );
        assert_eq!(run_field(&rehearsal), json!(["Once", null]));
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
        assert_ne!(uid(&rehearsal, "default", "web-1"), "");
    }
}

#[test]
fn what_only_this_command_brings_back_is_brought_back_at_once() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Manual");
    let mut run = rehearsal.spawn(&outage(&["--duration", "10m"]));
    run.wait_for("gone; the platform has");
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(ended.target()["state"], "recovered");
    assert_ne!(uid(&rehearsal, "default", "web-1"), "");
}

#[test]
fn a_second_one_leaves_and_says_how_to_finish() {
    let rehearsal = quick();
    rehearsal
        .practice
        .fail(Rule::new("update", "/unpause$", Answer::Hang).unwrap());
    let mut run = rehearsal.spawn(&outage(&["--duration", "10m", "--mode", "pause"]));
    run.wait_for("injected");
    run.signal("INT");
    rehearsal.until("it is asked to go on", |rehearsal| {
        rehearsal
            .practice
            .requests()
            .iter()
            .any(|request| request.path.ends_with("/unpause"))
    });
    run.signal("INT");
    let ended = run.end().expect(3);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let ended = ended.says(&[&format!(
        "to undo it: kubectl vmchaos halt {id} --context vmchaos-rehearsal"
    )]);
    assert_eq!(ended.target()["state"], "leaked");
    rehearsal.run(&["halt", &id]).expect(0);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn vms_whose_turn_has_not_come_are_left_alone() {
    let rehearsal = quick();
    let second = uid(&rehearsal, "default", "web-2");
    let args = [
        "outage",
        "web-1",
        "web-2",
        YES,
        "--duration",
        "10m",
        "--mode",
        "pause",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&args);
    run.wait_for("injected");
    run.signal("INT");
    let document = run.end().expect(130).json();
    assert_eq!(document["targets"][1]["state"], "skipped");
    assert_eq!(second, uid(&rehearsal, "default", "web-2"));
}

#[test]
fn a_second_one_says_how_the_guest_comes_back_where_nothing_is_to_be_undone() {
    let slow = || {
        crate::support::Rehearsal::with(vmchaos_rehearsal::Options {
            guest: std::time::Duration::from_secs(600),
            ..vmchaos_rehearsal::Options::default()
        })
    };
    for (target, says) in [
        (
            "web-1",
            "it is to come back by itself (KubeVirt starts it again (run strategy Always)); to look: kubectl get vmi web-1 -n default",
        ),
        ("vmi/lone-1/lab", "to bring it back: kubectl create -f "),
    ] {
        let rehearsal = slow();
        let mut run = rehearsal.spawn(&["outage", target, YES, "-o", "json"]);
        run.wait_for("its guest is ending");
        run.signal("INT");
        run.wait_for("interrupted; once more leaves it so");
        run.signal("INT");
        let ended = run.end().expect(3).says(&["was left before it was back", says]);
        assert_eq!(ended.target()["error"]["reason"], "left");
        assert!(!ended.err.contains("virtctl start"), "{}", ended.err);
    }
}
