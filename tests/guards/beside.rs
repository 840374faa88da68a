//! What else is going on: one fault of a kind on a VM, other runs, migrations and evacuations in the plan.

use serde_json::json;
use vmchaos_rehearsal::{Answer, Rule};

use super::with;
use crate::support::Rehearsal;

const LONG: [&str; 6] = ["netem", "--latency", "20ms", "--duration", "10m", "-y"];

#[test]
fn one_fault_of_a_kind_on_a_vm() {
    let rehearsal = Rehearsal::new();
    let mut first = rehearsal.spawn(&with(&LONG, &["web-1", "--reason", "game day"]));
    first.wait_for("injected");
    let second = rehearsal.run(&with(&LONG, &["web-1", "-o", "json"])).expect(4);
    let document = second.json();
    assert_eq!(document["error"]["reason"], "one-of-a-kind");
    let run = rehearsal.debug_pod()["metadata"]["labels"]["vmchaos.dev/run"]
        .as_str()
        .unwrap()
        .to_owned();
    second.says(&[
        "guard one-of-a-kind",
        &format!("kubectl vmchaos halt {run}"),
        "default/web-1",
    ]);
    let other = ["filter", "web-1", "--ports", "53", "--dry-run"];
    rehearsal
        .run(&other)
        .expect(0)
        .says(&[&format!("netem of run {run}"), "on the same VM: default/web-1"]);
    rehearsal.run(&with(&LONG, &["web-2", "--dry-run"])).expect(0);
    first.signal("INT");
    first.end().expect(130);
    let after = rehearsal.run(&with(&LONG, &["web-1", "--dry-run"])).expect(0);
    assert!(!after.err.contains("on the same VM"), "{}", after.err);
}

#[test]
fn runs_on_the_same_node_are_shown_and_those_elsewhere_are_not() {
    let rehearsal = Rehearsal::new();
    let mut first = rehearsal.spawn(&with(&LONG, &["web-1"]));
    first.wait_for("injected");
    // db-1 shares node-1 with web-1.
    let ended = rehearsal
        .run(&["outage", "db-1", "--mode", "pause", "--dry-run"])
        .expect(0);
    ended.says(&["guards: netem of run", "on the same node: node-1"]);
    let ended = rehearsal
        .run(&["outage", "web-2", "--mode", "pause", "--dry-run"])
        .expect(0);
    assert!(!ended.err.contains("guards: netem"), "{}", ended.err);
    first.signal("INT");
    first.end().expect(130);
}

#[test]
fn an_outage_in_place_is_shown() {
    let rehearsal = Rehearsal::new();
    // web-2 belongs to a VM, lone-1 of another namespace does not; both are on node-2.
    for (vm, namespace) in [("web-2", "default"), ("lone-1", "lab")] {
        let pause = ["outage", vm, "-n", namespace, "--mode", "pause", "--duration", "10m"];
        let mut outage = rehearsal.spawn(&with(&pause, &["--yes=vmchaos-rehearsal"]));
        outage.wait_for("paused");
        let told = |vm: &str| rehearsal.run(&with(&LONG, &[vm, "--dry-run"])).expect(0);
        told("cache-1").says(&[
            "guards: outage of run",
            "by vmchaos-rehearsal is running, ",
            "on the same node: node-2",
        ]);
        assert!(!told("web-3").err.contains("outage of run"), "it is on node-3");
        outage.signal("INT");
        outage.end().expect(130);
        assert!(!told("cache-1").err.contains("outage of run"), "it is undone");
    }
}

#[test]
fn an_outage_that_is_overdue_is_shown_on_its_vm() {
    let rehearsal = Rehearsal::new();
    let undo = json!({"run": "abc123", "mode": "delete", "user": "jane", "at": "2026-11-28T08:00:00Z", "duration": "60s",
        "vmi": "web-1", "strategy": {"before": {"runStrategy": "Always"}, "during": {"runStrategy": "Manual"}}, "paused": false});
    rehearsal.practice.edit("VirtualMachine", "default", "web-1", |vm| {
        vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(undo.to_string());
        vm["metadata"]["labels"]["vmchaos.dev/run"] = json!("abc123");
    });
    rehearsal
        .run(&with(&LONG, &["web-1", "--dry-run"]))
        .expect(0)
        .says(&["outage of run abc123 by jane is overdue, on the same VM: default/web-1"]);
}

#[test]
fn migrations_and_evacuations_in_flight_are_shown() {
    let rehearsal = Rehearsal::new();
    let migration = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": {"namespace": "default", "name": "drain-1", "annotations": {"kubevirt.io/evacuationMigration": "node-1"}},
        "spec": {"vmiName": "db-1"},
        "status": {"phase": "Scheduling", "migrationState": {"sourceNode": "node-1", "targetNode": "node-2"}},
    });
    // It is still in flight when the last command looks, however slow the machine.
    rehearsal
        .practice
        .stick_migrations("default", "db-1", Some("Scheduling"));
    rehearsal.practice.put(migration).unwrap();
    rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-1", |vmi| {
            vmi["status"]["evacuationNodeName"] = json!("node-1");
        });
    rehearsal.practice.edit("Node", "", "node-1", |node| {
        node["spec"]["unschedulable"] = json!(true);
    });
    let ended = rehearsal.run(&with(&LONG, &["web-1", "--dry-run"])).expect(0);
    ended.says(&[
        "migrations in flight: default/db-1 from node-1 to node-2 (evacuation)",
        "evacuations in flight: default/web-1 from node-1",
        "cordoned: node-1",
    ]);
    let ended = rehearsal.run(&with(&LONG, &["web-3", "--dry-run"])).expect(0);
    ended.says(&["migrations in flight on other nodes: 1"]);
    let others = [
        &["migrate", "web-1", "--dry-run"][..],
        &["outage", "web-1", "--dry-run"],
    ];
    for other in others {
        rehearsal.run(other).expect(0).says(&["guards: cordoned: node-1"]);
    }
}

#[test]
fn what_may_not_be_looked_for_is_said() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("list", "", "pods", "", "");
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstancemigrations", "", "");
    let ended = rehearsal
        .run(&["outage", "web-1", "--mode", "pause", "--dry-run"])
        .expect(0);
    ended.says(&["not known: other runs, migrations in flight, in namespaces that may not be looked into"]);
}

#[test]
fn a_fault_in_a_namespace_that_is_not_used_keeps_no_other_off() {
    let rehearsal = Rehearsal::new();
    let named = ["web-1", "--pod-namespace", "lab"];
    let mut first = rehearsal.spawn(&with(&LONG, &named));
    first.wait_for("injected");
    // The node refuses it all the same.
    rehearsal
        .run(&with(&LONG, &["web-1", "--dry-run"]))
        .expect(0)
        .says(&["guards: not counted: pod lab/vmchaos-"]);
    rehearsal.run(&with(&LONG, &["web-1"])).expect(1);
    let run = rehearsal.practice.list("Pod", "lab").into_iter();
    let run: Vec<_> = run
        .filter_map(|pod| pod["metadata"]["labels"]["vmchaos.dev/run"].as_str().map(str::to_owned))
        .collect();
    rehearsal.run(&with(&LONG, &named)).expect(4).says(&[
        "guard one-of-a-kind",
        &format!("kubectl vmchaos halt {} --pod-namespace lab --context", run[0]),
    ]);
    first.signal("INT");
    first.end().expect(130);
}

#[test]
fn a_server_that_fails_is_not_taken_for_one_that_only_hides_other_namespaces() {
    let rehearsal = Rehearsal::new();
    let broken = Answer::status(500, "InternalError", "the store is broken");
    let everywhere = Rule::new("list", "/virtualmachineinstancemigrations$", broken).unwrap();
    rehearsal.practice.fail(everywhere.times(1));
    rehearsal
        .run(&with(&LONG, &["web-1"]))
        .expect(1)
        .says(&["the store is broken"]);
    assert_eq!(rehearsal.debug_pods(), []);
}
