//! What is looked at, and what goes through a debug pod or a migration.

use serde_json::{Value, json};

use super::{oldest, vmi};
use crate::support::{Ended, Rehearsal, faults};

/// The row of a VM in `list`.
fn row(listed: &Ended, name: &str) -> Value {
    let document = listed.json();
    let mut rows = document["items"].as_array().unwrap().iter();
    rows.find(|row| row["name"] == name).unwrap().clone()
}

fn devices(target: &Value) -> Vec<&str> {
    let interfaces = target["interfaces"].as_array().unwrap().iter();
    interfaces
        .map(|interface| interface["device"].as_str().unwrap())
        .collect()
}

#[track_caller]
fn refused(rehearsal: &Rehearsal, args: &[&str], says: &[&str]) {
    rehearsal.practice.clear_requests();
    rehearsal.run(args).expect(4).says(says);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn vms_are_listed_with_the_faults_they_can_take() {
    let listed = oldest().run(&["list", "-A", "-o", "json"]).expect(0);
    let unable = |name: &str| {
        let row = row(&listed, name);
        let unable = |fault: &&str| row["faults"][*fault]["able"] != true;
        faults::names().into_iter().filter(unable).collect::<Vec<_>>()
    };
    assert_eq!(unable("web-1"), Vec::<&str>::new());
    // KubeVirt does not migrate a VM whose pod's network is bridged.
    assert_eq!(unable("db-1"), ["migrate"]);
    assert_eq!(unable("shop-db-1"), Vec::<&str>::new());
    // 1.0 has no binding plugins: an interface whose binding it has dropped is taken for none.
    let plugged = row(&listed, "queue-1").to_string();
    assert!(plugged.contains("its binding is none that is known"), "{plugged}");
}

#[test]
fn check_names_the_version_and_what_it_cannot_do() {
    let checked = oldest().run(&["check"]).expect(0).out;
    for part in [
        "v1.0.0",
        "no --mode reset, which needs KubeVirt 1.5",
        "no --to-node and --node-selector, which need KubeVirt 1.6",
    ] {
        assert!(checked.contains(part), "{part}\n{checked}");
    }
}

#[test]
fn netem_finds_devices_whose_names_no_status_tells() {
    let rehearsal = oldest();
    let fault = [
        "netem",
        "shop-db-1",
        "-n",
        "shop",
        "--latency",
        "20ms",
        "--duration",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&fault);
    run.wait_for("injected on");
    // The pod's network, and a secondary one that is named after its hash.
    let on = rehearsal.ours("shop", "shop-db-1");
    assert!(on.iter().any(|line| line.starts_with("tap0:")), "{on:?}");
    assert!(
        on.iter()
            .any(|line| line.starts_with("tap") && !line.starts_with("tap0:")),
        "{on:?}"
    );
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(ended.target()["state"], "restored");
    assert_eq!(devices(&ended.target()).len(), 2);
    assert_eq!(rehearsal.ours("shop", "shop-db-1"), Vec::<String>::new());
}

#[test]
fn netem_follows_a_migration_that_does_not_name_its_pods() {
    let rehearsal = oldest();
    let fault = [
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
    let mut run = rehearsal.spawn(&fault);
    run.wait_for("injected on node-1");
    let moved = rehearsal.practice.migrate("default", "web-1", None);
    rehearsal.runtime.block_on(moved).unwrap();
    let state = &vmi(&rehearsal, "web-1")["status"]["migrationState"];
    assert_eq!((&state["completed"], state.get("sourcePod")), (&json!(true), None));
    rehearsal.until("the fault is on the new node", |rehearsal| {
        !rehearsal.ours("default", "web-1").is_empty()
    });
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(
        ended.target()["moves"].as_array().map(Vec::len),
        Some(1),
        "{}",
        ended.target()
    );
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn filter_cuts_and_restores_and_status_shows_it_meanwhile() {
    let rehearsal = oldest();
    let fault = [
        "filter",
        "web-1",
        "--preset",
        "isolate",
        "--duration",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&fault);
    run.wait_for("injected on node-1");
    assert_ne!(rehearsal.practice.filters("default", "web-1"), Vec::<String>::new());
    let status = rehearsal.run(&["status", "-A", "-o", "json"]).expect(0).json();
    assert_eq!(status["items"][0]["targets"], json!(["default/web-1"]));
    rehearsal.run(&["halt", "--all", "-y"]).expect(0);
    assert_eq!(run.end().expect(1).target()["endedBy"], "cleanup");
    assert_eq!(rehearsal.practice.filters("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_vm_is_migrated_and_every_phase_is_timed() {
    let rehearsal = oldest();
    let migrations = rehearsal
        .run(&["migrate", "web-1", "-y", "-o", "json"])
        .expect(0)
        .json()["migrations"]
        .take();
    assert_eq!(migrations[0]["result"], "succeeded");
    assert_eq!(
        (&migrations[0]["from"], &migrations[0]["mode"]),
        (&json!("node-1"), &json!("PreCopy"))
    );
    assert_eq!(migrations[0]["to"], vmi(&rehearsal, "web-1")["status"]["nodeName"]);
    let phases = migrations[0]["phases"].as_array().unwrap();
    assert_eq!(phases.last().unwrap()["phase"], "Succeeded");
}

#[test]
fn a_migration_whose_failure_has_no_reason_is_told_with_where_to_look() {
    let rehearsal = oldest();
    rehearsal.practice.fail_migration("default", "web-1", "dropped by 1.0");
    let ended = rehearsal.run(&["migrate", "web-1", "-y", "-o", "json"]).expect(5);
    let migration = ended.json()["migrations"][0].take();
    assert_eq!(migration["result"], "failed");
    let why = migration["failureReason"].as_str().unwrap();
    assert!(
        why.starts_with("KubeVirt does not say why; its events may: kubectl describe vmim"),
        "{why}"
    );
}

#[test]
fn where_a_migration_is_to_go_cannot_be_told() {
    let rehearsal = oldest();
    let to = ["migrate", "web-1", "--to-node", "node-2", "-y"];
    refused(&rehearsal, &to, &["before KubeVirt 1.6; this is 1.0"]);
    let to = ["migrate", "web-1", "--node-selector", "zone=a", "-y"];
    refused(&rehearsal, &to, &["before KubeVirt 1.6; this is 1.0"]);
}
