//! What counts as recovered, and what does not: time limits, agents, platforms that need us.

use serde_json::json;
use vmchaos_rehearsal::{Answer, Rule};

use super::{VM, YES, came, expected, outage, quick, strategy, uid};

fn guest(rehearsal: &crate::support::Rehearsal, how: &str) {
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["spec"]["template"]["metadata"]["annotations"] = json!({"rehearsal.vmchaos.dev/guest": how});
    });
}

#[test]
fn an_agent_that_was_connected_and_never_is_again_is_no_recovery() {
    let rehearsal = quick();
    guest(&rehearsal, "no-agent");
    let ended = rehearsal
        .run(&outage(&["--duration", "1s", "--timeout", "2s"]))
        .expect(5);
    let target = ended.target();
    assert_eq!(target["error"]["reason"], "not-recovered");
    let message = target["error"]["message"].as_str().unwrap();
    assert!(message.contains("its guest agent has not connected again"), "{message}");
    assert_eq!(target["state"], "failed");
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosFailed"]);

    // Where none was connected before, none is waited for.
    let ended = rehearsal.run(&outage(&[])).expect(0);
    assert_eq!(
        super::words(&ended.target()),
        ["delete", "gone", "scheduled", "running", "ready"]
    );
}

#[test]
fn a_guest_that_runs_and_is_not_ready_is_no_recovery() {
    let rehearsal = quick();
    guest(&rehearsal, "never-ready");
    let ended = rehearsal
        .run(&outage(&["--duration", "1s", "--timeout", "2s"]))
        .expect(5);
    let message = ended.target()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("VMI web-1 runs and is not Ready"), "{message}");
}

#[test]
fn a_platform_that_was_to_do_it_and_needed_us_is_told_apart() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "RerunOnFailure");
    // The guest is seen to have shut down before its launcher is lost, so that nothing has failed.
    rehearsal.practice.edit(super::VMI, "default", "web-1", |vmi| {
        vmi["metadata"]["annotations"]["rehearsal.vmchaos.dev/guest"] = json!("clean-exit");
    });
    let before = uid(&rehearsal, "default", "web-1");
    let ended = rehearsal.run(&outage(&["--duration", "1s", "--mode", "pod"])).expect(5);
    assert_eq!(came(&ended), expected("recovered", "vmchaos"));
    let message = ended.target()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("it was to come back by itself"), "{message}");
    assert_ne!(before, uid(&rehearsal, "default", "web-1"));
    assert_eq!(ended.json()["outcome"], "unrecovered");
}

#[test]
fn without_recovery_what_the_platform_brings_back_counts() {
    let rehearsal = quick();
    rehearsal.run(&["outage", "web-1", YES, "--no-recover"]).expect(0);
    strategy(&rehearsal, "default", "web-1", "Manual");
    let ended = rehearsal.run(&outage(&["--no-recover", "--duration", "1s"])).expect(5);
    assert_eq!(ended.target()["error"]["reason"], "not-recovered");
    assert_eq!(uid(&rehearsal, "default", "web-1"), "");
}

#[test]
fn a_guest_that_cannot_be_watched_any_more_is_brought_back_unseen() {
    let rehearsal = quick();
    // The watch is cut, and nothing more may be read.
    let cut = Answer::Cut(std::time::Duration::from_secs(2));
    rehearsal
        .practice
        .fail(Rule::new("watch", "/virtualmachineinstances", cut).unwrap());
    let args = ["outage", "vmi/lone-1/lab", YES, "--duration", "10m", "-o", "json"];
    let mut run = rehearsal.spawn(&args);
    run.wait_for("gone; the platform has");
    for verb in ["list", "watch", "get"] {
        let unauthorized = Answer::status(401, "Unauthorized", "Unauthorized");
        let rule = Rule::new(verb, "/virtualmachineinstances", unauthorized).unwrap();
        rehearsal.practice.fail(rule.always());
    }
    let ended = run.end().expect(5).says(&[
        "cannot be watched any more",
        "whether the guest came back is not known",
        "to bring it back: kubectl create -f ",
    ]);
    assert_eq!(ended.target()["error"]["reason"], "not-recovered");
    assert_ne!(uid(&rehearsal, "lab", "lone-1"), "");
}

#[test]
fn the_document_says_what_was_to_bring_it_back_and_what_did() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Manual");
    let before = uid(&rehearsal, "default", "web-1");
    let args = ["outage", "web-1", YES, "--duration", "1s", "-o", "json"];
    let recovery = rehearsal.run(&args).expect(0).target()["recovery"].clone();
    assert_eq!(
        (&recovery["predicted"], &recovery["owner"], &recovery["runStrategy"]),
        (&json!("vmchaos"), &json!("VirtualMachine web-1"), &json!("Manual"))
    );
    assert!(
        recovery["why"]
            .as_str()
            .unwrap()
            .contains("run strategy Manual starts nothing by itself")
    );
    let undo = recovery["undo"].as_str().unwrap();
    assert_eq!(undo, "virtctl start web-1 -n default --context vmchaos-rehearsal");
    assert!(
        std::path::Path::new(recovery["manifest"].as_str().unwrap()).is_file(),
        "{recovery}"
    );
    assert_eq!(recovery["newName"], "web-1");
    assert_eq!(recovery["newUid"], uid(&rehearsal, "default", "web-1"));
    assert_ne!(recovery["newUid"], json!(before));

    // The plan has it already, with what is lost.
    let dry = rehearsal
        .run(&["outage", "web-1", "--dry-run", "-o", "json"])
        .expect(0)
        .target();
    assert!(dry["recovery"].get("newUid").is_none(), "{dry}");
    assert!(dry["recovery"]["loses"].is_array(), "{dry}");
}
