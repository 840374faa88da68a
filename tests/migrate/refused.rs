//! Refused before anything is made, with the reason of the VM.

use serde_json::json;

use vmchaos_rehearsal::Options;

use super::{cluster, quick, somebody_elses};
use crate::support::Rehearsal;

#[track_caller]
fn refused(rehearsal: &Rehearsal, args: &[&str], says: &[&str]) {
    let ended = rehearsal
        .run(&[args, &["-y", "-o", "json"]].concat())
        .expect(4)
        .says(says);
    assert_eq!(ended.json()["outcome"], "refused");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_vm_that_is_not_live_migratable() {
    let rehearsal = cluster();
    let says = [
        "default/db-1 cannot be live-migrated: InterfaceNotLiveMigratable: cannot migrate VMI which does not use masquerade",
        "hint: to see why: kubectl describe vmi db-1 -n default",
    ];
    refused(&rehearsal, &["migrate", "db-1"], &says);
    let says = ["lab/pinned-1 cannot be live-migrated: DisksNotLiveMigratable"];
    refused(&rehearsal, &["migrate", "vmi/pinned-1/lab"], &says);
    refused(&rehearsal, &["migrate", "web-1", "db-1"], &["default/db-1 cannot"]);
}

#[test]
fn a_vm_that_is_paused() {
    let rehearsal = cluster();
    refused(
        &rehearsal,
        &["migrate", "vmi/paused-1/lab"],
        &["lab/paused-1 is paused", "virtctl unpause"],
    );
}

#[test]
fn a_vm_that_does_not_run() {
    let rehearsal = cluster();
    let says = ["lab/starting-1 is not running (phase Scheduling)"];
    refused(&rehearsal, &["migrate", "vmi/starting-1/lab"], &says);
    let says = ["lab/stopped-1 is not running (VM is Stopped)"];
    refused(&rehearsal, &["migrate", "vmi/stopped-1/lab"], &says);
    refused(
        &rehearsal,
        &["migrate", "web-9"],
        &["\"web-9\" not found in namespace \"default\""],
    );
}

#[test]
fn a_vm_that_is_migrating() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-1", |vmi| {
            vmi["status"]["migrationState"] =
                json!({"migrationUid": "m", "sourceNode": "node-1", "targetNode": "node-2"});
        });
    refused(
        &rehearsal,
        &["migrate", "web-1"],
        &["default/web-1 is migrating from node-1 to node-2"],
    );
}

#[test]
fn a_cluster_of_one_node() {
    let rehearsal = Rehearsal::with(Options { nodes: 1, ..quick() });
    let says = ["default/web-1 has no other node to go to: node-1 is the only one"];
    refused(&rehearsal, &["migrate", "web-1"], &says);
}

#[test]
fn nodes_that_take_nobody() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .edit("Node", "", "node-2", |node| node["spec"]["unschedulable"] = json!(true));
    rehearsal.practice.edit("Node", "", "node-3", |node| {
        let labels = &mut node["metadata"]["labels"];
        labels["cpu-vendor.node.kubevirt.io/AMD"] = json!("true");
        labels
            .as_object_mut()
            .unwrap()
            .remove("cpu-vendor.node.kubevirt.io/Intel");
    });
    let says = [
        "default/web-1 has no other node that could take it: node-2 is cordoned, node-3 has a CPU of AMD, not of Intel",
    ];
    refused(&rehearsal, &["migrate", "web-1"], &says);
}

#[test]
fn a_selector_of_the_vm_that_no_other_node_has() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-1", |vmi| {
            vmi["spec"]["nodeSelector"] = json!({"topology.kubernetes.io/zone": "zone-a"});
        });
    let says = ["node-2 lacks a label of the VM's node selector, node-3 lacks a label of the VM's node selector"];
    refused(&rehearsal, &["migrate", "web-1"], &says);
    let selector = ["migrate", "web-2", "--node-selector", "zone=nowhere"];
    refused(&rehearsal, &selector, &["node-1 lacks a label of --node-selector"]);
}

#[test]
fn a_node_affinity_of_the_vm_that_no_other_node_matches() {
    let rehearsal = cluster();
    rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-1", |vmi| {
            let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"]});
            vmi["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}});
        });
    let says = ["node-2 does not match the VM's node affinity, node-3 does not match the VM's node affinity"];
    refused(&rehearsal, &["migrate", "web-1"], &says);
}

#[test]
fn a_node_that_is_not_there_is_cordoned_or_has_the_vm_already() {
    let rehearsal = cluster();
    refused(
        &rehearsal,
        &["migrate", "web-1", "--to-node", "node-9"],
        &["nodes \"node-9\" not found", "kubectl get nodes"],
    );
    rehearsal
        .practice
        .edit("Node", "", "node-2", |node| node["spec"]["unschedulable"] = json!(true));
    refused(
        &rehearsal,
        &["migrate", "web-1", "--to-node", "node-2"],
        &["node node-2 is cordoned"],
    );
    let there = ["migrate", "web-1", "--to-node", "node-1"];
    refused(&rehearsal, &there, &["default/web-1 is already on node-1"]);
}

#[test]
fn where_to_go_on_a_kubevirt_that_cannot_be_told() {
    let rehearsal = cluster();
    rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |object| {
        object["status"]["observedKubeVirtVersion"] = json!("v1.5.2");
    });
    let to = ["migrate", "web-1", "--to-node", "node-2"];
    let says = ["before KubeVirt 1.6; this is 1.5"];
    refused(&rehearsal, &to, &says);
    // Whoever may not read the version finds out from the server.
    rehearsal.practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    refused(&rehearsal, &to, &["the server drops where a migration is to go"]);
    rehearsal.run(&["migrate", "web-1", "-y"]).expect(0);
}

#[test]
fn migrations_that_may_not_be_made_watched_or_cancelled() {
    for verb in ["create", "get", "list", "watch", "delete"] {
        let rehearsal = cluster();
        rehearsal
            .practice
            .forbid(verb, "kubevirt.io", "virtualmachineinstancemigrations", "", "*");
        let missing =
            format!("not permitted in namespace default: {verb} virtualmachineinstancemigrations.kubevirt.io");
        let says = [
            missing.as_str(),
            "ClusterRole kubevirt.io:migrate",
            "kubectl auth can-i",
        ];
        refused(&rehearsal, &["migrate", "web-1"], &says);
    }
}

#[test]
fn nodes_that_may_not_be_listed_cost_knowledge_only() {
    let rehearsal = cluster();
    rehearsal.practice.forbid("list", "", "nodes", "", "*");
    rehearsal.practice.forbid("list", "", "pods", "", "*");
    let ended = rehearsal.run(&["migrate", "web-1", "-y"]).expect(0);
    ended.says(&["not known: nodes may not be listed"]);
}

#[test]
fn a_cluster_without_kubevirt() {
    let rehearsal = Rehearsal::with(Options {
        kubevirt: false,
        ..quick()
    });
    let says = [
        "the server doesn't have a resource type \"vmi\"",
        "KubeVirt is not installed",
    ];
    refused(&rehearsal, &["migrate", "web-1"], &says);
}

#[test]
fn a_pool_that_is_too_small_for_what_is_asked() {
    let rehearsal = cluster();
    let more = ["migrate", "-l", "app=web", "--parallel", "4"];
    refused(
        &rehearsal,
        &more,
        &["--parallel 4 is more than the 3 VMs there are to migrate"],
    );
    let gap = ["migrate", "-l", "app=mail", "--interval-min", "1s"];
    refused(&rehearsal, &gap, &["an interval has no meaning for one VM"]);
}

#[test]
fn somebody_who_says_no_or_cannot_be_asked() {
    let rehearsal = cluster();
    rehearsal
        .run(&["migrate", "web-1"])
        .expect(4)
        .says(&["not a terminal", "--yes"]);
    rehearsal
        .run(&["migrate", "web-1", "--yes=other"])
        .expect(4)
        .says(&["names another context"]);
    rehearsal.run(&["migrate"]).expect(2).says(&["no VMI chosen"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_vm_whose_migration_its_vmi_does_not_show_yet() {
    let rehearsal = cluster();
    rehearsal.practice.stick_migrations("default", "web-1", Some("Pending"));
    somebody_elses(&rehearsal);
    let says = [
        "default/web-1 is being migrated already, by theirs",
        "kubectl get vmim theirs -n default --context vmchaos-rehearsal",
    ];
    refused(&rehearsal, &["migrate", "web-1"], &says);
    rehearsal.run(&["migrate", "web-1", "--dry-run"]).expect(4);
    // Of several that match it is left out.
    let matched = rehearsal
        .run(&["migrate", "--target", "web-[12]", "--dry-run"])
        .expect(0);
    matched.says(&["1 of 1 match", "default/web-1", "is being migrated already"]);
}

#[test]
fn every_vm_that_cannot_is_named_with_its_reason() {
    let says = ["default/db-1 cannot be live-migrated", "lab/paused-1 is paused"];
    refused(&cluster(), &["migrate", "web-1", "db-1", "vmi/paused-1/lab"], &says);
}
