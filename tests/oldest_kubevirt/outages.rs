//! Every mode on every run strategy, and the way back from each.

use serde_json::json;

use super::{VM, VMI, YES, oldest, uid, vmi};
use crate::support::Rehearsal;

/// One outage of `default/web-1` of that run strategy: whoever brings it back is who was said to, and nothing else is changed.
#[track_caller]
fn recovers(strategy: &str, how: &[&str], by: &str) {
    let rehearsal = with_strategy(strategy);
    let before = uid(&rehearsal, "web-1");
    let duration = if by == "platform" { "10m" } else { "1s" };
    let mut args = vec!["outage", "web-1", YES, "-o", "json", "--duration", duration, "--mode"];
    args.extend(how);
    let ended = rehearsal.run(&args).expect(0);
    let target = ended.target();
    let said = (&target["state"], &target["recoveredBy"]);
    assert_eq!(
        said,
        (&json!("recovered"), &json!(by)),
        "{strategy} {how:?}: {}",
        ended.err
    );
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(vm["spec"]["runStrategy"], strategy, "{how:?}");
    assert!(
        !vm["metadata"].to_string().contains("vmchaos.dev"),
        "{strategy} {how:?}: {}",
        vm["metadata"]
    );
    assert_eq!(vmi(&rehearsal, "web-1")["status"]["phase"], "Running");
    assert_eq!(
        uid(&rehearsal, "web-1") == before,
        how == ["pause"],
        "{strategy} {how:?}"
    );
}

fn with_strategy(strategy: &str) -> Rehearsal {
    let rehearsal = oldest();
    rehearsal
        .practice
        .edit(VM, "default", "web-1", |vm| vm["spec"]["runStrategy"] = json!(strategy));
    rehearsal
}

#[test]
fn deleted() {
    recovers("Always", &["delete"], "platform");
    // Later versions leave it away.
    recovers("RerunOnFailure", &["delete"], "platform");
    recovers("Once", &["delete"], "platform");
    recovers("Manual", &["delete"], "vmchaos");
}

#[test]
fn killed() {
    recovers("Always", &["kill"], "platform");
    recovers("RerunOnFailure", &["kill"], "platform");
    recovers("Once", &["kill"], "vmchaos");
    recovers("Manual", &["kill"], "vmchaos");
}

#[test]
fn its_pod_deleted() {
    recovers("Always", &["pod"], "platform");
    recovers("RerunOnFailure", &["pod"], "platform");
    recovers("RerunOnFailure", &["pod", "--grace-period", "30"], "vmchaos");
    recovers("Once", &["pod"], "vmchaos");
    recovers("Manual", &["pod"], "vmchaos");
}

#[test]
fn paused() {
    for strategy in ["Always", "RerunOnFailure", "Once", "Manual"] {
        recovers(strategy, &["pause"], "vmchaos");
    }
}

/// KubeVirt up to 1.1 makes Halted of `RerunOnFailure` too: that is no change of somebody else's.
#[test]
fn stopped() {
    for strategy in ["Always", "RerunOnFailure", "Once", "Manual"] {
        recovers(strategy, &["stop"], "vmchaos");
    }
}

#[test]
fn its_restart_disabled() {
    for strategy in ["Always", "RerunOnFailure", "Once", "Manual"] {
        recovers(strategy, &["delete", "--disable-auto-restart"], "vmchaos");
    }
}

#[test]
fn a_stop_whose_command_is_lost_is_undone_by_halt() {
    let rehearsal = with_strategy("RerunOnFailure");
    let mut run = rehearsal.spawn(&["outage", "web-1", YES, "--mode", "stop", "--duration", "10m"]);
    run.wait_for("injected");
    rehearsal.until("the VMI is gone", |rehearsal| uid(rehearsal, "web-1").is_empty());
    run.signal("KILL");
    run.end();
    let stopped = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(stopped["spec"]["runStrategy"], "Halted");
    rehearsal.run(&["halt", "--all", "-y"]).expect(0);
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(vm["spec"]["runStrategy"], "RerunOnFailure");
    rehearsal.until("it runs again", |rehearsal| {
        vmi(rehearsal, "web-1")["status"]["phase"] == "Running"
    });
}

#[test]
fn a_reset_is_refused_by_the_version() {
    let rehearsal = oldest();
    for how in ["-y", "--dry-run", "--dry-run=server"] {
        let ended = rehearsal.run(&["outage", "web-1", "--mode", "reset", how]);
        ended
            .expect(4)
            .says(&["a guest cannot be reset before KubeVirt 1.5; this is 1.0", "--mode"]);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_vmi_without_a_vm_is_made_again_and_paused() {
    let rehearsal = oldest();
    let lone = |rehearsal: &Rehearsal| rehearsal.practice.get(VMI, "lab", "lone-1").unwrap();
    let before = lone(&rehearsal);
    let base = ["outage", "vmi/lone-1/lab", YES, "--duration", "1s", "--mode"];
    rehearsal.run(&[&base[..], &["delete"]].concat()).expect(0);
    let after = lone(&rehearsal);
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(before["spec"], after["spec"]);
    rehearsal.run(&[&base[..], &["pause"]].concat()).expect(0);
    assert!(!lone(&rehearsal)["metadata"].to_string().contains("vmchaos.dev"));
}
