//! Signals roll back and wait; a second one leaves.

use std::time::Duration;

use vmchaos_rehearsal::{Answer, Rule};

use super::{LONG, with};
use crate::support::Rehearsal;

#[test]
fn each_signal_rolls_back_at_once_and_waits_until_it_is_verified() {
    for signal in ["INT", "TERM", "HUP"] {
        let rehearsal = Rehearsal::new();
        let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
        run.wait_for("injected");
        run.signal(signal);
        let ended = run.end().expect(130).says(&["restored on node-1"]);
        assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new(), "{signal}");
        assert_eq!(rehearsal.debug_pods(), [], "{signal}");
        assert_eq!(ended.json()["outcome"], "interrupted", "{signal}");
        let target = ended.target();
        assert_eq!(
            (&target["state"], &target["endedBy"]),
            (&"restored".into(), &"signal".into()),
            "{signal}"
        );
        assert_eq!(
            rehearsal.events("web-1"),
            ["VMChaosInjected", "VMChaosRestored"],
            "{signal}"
        );
    }
}

#[test]
fn a_signal_before_the_pod_runs_leaves_no_pod() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.pod_never_starts("node-1");
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    rehearsal.until("the pod is there", |rehearsal| !rehearsal.debug_pods().is_empty());
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(rehearsal.debug_pods(), []);
    assert_eq!(ended.target()["state"], "skipped");
    assert_eq!(ended.target()["injectedAt"], serde_json::Value::Null);
}

#[test]
fn a_second_signal_leaves_and_says_how_to_finish() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json", "--context", "vmchaos-rehearsal"]));
    run.wait_for("injected");
    // The rollback cannot be heard of: the command waits for it.
    rehearsal.practice.freeze_attach("node-1", true);
    run.signal("INT");
    run.wait_for("rolling back");
    run.signal("INT");
    let ended = run.end().expect(3);
    let document = ended.json();
    assert_eq!(document["outcome"], "leaked");
    let halt = format!("kubectl vmchaos halt {} --context", document["id"].as_str().unwrap());
    assert!(
        ended
            .err
            .lines()
            .any(|line| line.starts_with("to remove it: ") && line.contains(&halt)),
        "{}",
        ended.err
    );
    // The node ends it all the same, by itself.
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
}

#[test]
fn a_signal_while_the_cluster_is_read_changes_nothing() {
    let rehearsal = Rehearsal::new();
    for verb in ["get", "list"] {
        let hang = Rule::new(verb, "virtualmachineinstances", Answer::Hang);
        rehearsal.practice.fail(hang.unwrap());
    }
    let mut run = rehearsal.spawn(&LONG);
    rehearsal.until("it asks", |rehearsal| {
        rehearsal
            .practice
            .requests()
            .iter()
            .any(|request| request.path.contains("virtualmachineinstances"))
    });
    run.signal("TERM");
    run.end().expect(130).says(&["interrupted; nothing was changed"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_hangup_that_was_ignored_at_the_start_stays_ignored() {
    let rehearsal = Rehearsal::new();
    let args = [
        "netem",
        "web-1",
        "--latency",
        "20ms",
        "--duration",
        "3s",
        "-y",
        "-o",
        "json",
    ];
    let command = rehearsal.command(&args);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(command.get_program());
    shell.args(args);
    shell.env_clear().stdin(std::process::Stdio::null());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut run = crate::support::Running::start(shell);
    run.wait_for("injected");
    run.signal("HUP");
    let ended = run.end().expect(0);
    assert_eq!(ended.target()["endedBy"], "deadline");
}

/// Everything is verified, and the pod does not go: its kubelet does nothing any more.
fn verified_and_pod_stays(rehearsal: &Rehearsal) -> crate::support::Running {
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json", "--context", "vmchaos-rehearsal"]));
    run.wait_for("injected");
    run
}

fn is_told_to_end(pod: &serde_json::Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
}

#[test]
fn a_second_signal_after_the_proof_leaves_pods_that_were_told_to_end() {
    let rehearsal = Rehearsal::new();
    // The answer to the first signal's DELETE takes long enough for a second.
    let slow = Answer::Delay(Duration::from_millis(1_500));
    rehearsal
        .practice
        .fail(Rule::new("delete", "/pods/", slow).unwrap().always());
    let mut run = verified_and_pod_stays(&rehearsal);
    run.signal("INT").wait_for("restored on node-1");
    run.signal("INT");
    let ended = run.end().expect(130);
    assert_eq!(ended.target()["state"], "restored");
    assert!(!ended.err.contains("still being deleted"), "{}", ended.err);
    let pods = rehearsal.practice.list("Pod", "kubevirt");
    let ours = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["vmchaos.dev/run"].is_string());
    for pod in ours {
        assert!(is_told_to_end(pod), "{}", pod["metadata"]["name"]);
        assert!(
            ended.err.contains("was told to end and is not gone yet"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn a_pod_that_could_not_be_told_to_end_is_said_to_be_there_with_the_command() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .fail(Rule::new("delete", "/pods/", Answer::Hang).unwrap().always());
    let mut run = verified_and_pod_stays(&rehearsal);
    run.signal("INT").wait_for("restored on node-1");
    run.signal("INT");
    let ended = run.end().expect(130);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let told = format!(
        "debug pod kubevirt/vmchaos-{id}-0 has ended and was not told to end; to delete it: kubectl vmchaos halt {id} --context vmchaos-rehearsal"
    );
    assert!(ended.err.contains(&told), "{}", ended.err);
    let pod = rehearsal
        .practice
        .get("Pod", "kubevirt", &format!("vmchaos-{id}-0"))
        .unwrap();
    assert!(!is_told_to_end(&pod), "{}", pod["metadata"]);
}
