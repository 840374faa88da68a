//! VMIs that no VM is behind: standalone ones, and those of a replica set.

use serde_json::json;

use super::{VMI, YES, came, expected, quick, uid};

const LONE: [&str; 8] = [
    "outage",
    "vmi/lone-1/lab",
    YES,
    "-o",
    "json",
    "--duration",
    "1s",
    "--mode",
];

#[test]
fn a_vmi_without_a_vm_is_made_again_from_its_manifest() {
    for mode in ["delete", "pod", "kill"] {
        let rehearsal = quick();
        let before = rehearsal.practice.get(VMI, "lab", "lone-1").unwrap();
        let ended = rehearsal.run(&super::with(&LONE, &[mode])).expect(0);
        assert_eq!(came(&ended), expected("recovered", "vmchaos"), "{mode}");
        let after = rehearsal.practice.get(VMI, "lab", "lone-1").unwrap();
        assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"], "{mode}");
        assert_eq!(before["spec"], after["spec"], "{mode}");
        assert_eq!(before["metadata"]["labels"]["app"], after["metadata"]["labels"]["app"]);
        assert!(ended.err.contains("kubectl create -f"), "{}", ended.err);
    }
}

#[test]
fn it_can_be_left_away_and_that_is_not_a_recovery() {
    let rehearsal = quick();
    let ended = rehearsal
        .run(&super::with(&LONE, &["delete", "--no-recover"]))
        .expect(5);
    assert_eq!(ended.target()["error"]["reason"], "not-recovered");
    assert_eq!(uid(&rehearsal, "lab", "lone-1"), "");
    assert!(ended.err.contains("its manifest is kept in"), "{}", ended.err);
}

#[test]
fn what_could_not_be_made_again_says_by_which_command_it_can() {
    let rehearsal = quick();
    rehearsal
        .practice
        .webhook_deny("quota.example", "virtualmachineinstances", "lab", "no more VMs in lab");
    let ended = rehearsal.run(&super::with(&LONE, &["delete"])).expect(5);
    let error = &ended.target()["error"];
    assert!(
        error["message"].as_str().unwrap().contains("no more VMs in lab"),
        "{error}"
    );
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("kubectl create -f /") && hint.contains("--context vmchaos-rehearsal"),
        "{hint}"
    );
}

pub(crate) fn replica_set(rehearsal: &crate::support::Rehearsal) -> Vec<String> {
    let spec = rehearsal.practice.get(VMI, "default", "web-2").unwrap()["spec"].clone();
    let set = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceReplicaSet",
        "metadata": {"name": "farm", "namespace": "default"},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "farm"}}, "spec": spec}},
    });
    rehearsal.practice.put(set).unwrap();
    let names = |rehearsal: &crate::support::Rehearsal| -> Vec<String> {
        let mut all = rehearsal.practice.list(VMI, "default");
        all.retain(|vmi| vmi["metadata"]["labels"]["app"] == "farm" && agent(vmi));
        all.iter()
            .map(|vmi| vmi["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    rehearsal.until("the replica set runs", |rehearsal| names(rehearsal).len() == 3);
    names(rehearsal)
}

fn agent(vmi: &serde_json::Value) -> bool {
    let conditions = vmi["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|one| one["type"] == "AgentConnected")
}

#[test]
fn a_replica_set_replaces_it_under_a_new_name() {
    let rehearsal = quick();
    let names = replica_set(&rehearsal);
    let ended = rehearsal.run(&["outage", &names[0], YES, "-o", "json"]).expect(0);
    assert_eq!(came(&ended), expected("recovered", "platform"));
    // What has ended is taken away in its own time.
    rehearsal.until("the old one is taken away", |rehearsal| {
        uid(rehearsal, "default", &names[0]).is_empty()
    });
    let said = ended
        .err
        .lines()
        .find(|line| line.contains("back by itself as farm"))
        .unwrap();
    assert!(
        names.iter().all(|name| !said.contains(&format!("as {name} "))),
        "{said}"
    );
}

#[test]
fn two_of_one_replica_set_do_not_count_the_same_replacement() {
    let rehearsal = quick();
    let names = replica_set(&rehearsal);
    let args = [
        "outage",
        &names[0],
        &names[1],
        YES,
        "--execution",
        "parallel",
        "--mode",
        "pod",
    ];
    let ended = rehearsal.run(&args).expect(0);
    let replacements: std::collections::BTreeSet<&str> = ended
        .err
        .lines()
        .filter_map(|line| line.split("back by itself as ").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(replacements.len(), 2, "{}", ended.err);
}
