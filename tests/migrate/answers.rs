//! What the API server and KubeVirt answer, and what does not come.

use std::time::Duration;

use vmchaos_rehearsal::{Answer, Rule};

use super::{cluster, each, made, somebody_elses, vmims};
use crate::support::Rehearsal;

const VMIMS: &str = "virtualmachineinstancemigrations$";

#[test]
fn a_webhook_that_refuses_is_quoted_and_the_others_go_on() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Pending"));
    // Somebody else's migration, which the VMI does not show yet and the plan could not see.
    let hidden = Answer::status(403, "Forbidden", "migrations are hidden");
    let list = Rule::new("list", "/namespaces/default/virtualmachineinstancemigrations$", hidden).unwrap();
    rehearsal.practice.fail(list);
    somebody_elses(&rehearsal);
    let ended = rehearsal.run(&["migrate", "web-1", "web-2", "-y", "-o", "json"]).expect(5).says(&[
        "admission webhook \"migration-create-validator.kubevirt.io\" denied the request: in-flight migration detected. Active migration job (",
    ]);
    let document = ended.json();
    assert_eq!(each(&document, "vmi"), ["default/web-1", "default/web-2"]);
    assert_eq!(each(&document, "result"), ["failed", "succeeded"]);
    assert!(document["migrations"][0].get("uid").is_none(), "none was made");
    assert_eq!(document["migrationSummary"]["failed"], 1);
    assert_eq!(document["targets"][0]["error"]["reason"], "not-migrated");
    assert_eq!(document["targets"][0]["state"], "failed");
}

#[test]
fn an_answer_that_is_lost_does_not_make_a_second_migration() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let rule = Rule::new("create", VMIMS, Answer::LoseReply).unwrap();
    rehearsal.practice.fail(rule);
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("Running");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run.end().expect(0).json();
    assert_eq!(each(&document, "result"), ["succeeded"]);
    assert_eq!(
        each(&document, "uid"),
        [vmims(&rehearsal)[0]["metadata"]["uid"].as_str().unwrap()]
    );
    assert_eq!(made(&rehearsal).len(), 1);
}

#[test]
fn a_server_that_fails_is_reported() {
    let rehearsal = cluster();
    let rule = Rule::new(
        "create",
        VMIMS,
        Answer::status(500, "InternalError", "etcdserver: no leader"),
    )
    .unwrap();
    rehearsal.practice.fail(rule);
    let ended = rehearsal
        .run(&["migrate", "web-1", "web-2", "-y", "-o", "json"])
        .expect(5)
        .says(&["its migration could not be created", "no leader"]);
    let document = ended.json();
    assert_eq!(each(&document, "vmi"), ["default/web-1", "default/web-2"]);
    assert_eq!(each(&document, "result"), ["failed", "succeeded"]);
}

#[test]
fn a_watch_that_breaks_or_is_too_old_is_taken_up_again() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let cut = Rule::new(
        "watch",
        "virtualmachineinstance",
        Answer::Cut(Duration::from_millis(300)),
    )
    .unwrap();
    rehearsal.practice.fail(cut.times(2));
    rehearsal
        .practice
        .fail(Rule::new("watch", VMIMS, Answer::Gone).unwrap());
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("Running");
    let watches = |rehearsal: &Rehearsal| {
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .filter(|request| request.query.contains("watch="))
            .count()
    };
    rehearsal.until("the watches are open again", |rehearsal| watches(rehearsal) >= 5);
    rehearsal.practice.stick_migrations("default", "web-1", None);
    let document = run.end().expect(0).json();
    assert_eq!(each(&document, "result"), ["succeeded"]);
}

#[test]
fn an_object_deleted_by_somebody_else_is_a_failure_of_that_vm_only() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .stick_migrations("default", "web-1", Some("Scheduling"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "-y", "-o", "json"]);
    run.wait_for("Scheduling");
    let name = vmims(&rehearsal)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    rehearsal
        .practice
        .remove("VirtualMachineInstanceMigration", "default", &name);
    let document = run.end().expect(5).json();
    assert_eq!(each(&document, "result"), ["failed", "succeeded"]);
    assert_eq!(
        each(&document, "failureReason")[0],
        "its migration object was deleted, not by this run"
    );
}

#[test]
fn a_vm_that_ends_during_its_migration() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "-o", "json"]);
    run.wait_for("Running");
    rehearsal.practice.delete_vmi("default", "web-1");
    let document = run.end().expect(5).json();
    assert_eq!(each(&document, "result"), ["failed"]);
    assert_eq!(document["targets"][0]["state"], "failed");
}

#[test]
fn text_of_strangers_cannot_steer_the_terminal() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .fail_migration("default", "web-1", "bad\u{1b}[2Jthing\u{202e}");
    let ended = rehearsal.run(&["migrate", "web-1", "-y"]).expect(5);
    assert!(!ended.err.contains(['\u{1b}', '\u{202e}']), "{:?}", ended.err);
    assert!(!ended.out.contains(['\u{1b}', '\u{202e}']), "{:?}", ended.out);
    assert!(ended.err.contains("thing"), "{}", ended.err);
}

#[test]
fn migrations_that_can_no_longer_be_watched_are_cancelled_and_the_run_ends() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    rehearsal
        .practice
        .fail(Rule::new("watch", VMIMS, Answer::Cut(Duration::from_secs(1))).unwrap());
    let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "-y", "-o", "json"]);
    run.wait_for("Running");
    for verb in ["watch", "list"] {
        rehearsal
            .practice
            .forbid(verb, "kubevirt.io", "virtualmachineinstancemigrations", "", "*");
    }
    let ended = run.end();
    assert_eq!(each(&ended.json(), "result"), ["cancelled"], "{}", ended.err);
    ended.expect(1).says(&["the migrations cannot be watched"]);
}
