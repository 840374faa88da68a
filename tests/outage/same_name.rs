//! Another object under the same name is not the one that was looked at: it is never deleted.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Rule};

use super::{VMI, YES, outage, quick, uid};
use crate::support::Rehearsal;

/// The UIDs for which alone the deletions of these objects held.
fn only(rehearsal: &Rehearsal, resource: &str) -> Vec<Value> {
    let all = rehearsal.practice.requests();
    let ours = all
        .iter()
        .filter(|request| request.method == "DELETE" && request.path.contains(resource));
    ours.map(|request| request.json()["preconditions"]["uid"].clone())
        .collect()
}

#[test]
fn a_vmi_that_took_the_place_of_the_one_to_be_deleted_stays() {
    let rehearsal = quick();
    let before = uid(&rehearsal, "default", "web-1");
    // The deletion is on its way while the guest is replaced.
    rehearsal.practice.fail(
        Rule::new(
            "delete",
            "/virtualmachineinstances/web-1$",
            Answer::Delay(Duration::from_secs(3)),
        )
        .unwrap(),
    );
    let run = rehearsal.spawn(&outage(&[]));
    rehearsal.until("the deletion is asked for", |rehearsal| {
        !only(rehearsal, "/virtualmachineinstances/").is_empty()
    });
    rehearsal
        .runtime
        .block_on(rehearsal.practice.restart_vmi("default", "web-1"))
        .unwrap();
    let after = uid(&rehearsal, "default", "web-1");
    assert_ne!(before, after);
    let ended = run.end().expect(1);
    let error = ended.target()["error"].clone();
    assert_eq!(error["reason"], "refused", "{error}");
    let vmi = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
    assert_eq!(vmi["metadata"]["uid"], json!(after));
    assert_eq!(vmi["metadata"].get("deletionTimestamp"), None);
    assert_eq!(only(&rehearsal, "/virtualmachineinstances/"), [json!(before)]);
}

#[test]
fn a_launcher_pod_is_deleted_as_the_one_that_was_found() {
    let rehearsal = quick();
    let pod = rehearsal.practice.launcher("default", "web-1").unwrap();
    rehearsal.run(&["outage", "web-1", YES, "--mode", "pod"]).expect(0);
    assert_eq!(only(&rehearsal, "/pods/"), [pod["metadata"]["uid"].clone()]);
}

#[test]
fn a_finished_vmi_is_taken_away_as_the_one_that_finished() {
    let rehearsal = quick();
    let before = uid(&rehearsal, "lab", "lone-1");
    let how = ["outage", "vmi/lone-1/lab", YES, "--mode", "pod", "--duration", "1s"];
    rehearsal.run(&how).expect(0);
    assert_ne!(before, uid(&rehearsal, "lab", "lone-1"));
    assert_eq!(only(&rehearsal, "/virtualmachineinstances/"), [json!(before)]);
}
