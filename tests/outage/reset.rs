//! The reset button: the same VMI, whose guest boots again.

use serde_json::json;

use super::{VM, came, expected, is_unmarked, quick, uid, words};

#[test]
fn a_reset_guest_is_back_when_its_agent_is() {
    let rehearsal = quick();
    let before = uid(&rehearsal, "default", "web-1");
    let ended = rehearsal
        .run(&["outage", "web-1", "--mode", "reset", "-y", "-o", "json"])
        .expect(0);
    assert_eq!(came(&ended), expected("recovered", "platform"));
    assert_eq!(words(&ended.target()), ["reset", "gone", "ready", "agent"]);
    assert_eq!(before, uid(&rehearsal, "default", "web-1"));
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn an_agent_that_stays_away_after_a_reset_is_no_recovery() {
    let rehearsal = quick();
    rehearsal.practice.edit(super::VMI, "default", "web-1", |vmi| {
        vmi["metadata"]["annotations"]["rehearsal.vmchaos.dev/guest"] = json!("no-agent");
    });
    let ended = rehearsal
        .run(&[
            "outage",
            "web-1",
            "--mode",
            "reset",
            "-y",
            "--timeout",
            "1s",
            "-o",
            "json",
        ])
        .expect(5);
    assert_eq!(ended.target()["error"]["reason"], "not-recovered");
}

#[test]
fn a_dry_run_never_sends_it() {
    let rehearsal = quick();
    for how in ["--dry-run", "--dry-run=server"] {
        rehearsal.run(&["outage", "web-1", "--mode", "reset", how]).expect(0);
    }
    assert!(
        !rehearsal
            .practice
            .requests()
            .iter()
            .any(|request| request.path.contains("/reset"))
    );
}

#[test]
fn a_server_dry_run_says_that_the_reset_could_not_be_asked_about() {
    let rehearsal = quick();
    let ended = rehearsal
        .run(&["outage", "web-1", "--mode", "reset", "--dry-run=server"])
        .expect(0);
    ended.says(&["the reset itself was not asked about", "nothing was changed"]);
}

#[test]
fn a_guest_without_an_agent_is_reset_and_no_time_is_claimed() {
    let rehearsal = quick();
    rehearsal.practice.edit(super::VMI, "default", "web-1", |vmi| {
        let conditions = vmi["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != "AgentConnected");
    });
    let ended = rehearsal
        .run(&["outage", "web-1", "--mode", "reset", "-y", "-o", "json"])
        .expect(0);
    let target = ended.target();
    assert_eq!(words(&target), ["reset"]);
    assert_eq!(target["state"], "recovered");
    assert!(
        target["heldSeconds"].is_null() && target["restoredAt"].is_null(),
        "{target}"
    );
    ended.says(&["nothing tells when it has booted"]);
}
