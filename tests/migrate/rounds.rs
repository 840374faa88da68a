//! Rounds at intervals: who is drawn, who is left out, and when it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use vmchaos_rehearsal::{Answer, Rule};

use super::{cluster, each, made, node, vmims};
use crate::support::{Rehearsal, Running};

const FAST: [&str; 4] = ["--interval-min", "0", "--interval-max", "20ms"];

fn rounds<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["migrate"], args, &FAST, &["-y", "-o", "json"]].concat()
}

/// A command that migrates `default/web-1` without end, and has done so once.
fn moved_once(rehearsal: &Rehearsal) -> Running {
    let ways = [
        "--interval-min",
        "0",
        "--interval-max",
        "0",
        "--yes=vmchaos-rehearsal",
        "-o",
        "json",
    ];
    let mut run = rehearsal.spawn(&[&["migrate", "web-1", "--rounds", "0"], &ways[..]].concat());
    run.wait_for("migrated node-1 to");
    run
}

#[test]
fn each_round_moves_so_many_distinct_vms_and_the_seed_says_which() {
    let rehearsal = cluster();
    let args = rounds(&["--target", "web-.", "--rounds", "4", "--parallel", "2", "--seed", "5"]);
    let document = rehearsal.run(&args).expect(0).json();
    let moved = each(&document, "vmi");
    assert_eq!(moved.len(), 8);
    assert!(moved.chunks(2).all(|round| round[0] != round[1]), "{moved:?}");
    let dry = [&args[..], &["--dry-run"]].concat();
    let planned = rehearsal.run(&dry).expect(0).json();
    let planned: Vec<_> = planned["schedule"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|round| round["vmis"].as_array().unwrap())
        .collect();
    assert_eq!(planned, moved.iter().collect::<Vec<_>>(), "what the dry run showed");
    assert_eq!(
        document["summary"]["ok"].as_u64(),
        Some(moved.iter().collect::<BTreeSet<_>>().len() as u64)
    );
}

#[test]
fn a_vm_that_cannot_be_moved_for_a_while_is_left_out_said_so_and_taken_again() {
    let rehearsal = cluster();
    let mut run = moved_once(&rehearsal);
    rehearsal.practice.pause("default", "web-1", true);
    run.wait_for("default/web-1  left out: is paused");
    rehearsal.practice.pause("default", "web-1", false);
    run.wait_for("migrated ");
    run.signal("INT");
    let document = run.end().expect(130).json();
    assert_eq!(document["targets"][0]["error"]["reason"], "not-migrated");
    assert!(
        document["targets"][0]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("it is paused"),
        "{document}"
    );
}

#[test]
fn a_vm_that_is_gone_fails_the_run_at_its_end() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "web-3", "-y", "-o", "json"]);
    run.wait_for("Running");
    rehearsal.practice.edit("VirtualMachine", "default", "web-2", |vm| {
        vm["spec"]["runStrategy"] = json!("Halted");
    });
    rehearsal.until("its VMI is gone", |rehearsal| {
        rehearsal
            .practice
            .get("VirtualMachineInstance", "default", "web-2")
            .is_none()
    });
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run
        .end()
        .expect(5)
        .says(&["default/web-2  left out: does not run any more"])
        .json();
    assert_eq!(each(&document, "vmi"), ["default/web-1", "default/web-3"]);
    assert_eq!(document["targets"][1]["state"], "failed");
    assert_eq!(document["summary"]["failed"], 1);
}

#[test]
fn a_node_that_is_cordoned_meanwhile_is_taken_into_account() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "--to-node", "node-3", "-y", "-o", "json"]);
    run.wait_for("Running");
    rehearsal
        .practice
        .edit("Node", "", "node-3", |node| node["spec"]["unschedulable"] = json!(true));
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let ended = run
        .end()
        .expect(5)
        .says(&["default/web-2  left out: cannot go there: node-3 is cordoned"]);
    assert_eq!(each(&ended.json(), "to"), ["node-3"]);
    assert_eq!(made(&rehearsal).len(), 1);
}

#[test]
fn being_where_one_was_to_go_is_no_failure() {
    let rehearsal = cluster();
    let args = rounds(&["web-1", "web-2", "--to-node", "node-3", "--rounds", "4", "--seed", "1"]);
    let document = rehearsal.run(&args).expect(0).json();
    assert_eq!(each(&document, "to"), ["node-3", "node-3"]);
}

#[test]
fn a_duration_ends_the_run_when_no_further_round_can_begin() {
    let rehearsal = cluster();
    let args = [
        "migrate",
        "web-1",
        "--duration",
        "1s",
        "--interval-min",
        "10m",
        "--interval-max",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(0).json();
    assert_eq!(
        each(&document, "result"),
        ["succeeded"],
        "one round, and no wait for another"
    );
}

#[test]
fn a_restarted_vm_stays_in_the_pool() {
    let rehearsal = cluster();
    let mut run = moved_once(&rehearsal);
    rehearsal
        .runtime
        .block_on(rehearsal.practice.restart_vmi("default", "web-1"))
        .unwrap();
    run.wait_for("default/web-1  left out: ");
    run.wait_for("migrated ").signal("INT");
    run.end().expect(130);
}

#[test]
fn only_the_newest_objects_are_kept_by_kubevirt_and_the_run_does_not_mind() {
    let rehearsal = cluster();
    let document = rehearsal.run(&rounds(&["web-1", "--rounds", "8"])).expect(0).json();
    assert_eq!(each(&document, "result"), ["succeeded"; 8]);
    assert_eq!(vmims(&rehearsal).len(), 5);
    let last = document["migrations"][7]["to"].clone();
    assert_eq!(last, node(&rehearsal, "web-1").as_str());
}

#[test]
fn a_vmi_whose_watch_is_behind_its_migration_stays_in_the_pool() {
    let rehearsal = cluster();
    // Longer than a migration takes there: the watch shows the VMI before it, and then under way.
    let late = Answer::LateEvents(Duration::from_millis(400));
    rehearsal
        .practice
        .fail(Rule::new("watch", "/virtualmachineinstances", late).unwrap().always());
    let document = rehearsal.run(&rounds(&["web-1", "--rounds", "6"])).expect(0).json();
    assert_eq!(each(&document, "result"), ["succeeded"; 6]);
    let (from, to) = (each(&document, "from"), each(&document, "to"));
    assert_eq!(from[1..], to[..5], "each from where the one before went");
}

/// The most memory the process had so far, in kB.
#[cfg(target_os = "linux")]
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_schedule_over_many_vms_needs_little_memory() {
    let rehearsal = crate::support::Rehearsal::with(vmchaos_rehearsal::Options {
        vms: 200,
        migration_step: std::time::Duration::ZERO,
        pod_start: std::time::Duration::ZERO,
        ..super::quick()
    });
    let mut run = rehearsal.spawn(&[
        "migrate",
        "-n",
        "load",
        "--target",
        ".*",
        "--rounds",
        "1000",
        "--interval-min",
        "0",
        "--interval-max",
        "0",
        "--yes=vmchaos-rehearsal",
        "-o",
        "json",
    ]);
    run.wait_for("round 40 of 1000: ");
    let peak = peak(run.pid());
    run.signal("INT");
    run.end().expect(130);
    // Most of it are 200 VMIs and pods as large as real ones, read at once.
    assert!(peak < 80_000, "{peak} kB");
}
