//! The main job, and the forms its result is printed in.

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

#[test]
fn the_fault_is_there_while_it_holds_and_gone_when_the_command_ends() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&SHORT, &["-o", "json"]));
    run.wait_for("injected");
    let ours = rehearsal.ours("default", "web-1");
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours.iter().all(|line| line.contains("delay 20ms")), "{ours:?}");
    let ended = run.end().expect(0);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
    let document = ended.json();
    assert_eq!(document["outcome"], "completed");
    assert_eq!(document["exitCode"], 0);
    assert_eq!(document["summary"]["ok"], 1);
    assert_eq!(document["fault"]["latency"], "20ms");
    let target = &document["targets"][0];
    assert_eq!(target["state"], "restored");
    assert_eq!(target["endedBy"], "deadline");
    assert_eq!(target["node"], "node-1");
    assert_eq!(target["error"], serde_json::Value::Null);
    let verified = target["verified"].as_array().unwrap();
    let devices: Vec<_> = verified.iter().map(|one| one["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["tap0", "eth0"]);
    assert!(
        verified
            .iter()
            .all(|one| one["read"].as_str().unwrap().contains("delay 20ms")),
        "{verified:?}"
    );
}

#[test]
fn the_deadline_is_kept_by_the_nodes_clock() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&with(&SHORT, &["-o", "json"])).expect(0);
    let held = ended.target()["heldSeconds"].as_f64().unwrap();
    assert!(held >= 1.0, "held for {held} s");
}

#[test]
fn the_owner_of_the_vm_finds_events_on_it() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&with(&SHORT, &[])).expect(0);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    let events = rehearsal.practice.list("Event", "default");
    let injected = events
        .iter()
        .find(|event| event["reason"] == "VMChaosInjected")
        .unwrap();
    assert!(
        injected["message"].as_str().unwrap().contains("latency 20ms"),
        "{injected}"
    );
    let vmi = rehearsal
        .practice
        .get("VirtualMachineInstance", "default", "web-1")
        .unwrap();
    assert_eq!(injected["involvedObject"]["uid"], vmi["metadata"]["uid"]);
}

#[test]
fn stdout_is_the_form_asked_for_and_nothing_else() {
    let rehearsal = Rehearsal::new();
    let table = rehearsal.run(&SHORT).expect(0).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("NAMESPACE  "), "{table}");
    assert!(
        lines[1].contains("web-1") && lines[1].contains("restored") && lines[1].contains("deadline"),
        "{table}"
    );
    let wide = rehearsal.run(&with(&SHORT, &["-o", "wide"])).expect(0).out;
    assert!(
        wide.contains("default=tap0 (masquerade)") && wide.contains("delay 20ms"),
        "{wide}"
    );
    let yaml = rehearsal.run(&with(&SHORT, &["-o", "yaml"])).expect(0).out;
    assert!(
        yaml.contains("kind: Run\n") && yaml.contains("state: restored\n"),
        "{yaml}"
    );
    let name = rehearsal.run(&with(&SHORT, &["-o", "name"])).expect(0).out;
    let id = name.trim_end_matches('\n');
    assert!(
        id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{name:?}"
    );
}

#[test]
fn off_a_terminal_each_change_is_one_plain_line() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&SHORT).expect(0);
    assert!(!ended.err.contains('\x1b'), "{:?}", ended.err);
    let count = |part: &str| ended.err.lines().filter(|line| line.contains(part)).count();
    for change in ["injected on node-1", "restored on node-1"] {
        assert_eq!(
            count(&format!("default/web-1  {change}")),
            1,
            "{change}:\n{}",
            ended.err
        );
    }
}

#[test]
fn the_plan_warns_of_a_probe_that_goes_the_same_way() {
    let rehearsal = Rehearsal::new();
    let slow = ["netem", "mail-1", "--latency", "6s", "--duration", "5m", "--dry-run"];
    let ended = rehearsal.run(&slow).expect(0);
    let warning = ended
        .err
        .lines()
        .find(|line| line.contains("the liveness probe"))
        .unwrap_or_default();
    assert!(warning.contains("KubeVirt restarts the VM"), "{}", ended.err);
}

#[test]
fn a_plan_without_an_effect_is_a_wrong_command_line() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&["netem", "web-1", "-y"]).expect(2);
    rehearsal
        .run(&with(&LONG, &["--ingress", "false", "--egress", "false"]))
        .expect(2);
    assert_eq!(rehearsal.practice.requests().len(), 0);
}
