//! Signals and timeouts: what is in flight is cancelled unless it is too late for that, waited for, and told truly.

use std::time::Duration;

use serde_json::json;

use vmchaos_rehearsal::{Answer, Rule};

use super::{cluster, each, made, node, vmims};
use crate::support::{Rehearsal, Running};

fn deletions(requests: &[String]) -> usize {
    requests.iter().filter(|request| request.starts_with("DELETE ")).count()
}

#[test]
fn each_signal_cancels_what_is_in_flight_and_begins_nothing_more() {
    for (signal, phase) in [("INT", "Running"), ("TERM", "Scheduling"), ("HUP", "Pending")] {
        let rehearsal = cluster();
        rehearsal.practice.stick_migrations("default", "web-1", Some(phase));
        let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "-y", "-o", "json"]);
        run.wait_for(phase);
        run.signal(signal);
        let ended = run.end().expect(130);
        assert!(
            ended.err.contains("2 VMs: 1 skipped") && !ended.err.contains("1 done"),
            "{signal}: {}",
            ended.err
        );
        let document = ended.json();
        assert_eq!(document["outcome"], "interrupted", "{signal}");
        assert_eq!(each(&document, "vmi"), ["default/web-1"], "{signal}");
        assert_eq!(each(&document, "result"), ["cancelled"], "{signal}");
        let why = format!("cancelled by a signal, in phase {phase}");
        assert_eq!(each(&document, "failureReason"), [why], "{signal}");
        let states: Vec<_> = document["targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|target| &target["state"])
            .collect();
        assert_eq!(states, [&json!("skipped"), &json!("skipped")], "{signal}");
        assert_eq!(
            vmims(&rehearsal),
            Vec::<serde_json::Value>::new(),
            "{signal}: it is gone"
        );
        let requests = made(&rehearsal);
        assert_eq!((requests.len(), deletions(&requests)), (2, 1), "{signal}: {requests:?}");
        assert_eq!(node(&rehearsal, "web-1"), "node-1", "{signal}");
    }
}

#[test]
fn between_hand_over_and_running_a_cancellation_waits_for_its_moment() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .stick_migrations("default", "web-1", Some("PreparingTarget"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("PreparingTarget");
    run.signal("INT");
    run.wait_for("being cancelled");
    rehearsal.until("it is deleted", |rehearsal| {
        !vmims(rehearsal)[0]["metadata"]["deletionTimestamp"].is_null()
    });
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run.end().expect(130).json();
    assert_eq!(each(&document, "result"), ["cancelled"]);
    assert_eq!(
        each(&document, "failureReason"),
        ["cancelled by a signal, in phase Running"]
    );
}

#[test]
fn in_post_copy_nothing_is_deleted_and_the_end_is_waited_for() {
    let rehearsal = cluster();
    post_copy(&rehearsal);
}

#[test]
fn post_copy_is_respected_also_when_the_watch_does_not_show_it_yet() {
    let rehearsal = cluster();
    let late = Answer::LateEvents(Duration::from_secs(3));
    let rule = Rule::new("watch", "/virtualmachineinstances", late).unwrap();
    rehearsal.practice.fail(rule.always());
    post_copy(&rehearsal);
}

/// A signal in post-copy, and what comes of it.
fn post_copy(rehearsal: &Rehearsal) {
    rehearsal.practice.post_copy("default", "web-1");
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("Running");
    run.signal("INT");
    run.wait_for("past the point where it can be cancelled");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run.end().expect(130).json();
    assert_eq!(each(&document, "result"), ["succeeded"]);
    assert_eq!(each(&document, "mode"), ["PostCopy"]);
    assert_eq!(document["targets"][0]["state"], "migrated");
    assert_eq!(deletions(&made(rehearsal)), 0);
    assert_ne!(node(rehearsal, "web-1"), "node-1");
}

#[test]
fn a_second_signal_leaves_and_says_how_to_finish() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .stick_migrations("default", "web-1", Some("PreparingTarget"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json", "--context", "vmchaos-rehearsal"]);
    run.wait_for("PreparingTarget");
    run.signal("INT");
    run.wait_for("being cancelled");
    run.signal("INT");
    let ended = run.end().expect(3);
    let document = ended.json();
    assert_eq!(document["outcome"], "leaked");
    assert_eq!(document["targets"][0]["state"], "leaked");
    let halt = format!(
        "to cancel it: kubectl vmchaos halt {} --context",
        document["id"].as_str().unwrap()
    );
    ended.says(&["default/web-1 may still be migrating", &halt]);
}

#[test]
fn a_signal_between_rounds_ends_the_run_at_once() {
    let rehearsal = cluster();
    let mut run = rehearsal.spawn(&[
        "migrate",
        "web-1",
        "--rounds",
        "0",
        "--yes=vmchaos-rehearsal",
        "-o",
        "json",
    ]);
    run.wait_for("round 2 begins in");
    run.signal("TERM");
    let document = run.end().expect(130).json();
    assert_eq!(each(&document, "result"), ["succeeded"]);
    assert_eq!(deletions(&made(&rehearsal)), 0);
}

#[test]
fn a_migration_that_takes_too_long_is_cancelled_and_fails_the_run_at_its_end() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let args = ["migrate", "web-1", "web-2", "--timeout", "2s", "-y", "-o", "json"];
    let ended = rehearsal.run(&args).expect(5);
    let document = ended.json();
    assert_eq!(each(&document, "result"), ["timeout", "succeeded"], "the run goes on");
    assert_eq!(
        each(&document, "failureReason")[0],
        "not over within 2 s and cancelled in phase Running"
    );
    assert_eq!(document["outcome"], "unrecovered");
    let states: Vec<_> = document["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| &target["state"])
        .collect();
    assert_eq!(states, [&json!("failed"), &json!("migrated")]);
    let requests = rehearsal.practice.requests();
    let deleted: Vec<_> = requests.iter().filter(|request| request.method == "DELETE").collect();
    assert_eq!(deleted.len(), 1);
    // Another object of that name would not be hit.
    assert_eq!(
        deleted[0].json()["preconditions"]["uid"],
        document["migrations"][0]["uid"]
    );
    assert_eq!(node(&rehearsal, "web-1"), "node-1");
}

#[test]
fn one_that_succeeds_while_it_is_being_cancelled_has_still_taken_too_long() {
    let rehearsal = cluster();
    rehearsal.practice.post_copy("default", "web-1");
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "--timeout", "1s", "-y", "-o", "json"]);
    run.wait_for("past the point where it can be cancelled");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run.end().expect(5).json();
    assert_eq!(each(&document, "result"), ["timeout"]);
    assert!(
        each(&document, "failureReason")[0].contains("it succeeded before"),
        "{document}"
    );
    assert_eq!(document["targets"][0]["node"], node(&rehearsal, "web-1").as_str());
}

/// A run whose only migration cannot be deleted.
fn undeletable(answer: Answer) -> (crate::support::Rehearsal, Running) {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let rule = Rule::new("delete", "virtualmachineinstancemigrations", answer).unwrap();
    rehearsal.practice.fail(rule.times(2));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("Running");
    run.signal("INT");
    (rehearsal, run)
}

#[test]
fn a_cancellation_that_fails_is_tried_again() {
    let (_rehearsal, mut run) = undeletable(Answer::status(503, "ServiceUnavailable", "etcd is slow"));
    run.wait_for("it could not be cancelled");
    let document = run.end().expect(130).json();
    assert_eq!(each(&document, "result"), ["cancelled"]);
}
