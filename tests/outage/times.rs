//! Times are those at which the server told of a change, whenever its answer to the request came.

use std::iter;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use vmchaos_rehearsal::{Answer, Rule, Told};

use super::owners::replica_set;
use super::{VMI, YES, outage, quick, uid};
use crate::support::{Ended, Rehearsal};

/// Far less than what an answer is late by; a busy machine may notice an event this much later.
const NOTICED: f64 = 2.5;
const LATE: Duration = Duration::from_secs(5);

fn is(told: &Told, kind: &str) -> bool {
    let conditions = told.object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == kind && one["status"] == "True"))
}

fn whole(told: &Told) -> bool {
    told.object["status"]["phase"] == "Running" && is(told, "Ready") && is(told, "AgentConnected")
}

/// The first moment, not before another, at which the server told of a VMI that is as described.
fn first(rehearsal: &Rehearsal, from: Timestamp, described: impl Fn(&Told) -> bool) -> Timestamp {
    let all = rehearsal.practice.told(VMI, "default");
    all.iter()
        .find(|told| told.at >= from && described(told))
        .unwrap_or_else(|| panic!("the server never told of it: {all:#?}"))
        .at
}

/// When a step of the timeline was, by its first word.
fn step(ended: &Ended, word: &str) -> Timestamp {
    let timeline = ended.target()["timeline"].clone();
    let all = timeline.as_array().unwrap();
    let is_it = |event: &&Value| event["event"].as_str().unwrap().split(' ').next() == Some(word);
    let event = all
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {word}: {timeline}"));
    event["at"].as_str().unwrap().parse().unwrap()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Holds a step against the server's time for it.
fn at(ended: &Ended, word: &str, server: Timestamp) {
    let off = seconds(server, step(ended, word));
    // The document's times are whole milliseconds.
    assert!(
        (-0.002..NOTICED).contains(&off),
        "{word}: {off} s after the server told of it: {}",
        ended.target()
    );
}

fn held(ended: &Ended, gone: Timestamp, back: Timestamp, within: f64) {
    let held = ended.target()["heldSeconds"].as_f64().unwrap();
    let told = seconds(gone, back);
    assert!(
        (held - told).abs() < within,
        "reported {held} s, the server's is {told} s"
    );
}

/// An outage of `default/web-1` whose request gets its answer late.
fn late(mode: &str, verb: &str, path: &str) -> (Rehearsal, Timestamp, Ended) {
    let rehearsal = quick();
    let rule = Rule::new(verb, path, Answer::LateReply(LATE)).unwrap();
    rehearsal.practice.fail(rule);
    let began = Timestamp::now();
    let mut args = vec!["outage", "web-1", YES, "-o", "json", "--mode", mode];
    if matches!(mode, "pause" | "stop") {
        args.extend(["--duration", "4s"]);
    }
    let ended = rehearsal.run(&args).expect(0);
    (rehearsal, began, ended)
}

/// How far the reported recovery of a deleted VM is from what the server told, in seconds.
fn recovery_is_off_by() -> f64 {
    let rehearsal = Rehearsal::new();
    let old = uid(&rehearsal, "default", "web-1");
    let began = Timestamp::now();
    let ended = rehearsal.run(&outage(&[])).expect(0);
    let is_old = |told: &Told| told.object["metadata"]["uid"] == *old;
    let of_it = |told: &Told| told.object["metadata"]["name"] == "web-1";
    let gone = first(&rehearsal, began, |told| {
        is_old(told) && (told.deleted || told.object["status"]["phase"] == "Succeeded")
    });
    let back = first(&rehearsal, began, |told| of_it(told) && !is_old(told) && whole(told));
    held(&ended, gone, back, NOTICED);
    (ended.target()["heldSeconds"].as_f64().unwrap() - seconds(gone, back)).abs()
}

/// What is 50 ms off because of how it is measured is so every time; what a busy machine adds is not.
#[test]
fn a_recovery_is_timed_by_the_servers_own_events() {
    let off: Vec<f64> = iter::repeat_with(recovery_is_off_by).take(3).collect();
    assert!(off.iter().any(|off| *off < 0.05), "{off:?} s");
}

#[test]
fn a_guest_that_is_gone_before_the_answer_was_gone_when_the_server_told() {
    for (mode, verb, path) in [
        ("delete", "delete", "/virtualmachineinstances/web-1$"),
        ("pod", "delete", "/pods/virt-launcher-web-1"),
        ("stop", "update", "/virtualmachines/web-1/stop$"),
    ] {
        let rehearsal_old = |rehearsal: &Rehearsal| {
            let all = rehearsal.practice.told(VMI, "default");
            let of_it = |told: &&Told| told.object["metadata"]["name"] == "web-1";
            all.iter().find(of_it).unwrap().object["metadata"]["uid"].clone()
        };
        let (rehearsal, began, ended) = late(mode, verb, path);
        let old = rehearsal_old(&rehearsal);
        let is_old = |told: &Told| told.object["metadata"]["uid"] == old;
        let of_it = |told: &Told| told.object["metadata"]["name"] == "web-1";
        let phase =
            |told: &Told, phases: &[&str]| phases.contains(&told.object["status"]["phase"].as_str().unwrap_or(""));
        let gone = first(&rehearsal, began, |told| {
            is_old(told) && (told.deleted || phase(told, &["Succeeded", "Failed"]))
        });
        let new = |told: &Told| of_it(told) && !is_old(told);
        at(&ended, "gone", gone);
        at(
            &ended,
            "scheduled",
            first(&rehearsal, gone, |told| {
                new(told) && phase(told, &["Scheduled", "Running"])
            }),
        );
        at(
            &ended,
            "running",
            first(&rehearsal, gone, |told| new(told) && phase(told, &["Running"])),
        );
        at(
            &ended,
            "ready",
            first(&rehearsal, gone, |told| {
                new(told) && is(told, "Ready") && phase(told, &["Running"])
            }),
        );
        let back = first(&rehearsal, gone, |told| new(told) && whole(told));
        at(
            &ended,
            "agent",
            first(&rehearsal, gone, |told| new(told) && is(told, "AgentConnected")),
        );
        held(&ended, gone, back, NOTICED);
    }
}

#[test]
fn a_pause_is_timed_from_when_the_guest_was_frozen() {
    let (rehearsal, began, ended) = late("pause", "update", "/pause$");
    let gone = first(&rehearsal, began, |told| is(told, "Paused"));
    let back = first(&rehearsal, gone, |told| !is(told, "Paused") && whole(told));
    at(&ended, "gone", gone);
    at(&ended, "ready", back);
    held(&ended, gone, back, NOTICED);
    assert!(seconds(gone, back) >= 4.0, "it is held for the whole duration");
}

#[test]
fn a_guest_that_has_booted_again_before_the_answer_was_reset() {
    let (rehearsal, began, ended) = late("reset", "update", "/reset$");
    let of_it = |told: &Told| told.object["metadata"]["name"] == "web-1";
    let gone = first(&rehearsal, began, |told| of_it(told) && !whole(told));
    let back = first(&rehearsal, gone, |told| of_it(told) && whole(told));
    assert!(
        seconds(gone, back) < LATE.as_secs_f64(),
        "it is back before the answer comes"
    );
    at(&ended, "gone", gone);
    at(&ended, "agent", back);
    held(&ended, gone, back, NOTICED);
}

#[test]
fn a_replacement_that_comes_before_the_old_one_has_gone_has_its_own_times() {
    let rehearsal = quick();
    let names = replica_set(&rehearsal);
    let before: Vec<String> = names.iter().map(|name| uid(&rehearsal, "default", name)).collect();
    let began = Timestamp::now();
    let ended = rehearsal.run(&["outage", &names[0], YES, "-o", "json"]).expect(0);
    let new = |told: &Told| {
        let uid = told.object["metadata"]["uid"].as_str().unwrap_or_default();
        told.object["metadata"]["labels"]["app"] == "farm" && !before.iter().any(|old| old == uid)
    };
    at(
        &ended,
        "running",
        first(&rehearsal, began, |told| {
            new(told) && told.object["status"]["phase"] == "Running"
        }),
    );
    at(
        &ended,
        "agent",
        first(&rehearsal, began, |told| new(told) && is(told, "AgentConnected")),
    );
    let recovery = ended.target()["recovery"].clone();
    let name = recovery["newName"].as_str().unwrap();
    assert!(
        name.starts_with("farm") && !names.iter().any(|old| old == name),
        "{recovery}"
    );
    assert_eq!(recovery["newUid"], uid(&rehearsal, "default", name));
}
