//! The main job: every VM once, each followed through its phases.

use serde_json::Value;
use vmchaos_rehearsal::Options;

use super::{cluster, each, made, node, vmims};
use crate::support::Rehearsal;

#[track_caller]
fn every_phase_in_order(phases: &[Value]) {
    let names: Vec<_> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    let all = [
        "Pending",
        "Scheduling",
        "Scheduled",
        "PreparingTarget",
        "TargetReady",
        "Running",
        "Succeeded",
    ];
    assert_eq!(names, all);
}

#[test]
fn each_vm_moves_and_every_phase_is_timed() {
    let rehearsal = cluster();
    let ended = rehearsal
        .run(&["migrate", "web-1", "web-2", "-y", "-o", "json", "--reason", "game day"])
        .expect(0);
    let document = ended.json();
    assert_eq!(
        (&document["outcome"], &document["exitCode"]),
        (&"completed".into(), &0.into())
    );
    assert_eq!(document["fault"]["type"], "migrate");
    assert_eq!(each(&document, "vmi"), ["default/web-1", "default/web-2"]);
    assert_eq!(each(&document, "result"), ["succeeded", "succeeded"]);
    assert_eq!(each(&document, "from"), ["node-1", "node-2"]);
    assert_eq!(each(&document, "mode"), ["PreCopy", "PreCopy"]);
    for (migration, vm) in document["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["web-1", "web-2"])
    {
        assert_eq!(migration["to"], node(&rehearsal, vm).as_str());
        assert_ne!(migration["to"], migration["from"]);
        let phases = migration["phases"].as_array().unwrap();
        every_phase_in_order(phases);
        let times: Vec<_> = phases.iter().map(|phase| phase["at"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        let running = phases.iter().find(|phase| phase["phase"] == "Running").unwrap();
        assert_eq!(migration["startedAt"], running["at"]);
        assert!(migration["createdAt"].as_str() <= Some(times[0]));
        assert_eq!(migration["endedAt"], *times.last().unwrap());
    }
    assert_eq!(
        document["summary"],
        serde_json::json!({"targets": 2, "ok": 2, "failed": 0, "leaked": 0, "skipped": 0})
    );
    assert_eq!(document["targets"][0]["state"], "migrated");
    let told = &document["migrationSummary"];
    assert_eq!((&told["succeeded"], &told["failed"]), (&2.into(), &0.into()));
    assert!(told["medianSeconds"].as_f64().unwrap() > 0.0, "{told}");
}

#[test]
fn the_objects_carry_the_runs_label_and_no_priority() {
    let rehearsal = cluster();
    let document = rehearsal
        .run(&["migrate", "web-1", "-y", "-o", "json", "--reason", "game day"])
        .expect(0)
        .json();
    let objects = vmims(&rehearsal);
    assert_eq!(objects.len(), 1);
    let (metadata, run) = (&objects[0]["metadata"], document["id"].as_str().unwrap());
    assert!(
        metadata["name"]
            .as_str()
            .unwrap()
            .starts_with(&format!("vmchaos-{run}-"))
    );
    assert_eq!(metadata["generateName"], format!("vmchaos-{run}-"));
    assert_eq!(metadata["labels"]["vmchaos.dev/run"], run);
    assert_eq!(metadata["labels"]["vmchaos.dev/fault"], "migrate");
    assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "kubectl-vmchaos");
    assert_eq!(metadata["annotations"]["vmchaos.dev/reason"], "game day");
    assert_eq!(objects[0]["spec"], serde_json::json!({"vmiName": "web-1"}));
    assert_eq!(document["migrations"][0]["uid"], metadata["uid"]);
    let requests = made(&rehearsal);
    assert_eq!(requests.len(), 1, "nothing is deleted: {requests:?}");
}

#[test]
fn off_a_terminal_every_phase_is_one_plain_line_and_the_end_is_counted() {
    // Phases long enough to be seen one by one on a busy machine, the first as long as it takes.
    let rehearsal = Rehearsal::with(Options {
        migration_step: std::time::Duration::from_secs(1),
        ..super::quick()
    });
    rehearsal.practice.stick_migrations("default", "web-1", Some("Pending"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y"]);
    run.wait_for("from node-1: Pending");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let ended = run.end().expect(0);
    assert!(!ended.err.contains('\x1b'));
    for part in [
        "from node-1: Pending",
        "Scheduling (+",
        "PreparingTarget (+",
        "TargetReady (+",
        "Running (+",
    ] {
        let lines = ended.err.lines().filter(|line| line.contains(part)).count();
        assert_eq!(lines, 1, "{part}:\n{}", ended.err);
    }
    let to = node(&rehearsal, "web-1");
    let ended = ended.says(&[
        &format!("default/web-1  migrated node-1 to {to} in "),
        "1 migration: 1 succeeded; median ",
        "  node-1: 1 left, 0 arrived",
        &format!("  {to}: 0 left, 1 arrived"),
    ]);
    assert!(
        ended.out.contains("migrated") && ended.out.contains("PreCopy"),
        "{}",
        ended.out
    );
}

#[test]
fn what_matches_and_cannot_be_moved_is_left_out_and_the_rest_moves_in_order() {
    let rehearsal = cluster();
    let ended = rehearsal
        .run(&["migrate", "--target", ".*", "--exclude", "web-.", "-y", "-o", "json"])
        .expect(0)
        .says(&["left out: default/db-1 cannot be live-migrated: InterfaceNotLiveMigratable"]);
    let document = ended.json();
    assert_eq!(
        each(&document, "vmi"),
        ["default/cache-1", "default/mail-1", "default/queue-1"]
    );
    assert_eq!(document["seed"], serde_json::Value::Null, "nothing was drawn");
}

#[test]
fn parallel_ones_are_made_together() {
    let rehearsal = cluster();
    let args = [
        "migrate",
        "web-1",
        "web-2",
        "web-3",
        "--parallel",
        "3",
        "-y",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(0).json();
    let latest_start = each(&document, "createdAt").into_iter().max().unwrap();
    let first_end = each(&document, "endedAt").into_iter().min().unwrap();
    assert!(latest_start < first_end, "{document}");
}

#[test]
fn a_vm_goes_to_the_node_it_is_sent_to() {
    let rehearsal = cluster();
    let args = ["migrate", "web-1", "web-2", "--to-node", "node-3", "-y", "-o", "json"];
    let document = rehearsal.run(&args).expect(0).json();
    assert_eq!(each(&document, "to"), ["node-3", "node-3"]);
    let selector = vmims(&rehearsal)[0]["spec"]["addedNodeSelector"].clone();
    assert_eq!(selector, serde_json::json!({"kubernetes.io/hostname": "node-3"}));
    let zone = [
        "migrate",
        "web-1",
        "--node-selector",
        "topology.kubernetes.io/zone=zone-b",
        "-y",
        "-o",
        "json",
    ];
    assert_eq!(each(&rehearsal.run(&zone).expect(0).json(), "to"), ["node-2"]);
}

#[test]
fn phases_that_nobody_saw_are_filled_in() {
    let rehearsal = cluster();
    rehearsal.practice.fast_migrations("default", "web-1");
    let document = rehearsal
        .run(&["migrate", "web-1", "-y", "-o", "json"])
        .expect(0)
        .json();
    let phases = document["migrations"][0]["phases"].as_array().unwrap();
    every_phase_in_order(phases);
    assert!(phases.is_sorted_by_key(|phase| phase["at"].as_str()), "{document}");
}

#[test]
fn a_failed_migration_is_reported_and_the_others_go_on() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .fail_migration("default", "web-1", "dirty pages came too fast");
    let ended = rehearsal
        .run(&["migrate", "web-1", "web-2", "-y", "-o", "json"])
        .expect(5)
        .says(&["dirty pages came too fast", "2 migrations: 1 succeeded, 1 failed"]);
    let document = ended.json();
    assert_eq!(document["outcome"], "unrecovered");
    assert_eq!(each(&document, "result"), ["failed", "succeeded"]);
    assert_eq!(each(&document, "failureReason"), ["dirty pages came too fast", "null"]);
    let target = &document["targets"][0];
    assert_eq!(
        (&target["state"], &target["node"]),
        (&"failed".into(), &"node-1".into())
    );
    assert_eq!(target["error"]["reason"], "not-migrated");
    assert_eq!(node(&rehearsal, "web-1"), "node-1");
}
