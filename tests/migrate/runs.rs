//! Everybody's runs: `status` shows those that are under way, `halt` ends them from anywhere.

use std::time::Duration;

use serde_json::Value;

use vmchaos_rehearsal::{Answer, Rule};

use super::{cluster, each, made, vmims};
use crate::support::{Rehearsal, Running};

const ENDLESS: [&str; 8] = [
    "migrate",
    "web-1",
    "--rounds",
    "0",
    "--reason",
    "game day",
    "--yes=vmchaos-rehearsal",
    "-ojson",
];

/// The run of migrations that `status` shows.
fn status(rehearsal: &Rehearsal) -> Option<Value> {
    let mut list = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    let items = list["items"].as_array_mut().unwrap();
    assert!(items.len() < 2, "{items:?}");
    items.pop()
}

fn id(rehearsal: &Rehearsal) -> String {
    vmims(rehearsal)[0]["metadata"]["labels"]["vmchaos.dev/run"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A run whose migration is held in this phase.
fn held(rehearsal: &Rehearsal, phase: &str, args: &[&str]) -> Running {
    rehearsal.practice.stick_migrations("default", "web-1", Some(phase));
    let mut run = rehearsal.spawn(args);
    run.wait_for(&format!("{phase} (+"));
    run
}

#[test]
fn a_run_is_shown_in_flight_between_rounds_and_no_more_when_it_is_over() {
    let rehearsal = cluster();
    let mut run = held(&rehearsal, "Running", &ENDLESS);
    let item = status(&rehearsal).unwrap();
    assert_eq!((&item["fault"], &item["state"]), (&"migrate".into(), &"running".into()));
    assert_eq!(item["id"], id(&rehearsal).as_str());
    assert_eq!(
        (&item["reason"], &item["targets"]),
        (&"game day".into(), &serde_json::json!(["default/web-1"]))
    );
    assert_eq!(
        (&item["effect"], &item["detail"]),
        (&"live migration, round 1".into(), &"default/web-1: Running".into())
    );
    let table = rehearsal.run(&["status"]).expect(0).out;
    assert!(table.contains("migrate") && table.contains("game day"), "{table}");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    run.wait_for("round 2 begins in");
    assert_eq!(status(&rehearsal).unwrap()["state"], "waiting");
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(status(&rehearsal), None, "interrupted between rounds");

    rehearsal.run(&["migrate", "web-1", "-y"]).expect(0);
    assert_eq!(status(&rehearsal), None, "done");
    assert_eq!(vmims(&rehearsal).len(), 2, "KubeVirt keeps them");
}

#[test]
fn the_vmi_carries_an_event_of_each_migration_and_of_its_end() {
    let rehearsal = cluster();
    rehearsal.run(&["migrate", "web-1", "-y"]).expect(0);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    let notes = || -> Vec<String> {
        let events = rehearsal.practice.list("Event", "");
        events
            .iter()
            .map(|event| event["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let told = notes();
    assert!(
        told.iter()
            .any(|note| note.starts_with("migrate: migrated node-1 to node-")),
        "{told:?}"
    );
    rehearsal.practice.fail_migration("default", "web-2", "no way");
    rehearsal.run(&["migrate", "web-2", "-y"]).expect(5);
    assert_eq!(rehearsal.events("web-2"), ["VMChaosInjected", "VMChaosFailed"]);
    // A courtesy: whoever may not leave any can still migrate.
    rehearsal
        .practice
        .forbid("create", "events.k8s.io", "events", "", "default");
    let ended = rehearsal.run(&["migrate", "web-3", "-y"]).expect(0);
    ended.says(&["no Event is left on the VMIs"]);
}

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

#[test]
fn migrations_that_may_not_be_listed_are_said_not_to_have_been_seen() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstancemigrations", "", "*");
    let says = [
        "could not look for runs of migrations in ",
        "virtualmachineinstancemigrations.kubevirt.io -A",
    ];
    rehearsal.run(&["status"]).expect(1).says(&says);
    rehearsal.run(&["halt", "abcdef"]).expect(3).says(&says);
}

#[test]
fn a_watch_shows_a_run_come_and_go() {
    let rehearsal = cluster();
    let mut watch = rehearsal.command(&["status", "--watch", "-o", "json"]);
    let out = tempfile::NamedTempFile::new().unwrap();
    watch.stdout(out.reopen().unwrap());
    let mut child = watch.stderr(std::process::Stdio::null()).spawn().unwrap();
    let printed = |_: &Rehearsal| std::fs::read_to_string(out.path()).unwrap();
    rehearsal.until("it looks", |rehearsal| printed(rehearsal).contains("items"));
    let run = held(&rehearsal, "Running", &["migrate", "web-1", "-y"]);
    rehearsal.until("the run is seen", |rehearsal| {
        printed(rehearsal).contains("\"state\": \"running\"")
    });
    rehearsal.practice.stick_migrations("default", "web-1", None);
    run.end().expect(0);
    rehearsal.until("it is gone", |rehearsal| {
        let text = printed(rehearsal);
        text.trim_end().ends_with('}') && text.rfind("\"items\": []") > text.rfind("\"running\"")
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_netem_on_the_same_vm_follows_it() {
    let rehearsal = cluster();
    let netem = [
        "netem",
        "web-1",
        "--latency",
        "20ms",
        "--duration",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let mut fault = rehearsal.spawn(&netem);
    fault.wait_for("injected on node-1");
    let moved = rehearsal.run(&["migrate", "web-1", "--to-node", "node-2", "-y", "-o", "json"]);
    assert_eq!(each(&moved.expect(0).json(), "to"), ["node-2"]);
    fault.wait_for("injected on node-2");
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
    fault.signal("INT");
    let target = fault.end().expect(130).target();
    assert_eq!(target["moves"][0]["to"], "node-2");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
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
