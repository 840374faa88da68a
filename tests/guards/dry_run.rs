//! `--dry-run=server` asks about every object that a command would make or change, and writes none.

use vmchaos_rehearsal::{Options, Request};

use super::with;
use crate::support::Rehearsal;

/// What was asked about: method and path of every dry run.
fn asked(rehearsal: &Rehearsal) -> Vec<String> {
    let requests = rehearsal.practice.requests();
    // A deletion says it in its body.
    let is_dry = |request: &&Request| {
        request.query.contains("dryRun=All") || request.json()["dryRun"] == serde_json::json!(["All"])
    };
    let dry = requests.iter().filter(is_dry);
    let mut asked: Vec<String> = dry
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    asked.sort();
    rehearsal.practice.clear_requests();
    asked
}

const EVENT: &str = "POST /apis/events.k8s.io/v1/namespaces/default/events";

#[test]
fn every_object_of_every_fault() {
    let rehearsal = Rehearsal::with(Options::default());
    let three = ["web-1", "web-2", "web-3", "--dry-run=server"];
    // The Events on the three VMIs are asked about whatever the fault.
    let run = |base: &[&str]| {
        rehearsal.run(&with(base, &three)).expect(0);
        assert_eq!(rehearsal.writes(), Vec::<String>::new());
        let (events, asked): (Vec<String>, Vec<String>) = asked(&rehearsal)
            .into_iter()
            .partition(|line| line.ends_with("/events"));
        assert_eq!(events, [EVENT; 3], "{base:?}");
        asked
    };
    let pods = |asked: &[String], namespace: &str| {
        let path = format!("POST /api/v1/namespaces/{namespace}/pods");
        asked.iter().filter(|line| **line == path).count()
    };
    for fault in [["netem", "--latency", "20ms"], ["filter", "--ports", "53"]] {
        assert_eq!(pods(&run(&fault), "kubevirt"), 3, "a debug pod on each of three nodes");
    }
    let migration = "POST /apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations";
    assert_eq!(run(&["migrate"]), [migration, migration, migration]);
    let vmis = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances";
    let deletions: Vec<String> = (1..=3).map(|number| format!("DELETE {vmis}/web-{number}")).collect();
    assert_eq!(run(&["outage"]), deletions);
    // The way back is a change too.
    let marked = run(&["outage", "--mode", "pause"]);
    assert_eq!(
        marked.iter().filter(|line| line.starts_with("PATCH")).count(),
        3,
        "{marked:?}"
    );
    assert_eq!(
        marked.iter().filter(|line| line.ends_with("/pause")).count(),
        3,
        "{marked:?}"
    );
}

#[test]
fn a_vmi_that_nothing_else_makes_again_is_asked_about_too() {
    let rehearsal = Rehearsal::new();
    let lone = ["outage", "lone-1", "-n", "lab", "--dry-run=server"];
    rehearsal.run(&lone).expect(0);
    let vmis = "/apis/kubevirt.io/v1/namespaces/lab/virtualmachineinstances";
    assert_eq!(
        asked(&rehearsal),
        [
            format!("DELETE {vmis}/lone-1"),
            EVENT.replace("default", "lab"),
            format!("POST {vmis}")
        ]
    );
}

#[test]
fn what_a_server_would_refuse_is_refused() {
    let rehearsal = Rehearsal::new();
    let migrations = "virtualmachineinstancemigrations";
    rehearsal
        .practice
        .webhook_deny("guard.example", migrations, "default", "not today");
    rehearsal
        .run(&["migrate", "web-1", "--dry-run=server"])
        .expect(4)
        .says(&["not today"]);
    // That nothing would be left on a VMI stops no run.
    rehearsal
        .practice
        .forbid("create", "events.k8s.io", "events", "", "default");
    rehearsal
        .run(&["filter", "web-1", "web-2", "--ports", "53", "--dry-run=server"])
        .expect(0)
        .says(&["no Event is left on the VMIs", "nothing was changed (server dry run)"]);
    let vmis = "virtualmachineinstances";
    rehearsal
        .practice
        .webhook_deny("guard.example", vmis, "lab", "not again");
    rehearsal
        .run(&["outage", "lone-1", "-n", "lab", "--dry-run=server"])
        .expect(4)
        .says(&["not again"]);
}
