//! Times are those at which the server told of a change, whenever its answer to the request came.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use vmchaos_rehearsal::{Answer, Rule, Told};

use super::owners::replica_set;
use super::{VMI, YES, outage, quick, uid};
use crate::support::{Ended, Rehearsal};

const BACK: &str = "gone, scheduled, running, ready, agent";

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

/// An outage of `default/web-1`, and what it is held against.
struct Timed {
    rehearsal: Rehearsal,
    began: Timestamp,
    /// When the run had told of the end of it all, and its request had no answer yet.
    told: Timestamp,
    ended: Ended,
}

impl Timed {
    /// Runs an outage whose request is answered only after the run has seen `last`, which it tells with `-v=1`: to users it says
    /// nothing of a request that has no answer.
    fn answered_after(mode: &str, verb: &str, path: &str, last: &str) -> Self {
        let rehearsal = quick();
        let go = Arc::new(Notify::new());
        let rule = Rule::new(verb, path, Answer::HeldReply(go.clone())).unwrap();
        rehearsal.practice.fail(rule);
        let began = Timestamp::now();
        let mut args = outage(&["-v=1", "--mode", mode]);
        if matches!(mode, "pause" | "stop") {
            args.extend(["--duration", "4s"]);
        }
        let mut run = rehearsal.spawn(&args);
        run.wait_for(&format!("seen so far: {last}"));
        let told = Timestamp::now();
        go.notify_one();
        let ended = run.end().expect(0);
        Self {
            rehearsal,
            began,
            told,
            ended,
        }
    }

    /// The first moment, not before another, at which the server told of a VMI that is as described.
    fn first(&self, from: Timestamp, described: impl Fn(&Told) -> bool) -> Timestamp {
        first(&self.rehearsal, from, described)
    }

    /// Holds a step against the time at which the server told of it, and that at which the run did.
    fn at(&self, word: &str, server: Timestamp) {
        let step = step(&self.ended, word);
        // The document's times are whole milliseconds.
        assert!(
            seconds(server, step) > -0.002 && step <= self.told,
            "{word} at {step}, the server told of it at {server}, the run before {}: {}",
            self.told,
            self.ended.target()
        );
    }

    /// Holds a step against the time at which the server told of it alone: the request had its answer meanwhile.
    fn after(&self, word: &str, server: Timestamp) {
        assert!(
            seconds(server, step(&self.ended, word)) > -0.002,
            "{word}: {}",
            self.ended.target()
        );
    }

    /// The guest was held from its `gone` to that step.
    fn held_until(&self, word: &str) {
        let held = self.ended.target()["heldSeconds"].as_f64().unwrap();
        let steps = seconds(step(&self.ended, "gone"), step(&self.ended, word));
        assert!((held - steps).abs() < 0.002, "{}", self.ended.target());
    }
}

fn phase(told: &Told, phases: &[&str]) -> bool {
    phases.contains(&told.object["status"]["phase"].as_str().unwrap_or_default())
}

#[test]
fn a_guest_that_is_gone_before_the_answer_was_gone_when_the_server_told() {
    for (mode, verb, path, last) in [
        ("delete", "delete", "/virtualmachineinstances/web-1$", BACK),
        ("pod", "delete", "/pods/virt-launcher-web-1", BACK),
        ("stop", "update", "/virtualmachines/web-1/stop$", "gone"),
    ] {
        let timed = Timed::answered_after(mode, verb, path, last);
        let all = timed.rehearsal.practice.told(VMI, "default");
        let of_it = |told: &Told| told.object["metadata"]["name"] == "web-1";
        let old = all.iter().find(|told| of_it(told)).unwrap().object["metadata"]["uid"].clone();
        let is_old = |told: &Told| told.object["metadata"]["uid"] == old;
        let new = |told: &Told| of_it(told) && !is_old(told);
        let gone = timed.first(timed.began, |told| {
            is_old(told) && (told.deleted || phase(told, &["Succeeded", "Failed"]))
        });
        timed.at("gone", gone);
        timed.held_until("agent");
        let back = [
            (
                "scheduled",
                timed.first(gone, |told| new(told) && phase(told, &["Scheduled", "Running"])),
            ),
            (
                "running",
                timed.first(gone, |told| new(told) && phase(told, &["Running"])),
            ),
            (
                "ready",
                timed.first(gone, |told| new(told) && is(told, "Ready") && phase(told, &["Running"])),
            ),
        ];
        for (word, server) in back {
            if mode == "stop" {
                timed.after(word, server);
            } else {
                timed.at(word, server);
            }
        }
        timed.after(
            "agent",
            timed.first(gone, |told| new(told) && is(told, "AgentConnected")),
        );
    }
}

#[test]
fn a_pause_is_timed_from_when_the_guest_was_frozen() {
    let timed = Timed::answered_after("pause", "update", "/pause$", "gone");
    let gone = timed.first(timed.began, |told| is(told, "Paused"));
    let back = timed.first(gone, |told| !is(told, "Paused") && whole(told));
    timed.at("gone", gone);
    timed.after("ready", back);
    timed.held_until("ready");
    assert!(seconds(gone, back) >= 4.0, "it is held for the whole duration");
}

#[test]
fn a_guest_that_has_booted_again_before_the_answer_was_reset() {
    let timed = Timed::answered_after("reset", "update", "/reset$", "gone, ready, agent");
    let of_it = |told: &Told| told.object["metadata"]["name"] == "web-1";
    let gone = timed.first(timed.began, |told| of_it(told) && !whole(told));
    let back = timed.first(gone, |told| of_it(told) && whole(told));
    timed.at("gone", gone);
    timed.after("agent", back);
    timed.held_until("agent");
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
    let running = first(&rehearsal, began, |told| new(told) && phase(told, &["Running"]));
    let agent = first(&rehearsal, began, |told| new(told) && is(told, "AgentConnected"));
    for (word, server) in [("running", running), ("agent", agent)] {
        assert!(
            seconds(server, step(&ended, word)) > -0.002,
            "{word}: {}",
            ended.target()
        );
    }
    let recovery = ended.target()["recovery"].clone();
    let name = recovery["newName"].as_str().unwrap();
    assert!(
        name.starts_with("farm") && !names.iter().any(|old| old == name),
        "{recovery}"
    );
    assert_eq!(recovery["newUid"], uid(&rehearsal, "default", name));
}
