//! Runs of migrations as others see them: `status`, Events of the VMI, and a netem on it.

use serde_json::Value;

use super::{cluster, each, vmims};
use crate::support::{Rehearsal, Running};

pub(super) const ENDLESS: [&str; 8] = [
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
pub(super) fn status(rehearsal: &Rehearsal) -> Option<Value> {
    let mut list = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    let items = list["items"].as_array_mut().unwrap();
    assert!(items.len() < 2, "{items:?}");
    items.pop()
}

pub(super) fn id(rehearsal: &Rehearsal) -> String {
    vmims(rehearsal)[0]["metadata"]["labels"]["vmchaos.dev/run"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A run whose migration is held in this phase.
pub(super) fn held(rehearsal: &Rehearsal, phase: &str, args: &[&str]) -> Running {
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
