//! What faults are kept off: by pattern and by annotation.

use serde_json::json;
use vmchaos_rehearsal::Options;

use super::{FAULTS, with};
use crate::support::{Rehearsal, faults};

/// Named it refuses the run; matched it is left out.
#[track_caller]
fn kept_off(rehearsal: &Rehearsal, namespace: &str, name: &str, why: &str) {
    for fault in FAULTS {
        let named = with(fault, &[name, "-n", namespace, "--dry-run"]);
        rehearsal.run(&named).expect(4).says(&[why, "hint:"]);
        let matched = with(fault, &["-n", namespace, "--target", ".*-1", "--all", "--dry-run"]);
        let ended = rehearsal.run(&matched);
        assert!(
            ended.err.contains(&format!("{namespace}/{name} {why}")),
            "{fault:?}: {}",
            ended.err
        );
    }
    let row = rehearsal
        .run(&["list", name, "-n", namespace, "-o", "json"])
        .expect(0)
        .json()["items"][0]
        .clone();
    for fault in faults::names() {
        let ability = &row["faults"][fault];
        assert_eq!(ability["able"], false, "{row}");
        assert!(ability["reason"].as_str().unwrap().starts_with(why), "{row}");
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

fn annotate(rehearsal: &Rehearsal, kind: &str, namespace: &str, name: &str, value: &str) {
    assert!(rehearsal.practice.edit(kind, namespace, name, |object| {
        object["metadata"]["annotations"]["vmchaos.dev/protected"] = json!(value);
    }));
}

fn passes(rehearsal: &Rehearsal, name: &str) {
    for fault in FAULTS {
        rehearsal.run(&with(fault, &[name, "--dry-run"])).expect(0);
    }
}

fn kept_off_by_its_annotation(kind: &str, value: &str) {
    let rehearsal = Rehearsal::new();
    annotate(&rehearsal, kind, "default", "web-1", value);
    kept_off(
        &rehearsal,
        "default",
        "web-1",
        "is protected (annotation vmchaos.dev/protected)",
    );
    passes(&rehearsal, "web-2");
    annotate(&rehearsal, kind, "default", "web-1", "false");
    passes(&rehearsal, "web-1");
}

#[test]
fn an_annotated_vmi_is_kept_off() {
    kept_off_by_its_annotation("VirtualMachineInstance", "");
}

#[test]
fn an_annotated_vm_is_kept_off_though_its_vmi_says_nothing() {
    kept_off_by_its_annotation("VirtualMachine", "yes");
}

#[test]
fn an_annotated_namespace_is_kept_off() {
    let rehearsal = Rehearsal::new();
    passes(&rehearsal, "web-1");
    annotate(&rehearsal, "Namespace", "", "default", "true");
    kept_off(
        &rehearsal,
        "default",
        "web-1",
        "is in a protected namespace (annotation vmchaos.dev/protected)",
    );
}

#[test]
fn the_config_file_protects_namespaces_and_vms() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("protectedNamespaces: ['default']\n");
    kept_off(
        &rehearsal,
        "default",
        "web-1",
        "is in a protected namespace (protectedNamespaces: default)",
    );
    rehearsal.configure("protectedVMs: ['default/web-[13]']\n");
    kept_off(
        &rehearsal,
        "default",
        "web-1",
        "is protected (protectedVMs: default/web-[13])",
    );
    passes(&rehearsal, "web-2");
}

#[test]
fn the_systems_namespaces_are_protected_until_the_file_says_otherwise() {
    let rehearsal = Rehearsal::with(Options::default());
    for kind in ["VirtualMachine", "VirtualMachineInstance"] {
        let mut object = rehearsal.practice.get(kind, "default", "web-1").unwrap();
        object["metadata"]["namespace"] = json!("kube-system");
        object["metadata"]["name"] = json!("infra-1");
        object["metadata"].as_object_mut().unwrap().remove("uid");
        rehearsal.practice.put(object).unwrap();
    }
    let dry = ["outage", "infra-1", "-n", "kube-system", "--mode", "pause", "--dry-run"];
    let why = "is in a protected namespace (protectedNamespaces: kube-.*)";
    rehearsal.run(&dry).expect(4).says(&[why, "config.yaml"]);
    rehearsal.configure("protectedNamespaces: []\n");
    rehearsal.run(&dry).expect(0);
}

#[test]
fn a_namespace_that_may_not_be_read_hides_no_annotation_in_another() {
    let rehearsal = Rehearsal::new();
    annotate(&rehearsal, "VirtualMachine", "shop", "shop-web-1", "true");
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachines", "", "default");
    let both = [
        "vmi/web-1/default",
        "vmi/web-2/default",
        "vmi/shop-web-1/shop",
        "--dry-run",
    ];
    let ended = rehearsal.run(&with(FAULTS[0], &both)).expect(4);
    ended.says(&[
        "shop-web-1 is protected (annotation vmchaos.dev/protected)",
        "kubectl annotate vm shop-web-1 -n shop",
    ]);
    let read = [
        "vmi/web-1/default",
        "vmi/web-2/default",
        "vmi/shop-web-2/shop",
        "--execution",
        "parallel",
        "--dry-run",
    ];
    let ended = rehearsal.run(&with(FAULTS[0], &read)).expect(0);
    ended.says(&["not known: whether a VM is annotated as protected (reading it is not permitted: default)"]);
}

#[test]
fn where_vms_may_not_be_read_the_plan_says_so() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .forbid("get", "kubevirt.io", "virtualmachines", "", "default");
    rehearsal.practice.forbid("get", "", "namespaces", "", "default");
    let ended = rehearsal.run(&with(FAULTS[0], &["web-1", "--dry-run"])).expect(0);
    ended.says(&[
        "not known: whether a VM is annotated",
        "not known: whether a namespace is annotated",
    ]);
}
