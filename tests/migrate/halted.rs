//! `halt` ends a run of migrations from anywhere.

use std::time::Duration;

use serde_json::Value;
use vmchaos_rehearsal::{Answer, Rule};

use super::runs::{ENDLESS, held, id, status};
use super::{cluster, each, made, vmims};
use crate::support::{Rehearsal, Running};

#[test]
fn a_halt_cancels_what_is_in_flight_and_the_command_ends() {
    let rehearsal = cluster();
    let run = held(&rehearsal, "Running", &ENDLESS);
    let halted = rehearsal.run(&["halt", &id(&rehearsal), "-o", "json"]).expect(0).json();
    assert_eq!(vmims(&rehearsal), Vec::<Value>::new(), "it is waited for");
    let requests = rehearsal.practice.requests();
    let marks: Vec<_> = requests.iter().filter(|request| request.method == "PATCH").collect();
    assert!(!marks.is_empty());
    for mark in marks {
        assert!(mark.query.contains("fieldManager=kubectl-vmchaos"), "{}", mark.query);
    }
    let item = &halted["items"][0];
    assert_eq!(
        (&item["state"], &item["detail"]),
        (&"finished".into(), &"default/web-1: its migration was cancelled".into())
    );
    let ended = run
        .end()
        .expect(1)
        .says(&["ended early: the run was halted by vmchaos-rehearsal"]);
    let document = ended.json();
    assert_eq!(each(&document, "result"), ["cancelled"]);
    assert_eq!(document["outcome"], "failed");
    assert_eq!(
        made(&rehearsal)
            .iter()
            .filter(|request| request.starts_with("POST"))
            .count(),
        1
    );
    assert_eq!(status(&rehearsal), None);
    rehearsal
        .run(&["halt", "abcdef"])
        .expect(0)
        .says(&["nothing of it is there in any namespace"]);
}

#[test]
fn a_halt_between_rounds_reaches_the_command_too() {
    let rehearsal = cluster();
    let mut run = rehearsal.spawn(&ENDLESS);
    run.wait_for("round 2 begins in");
    let halted = rehearsal.run(&["halt", "--all", "-y", "-o", "json"]).expect(0).json();
    assert_eq!(halted["items"][0]["detail"], "nothing was in flight");
    let document = run.end().expect(1).json();
    assert_eq!(each(&document, "result"), ["succeeded"], "what was done stays done");
    assert_eq!(status(&rehearsal), None);
    // Again, and of a run that is over: nothing to do.
    let again = rehearsal
        .run(&["halt", document["id"].as_str().unwrap(), "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(again["items"][0]["state"], "finished");
}

#[test]
fn a_dry_halt_cancels_nothing() {
    let rehearsal = cluster();
    let run = held(&rehearsal, "Running", &ENDLESS);
    for dry in ["--dry-run", "--dry-run=server"] {
        rehearsal
            .run(&["halt", "--all", dry])
            .expect(0)
            .says(&["nothing was changed", "live migration, round 1"]);
    }
    assert_eq!(made(&rehearsal).len(), 1);
    // The server alone is asked whether it would let it be cancelled.
    let requests = rehearsal.practice.requests();
    let deletes: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "DELETE")
        .map(|request| request.json()["dryRun"].clone())
        .collect();
    assert_eq!(deletes, [serde_json::json!(["All"])]);
    drop(run);
}

#[test]
fn a_halt_leaves_a_post_copy_migration_alone_and_says_so() {
    let rehearsal = cluster();
    rehearsal.practice.post_copy("default", "web-1");
    let run = held(&rehearsal, "Running", &ENDLESS);
    let halted = rehearsal.run(&["halt", &id(&rehearsal), "-o", "json"]).expect(3);
    let halted = halted.says(&["past the point where it can be cancelled", "kubectl vmchaos halt "]);
    assert_eq!(halted.json()["items"][0]["state"], "leaked");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    assert_eq!(each(&run.end().expect(1).json(), "result"), ["succeeded"]);
}

#[test]
fn a_halt_that_may_not_cancel_says_so() {
    let rehearsal = cluster();
    let mut run = held(&rehearsal, "Running", &ENDLESS);
    let rule = Rule::new(
        "delete",
        "virtualmachineinstancemigrations",
        Answer::status(403, "Forbidden", "not you"),
    );
    rehearsal.practice.fail(rule.unwrap().always());
    let halted = rehearsal.run(&["halt", &id(&rehearsal)]).expect(3);
    halted.says(&["the migration of default/web-1 could not be cancelled", "not you"]);
    rehearsal.practice.clear_faults();
    run.signal("INT");
    run.end();
}

#[test]
fn after_the_command_was_killed_halt_still_finds_the_migration() {
    let rehearsal = cluster();
    let mut run = held(&rehearsal, "Running", &ENDLESS);
    run.signal("KILL");
    drop(run);
    assert_eq!(status(&rehearsal).unwrap()["state"], "running");
    let halted = rehearsal.run(&["halt", &id(&rehearsal), "-o", "json"]).expect(0).json();
    assert_eq!(
        halted["items"][0]["detail"],
        "default/web-1: its migration was cancelled"
    );
    assert_eq!(status(&rehearsal), None);
}

/// A run whose migration is in flight and whose command is dead, and a halt of it that has asked for its end.
fn halting(rehearsal: &Rehearsal, answer: Answer) -> Running {
    let mut run = held(rehearsal, "Running", &ENDLESS);
    run.signal("KILL");
    run.end();
    let rule = Rule::new("delete", "virtualmachineinstancemigrations", answer).unwrap();
    rehearsal.practice.fail(rule);
    let halt = rehearsal.spawn(&["halt", &id(rehearsal), "-o", "json"]);
    rehearsal.until("it asks", |rehearsal| {
        let requests = rehearsal.practice.requests();
        requests.iter().any(|request| request.method == "DELETE")
    });
    halt
}

#[test]
fn a_halt_that_comes_too_late_says_that_the_vm_has_moved() {
    let rehearsal = cluster();
    let halt = halting(&rehearsal, Answer::Delay(Duration::from_secs(2)));
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let item = halt.end().expect(0).json()["items"][0].clone();
    assert_eq!(
        item["detail"],
        "default/web-1: it had moved before it could be cancelled"
    );
}

#[test]
fn a_migration_that_somebody_else_cancels_at_the_same_time_is_halted() {
    for (code, reason) in [(404, "NotFound"), (409, "Conflict")] {
        let rehearsal = cluster();
        let halt = halting(&rehearsal, Answer::status(code, reason, "no"));
        let name = vmims(&rehearsal)[0]["metadata"]["name"].as_str().unwrap().to_owned();
        let kind = "VirtualMachineInstanceMigration";
        rehearsal.practice.remove(kind, "default", &name);
        let item = halt.end().expect(0).json()["items"][0].clone();
        assert_eq!(item["detail"], "default/web-1: its migration was cancelled", "{reason}");
    }
}

#[test]
fn a_halt_waits_for_a_migration_that_nobody_ends_yet() {
    let rehearsal = cluster();
    let mut run = held(&rehearsal, "TargetReady", &ENDLESS);
    run.signal("KILL");
    run.end();
    rehearsal.practice.clear_requests();
    let halt = rehearsal.spawn(&["halt", &id(&rehearsal)]);
    rehearsal.until("it follows the migration it has cancelled", |rehearsal| {
        let requests = rehearsal.practice.requests();
        let cancelled = requests.iter().any(|request| request.method == "DELETE");
        let of_one = |query: &str| query.contains("watch=true") && query.contains("metadata.name");
        cancelled && requests.iter().any(|request| of_one(&request.query))
    });
    assert_eq!(vmims(&rehearsal).len(), 1);
    rehearsal.practice.stick_migrations("default", "web-1", None);
    halt.end().expect(0);
    assert_eq!(vmims(&rehearsal), Vec::<Value>::new());
}
