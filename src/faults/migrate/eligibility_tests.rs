use super::*;
use serde_json::{Value, json};

fn vmi(change: impl FnOnce(&mut Value)) -> VirtualMachineInstance {
    let mut vmi = json!({
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u1"},
        "spec": {},
        "status": {"phase": "Running", "nodeName": "a", "conditions": [{"type": "LiveMigratable", "status": "True"}]},
    });
    change(&mut vmi);
    serde_json::from_value(vmi).unwrap()
}

fn node(name: &str, vendor: &str) -> Node {
    Node {
        name: name.to_owned(),
        ready: true,
        unschedulable: false,
        labels: [
            ("kubevirt.io/schedulable".to_owned(), "true".to_owned()),
            (format!("cpu-vendor.node.kubevirt.io/{vendor}"), "true".to_owned()),
            ("zone".to_owned(), format!("zone-{name}")),
        ]
        .into(),
        taints: Vec::new(),
    }
}

fn terrain(nodes: Vec<Node>) -> Terrain {
    Terrain {
        moving: std::collections::BTreeMap::new(),
        nodes: Some(nodes),
        flags: Vec::new(),
    }
}

#[track_caller]
fn refused(vmi: &VirtualMachineInstance, nodes: Vec<Node>, destination: &Destination, reason: &str) {
    let unfit = eligibility(vmi, &terrain(nodes), destination).unwrap_err();
    assert_eq!(unfit.reason(), reason);
}

fn anywhere() -> Destination {
    Destination::default()
}

fn to(node: &str) -> Destination {
    Destination {
        node: Some(node.to_owned()),
        ..Destination::default()
    }
}

fn intel(names: &[&str]) -> Vec<Node> {
    names.iter().map(|name| node(name, "Intel")).collect()
}

#[test]
fn a_vm_can_go_wherever_a_node_would_take_it() {
    let found = eligibility(&vmi(|_| {}), &terrain(intel(&["c", "a", "b"])), &anywhere()).unwrap();
    assert_eq!(
        (found.node.as_str(), found.to),
        ("a", Some(vec!["b".into(), "c".into()]))
    );
    let unknown = eligibility(&vmi(|_| {}), &Terrain::default(), &anywhere()).unwrap();
    assert_eq!(unknown.to, None, "nodes may not be listed");
}

#[test]
fn what_the_condition_says_is_passed_on() {
    let local = vmi(|vmi| {
        vmi["status"]["conditions"] = json!([{"type": "LiveMigratable", "status": "False", "reason": "DisksNotLiveMigratable", "message": "local disk"}]);
    });
    let reason = "cannot be live-migrated: DisksNotLiveMigratable: local disk";
    refused(&local, intel(&["a", "b"]), &anywhere(), reason);
    let unsaid = vmi(|vmi| vmi["status"]["conditions"] = json!([]));
    assert!(
        eligibility(&unsaid, &terrain(intel(&["a", "b"])), &anywhere()).is_ok(),
        "KubeVirt refuses a False only"
    );
}

#[test]
fn a_vm_that_is_not_steady_is_left_alone() {
    let paused = vmi(|vmi| vmi["status"]["conditions"] = json!([{"type": "Paused", "status": "True"}]));
    refused(&paused, intel(&["a", "b"]), &anywhere(), "is paused");
    let starting = vmi(|vmi| vmi["status"]["phase"] = json!("Scheduling"));
    refused(
        &starting,
        intel(&["a", "b"]),
        &anywhere(),
        "is not running (phase Scheduling)",
    );
    let moving = vmi(|vmi| vmi["status"]["migrationState"] = json!({"migrationUid": "m", "targetNode": "b"}));
    refused(&moving, intel(&["a", "b"]), &anywhere(), "is migrating from a to b");
}

#[test]
fn a_cluster_of_one_node_has_nowhere_to_go() {
    let reason = "has no other node to go to: a is the only one";
    refused(&vmi(|_| {}), intel(&["a"]), &anywhere(), reason);
}

#[test]
fn every_node_that_cannot_take_it_is_told_why() {
    let mut nodes = intel(&["a", "b", "c", "d"]);
    nodes[1].unschedulable = true;
    nodes[2].ready = false;
    nodes[3].labels.remove("kubevirt.io/schedulable");
    nodes.push(node("e", "AMD"));
    let reason = "has no other node that could take it: b is cordoned, c is not Ready, \
         d runs no VMs (label kubevirt.io/schedulable is not true), e has a CPU of AMD, not of Intel";
    refused(&vmi(|_| {}), nodes.clone(), &anywhere(), reason);
    nodes.push(node("f", "AMD"));
    refused(&vmi(|_| {}), nodes, &anywhere(), &format!("{reason}, and 1 more"));
}

#[test]
fn selectors_of_the_vm_and_of_the_run_both_count() {
    let pinned = vmi(|vmi| vmi["spec"]["nodeSelector"] = json!({"zone": "zone-a"}));
    let reason = "has no other node that could take it: b lacks a label of the VM's node selector";
    refused(&pinned, intel(&["a", "b"]), &anywhere(), reason);
    let wanted = Destination {
        node: None,
        selector: [("zone".to_owned(), "zone-c".to_owned())].into(),
    };
    let found = eligibility(&vmi(|_| {}), &terrain(intel(&["a", "b", "c"])), &wanted).unwrap();
    assert_eq!(found.to, Some(vec!["c".into()]));
}

#[test]
fn the_vms_own_node_affinity_counts() {
    let tied = vmi(|vmi| {
        let expression = json!({"key": "zone", "operator": "In", "values": ["zone-a", "zone-c"]});
        vmi["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}});
    });
    let reason = "has no other node that could take it: b does not match the VM's node affinity";
    refused(&tied, intel(&["a", "b"]), &anywhere(), reason);
    let found = eligibility(&tied, &terrain(intel(&["a", "b", "c"])), &anywhere()).unwrap();
    assert_eq!(found.to, Some(vec!["c".into()]));
}

#[test]
fn taints_have_to_be_tolerated() {
    let mut nodes = intel(&["a", "b"]);
    nodes[1].taints = vec![Taint {
        key: "gpu".into(),
        value: Some("x".into()),
        effect: "NoSchedule".into(),
        time_added: None,
    }];
    let reason = "has no other node that could take it: b has taint gpu, which the VM does not tolerate";
    refused(&vmi(|_| {}), nodes.clone(), &anywhere(), reason);
    for (toleration, tolerated) in [
        (json!({"operator": "Exists"}), true),
        (
            json!({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}),
            true,
        ),
        (json!({"key": "gpu", "value": "x"}), true),
        (json!({"key": "gpu", "value": "y"}), false),
        (
            json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}),
            false,
        ),
    ] {
        let vmi = vmi(|vmi| vmi["spec"]["tolerations"] = json!([toleration.clone()]));
        assert_eq!(
            eligibility(&vmi, &terrain(nodes.clone()), &anywhere()).is_ok(),
            tolerated,
            "{toleration}"
        );
    }
}

#[test]
fn one_node_is_judged_alone() {
    refused(&vmi(|_| {}), intel(&["a", "b"]), &to("a"), "is already on a");
    let mut nodes = intel(&["a", "b", "c"]);
    nodes[1].unschedulable = true;
    refused(&vmi(|_| {}), nodes.clone(), &to("b"), "cannot go there: b is cordoned");
    refused(
        &vmi(|_| {}),
        nodes.clone(),
        &to("x"),
        "cannot go to x: there is no such node",
    );
    assert!(eligibility(&vmi(|_| {}), &terrain(nodes), &to("c")).is_ok());
}

#[test]
fn the_cpu_is_compared_with_that_of_the_node_it_runs_on() {
    let nodes = vec![node("b", "AMD"), node("a", "Intel"), node("c", "Intel")];
    let found = eligibility(&vmi(|_| {}), &terrain(nodes), &anywhere()).unwrap();
    assert_eq!(found.to, Some(vec!["c".into()]));
}

#[test]
fn a_toleration_of_another_taint_tolerates_nothing() {
    let tainted = || {
        let mut nodes = intel(&["a", "b"]);
        nodes[1].taints = serde_json::from_value(json!([{"key": "gpu", "effect": "NoSchedule"}])).unwrap();
        nodes
    };
    for (toleration, tolerates) in [
        (json!({"key": "gpu", "operator": "Exists"}), true),
        (json!({"key": "disk", "operator": "Exists"}), false),
        (
            json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}),
            false,
        ),
        (json!({"key": "gpu", "operator": "Equal", "value": "x"}), false),
    ] {
        let vmi = vmi(|vmi| vmi["spec"]["tolerations"] = json!([toleration]));
        let found = eligibility(&vmi, &terrain(tainted()), &anywhere());
        assert_eq!(found.is_ok(), tolerates, "{toleration}");
    }
}

#[test]
fn what_cannot_be_moved_now_is_said_with_its_reason() {
    let ground = Ground {
        nodes: Some(intel(&["a", "b"])),
        flags: Vec::new(),
    };
    assert_eq!(unfit_now(&vmi(|_| {}), &ground), None);
    let paused = vmi(|vmi| vmi["status"]["phase"] = json!("Succeeded"));
    let unfit = unfit_now(&paused, &ground).unwrap();
    assert_eq!((unfit.namespace.as_str(), unfit.name.as_str()), ("shop", "web-1"));
}
