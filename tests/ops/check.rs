//! `check`: whether faults would work here, and what is missing.

use serde_json::{Value, json};
use vmchaos_rehearsal::Options;
use vmchaos_rehearsal::host::{Feature, Presence};

use crate::support::{Ended, Rehearsal};

/// The results of one check, as (subject, result).
fn results(ended: &Ended, check: &str) -> Vec<(String, String)> {
    let document = ended.json();
    assert_eq!(document["kind"], "CheckList");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = document["items"].as_array().unwrap().iter();
    items
        .filter(|item| item["check"] == check)
        .map(|item| (text(&item["subject"]), text(&item["result"])))
        .collect()
}

fn result(ended: &Ended, check: &str, subject: &str) -> String {
    let found = results(ended, check).into_iter().find(|(of, _)| of == subject);
    found.unwrap_or_else(|| panic!("no {check} {subject}: {}", ended.out)).1
}

#[test]
fn a_cluster_where_everything_works() {
    let rehearsal = Rehearsal::new();
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(result(&checked, "kubevirt", "kubevirt"), "ok");
    assert_eq!(result(&checked, "admission", "kubevirt"), "ok");
    assert_eq!(result(&checked, "permission", "create pods/attach in kubevirt"), "ok");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    let table = rehearsal.run(&["check", "netem"]).expect(0).out;
    assert!(table.starts_with("CHECK "), "{table}");
    rehearsal.run(&["check", "outage"]).expect(0);
    rehearsal.run(&["check", "storm"]).expect(2);
}

#[test]
fn what_kubevirt_lets_migrate_do_is_told() {
    let rehearsal = Rehearsal::new();
    let told = || rehearsal.run(&["check", "migrate"]).expect(0).out;
    let own = "live migrations at once: 5 (KubeVirt's default) in the cluster, 2 (KubeVirt's default) out of a node";
    let table = told();
    assert!(table.contains(own) && !table.contains("1.6"), "{table}");
    assert!(rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |object| {
        object["spec"]["configuration"]["migrations"] = json!({ "parallelMigrationsPerCluster": 9 });
        object["status"]["observedKubeVirtVersion"] = json!("v1.5.2");
    }));
    let table = told();
    let set = "live migrations at once: 9 in the cluster, 2 (KubeVirt's default) out of a node; no --to-node";
    assert!(table.contains(set), "{table}");
}

#[test]
fn a_missing_permission_is_told_with_the_rules_that_grant_it() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("create", "", "pods", "attach", "kubevirt");
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(1);
    assert_eq!(
        result(&checked, "permission", "create pods/attach in kubevirt"),
        "failed"
    );
    assert_eq!(result(&checked, "permission", "get pods/attach in kubevirt"), "ok");
    for part in [
        "kind: Role\nmetadata:\n  name: vmchaos-all\n  namespace: kubevirt",
        "- pods/attach\n  verbs:\n  - create\n",
        "kubectl auth can-i create pods/attach -n kubevirt --context vmchaos-rehearsal",
    ] {
        assert!(checked.err.contains(part), "{part}\n{}", checked.err);
    }
}

#[test]
fn migrate_needs_no_debug_pod_and_a_cluster_role_of_its_own() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("create", "", "pods", "", "*");
    let vmims = "virtualmachineinstancemigrations";
    rehearsal.practice.forbid("create", "kubevirt.io", vmims, "", "*");
    rehearsal.practice.forbid("patch", "kubevirt.io", vmims, "", "*");
    let checked = rehearsal.run(&["check", "migrate", "-o", "json"]).expect(1);
    assert_eq!(results(&checked, "admission"), []);
    let subject = |verb: &str| format!("{verb} {vmims}.kubevirt.io in default");
    assert_eq!(result(&checked, "permission", &subject("create")), "failed");
    assert_eq!(result(&checked, "permission", &subject("delete")), "ok");
    assert_eq!(result(&checked, "permission", &subject("patch")), "warning");
    let role = "name: vmchaos-migrate\n  namespace: default\nrules:\n- apiGroups:\n  - kubevirt.io\n  resources:\n  \
                - virtualmachineinstancemigrations\n  verbs:\n  - create\n  - patch\n";
    assert!(checked.err.contains(role), "{}", checked.err);
    rehearsal
        .run(&["check", "netem", "-o", "json"])
        .expect(1)
        .says(&["vmchaos-netem"]);
    rehearsal.run(&["check", "migrate", "--nodes"]).expect(2);
}

#[test]
fn an_optional_permission_costs_something_and_fails_nothing() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("list", "", "nodes", "", "*");
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(result(&checked, "permission", "list nodes"), "warning");
    assert!(
        checked.out.contains("without it a node that is not Ready"),
        "{}",
        checked.out
    );
}

#[test]
fn admission_is_asked_of_every_namespace_pods_may_go_to() {
    let rehearsal = Rehearsal::new();
    rehearsal.own_namespace(true);
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(
        results(&checked, "admission"),
        [("vmchaos", "ok"), ("kubevirt", "ok")].map(owned)
    );
    assert_eq!(result(&checked, "permission", "create pods in vmchaos"), "ok");

    rehearsal.practice.admission_deny("vmchaos", "baseline");
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(
        results(&checked, "admission"),
        [("vmchaos", "warning"), ("kubevirt", "ok")].map(owned)
    );
    assert_eq!(result(&checked, "permission", "create pods in kubevirt"), "ok");
}

#[test]
fn a_namespace_that_is_merely_called_vmchaos_is_told_and_not_asked() {
    let rehearsal = Rehearsal::new();
    rehearsal.own_namespace(false);
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(
        results(&checked, "admission"),
        [("kubevirt", "ok"), ("vmchaos", "warning")].map(owned)
    );
    assert!(
        checked.out.contains("lacks the label vmchaos.dev/debug-pods=allowed"),
        "{}",
        checked.out
    );
    let asked = rehearsal.practice.requests();
    assert!(!asked.iter().any(|it| it.path.ends_with("/namespaces/vmchaos/pods")));
}

#[test]
fn where_nothing_admits_debug_pods_the_namespace_to_prepare_is_told() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.admission_deny("kubevirt", "baseline");
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(1);
    assert_eq!(
        results(&checked, "admission"),
        [("kubevirt", "failed"), ("vmchaos", "failed")].map(owned)
    );
    let fix = "kubectl create namespace vmchaos --context vmchaos-rehearsal && kubectl label namespace vmchaos ";
    assert!(checked.out.contains(fix), "{}", checked.out);
    let named = rehearsal
        .run(&["check", "-o", "json", "--pod-namespace", "default"])
        .expect(0);
    assert_eq!(results(&named, "admission"), [("default", "ok")].map(owned));
}

fn owned((subject, result): (&str, &str)) -> (String, String) {
    (subject.to_owned(), result.to_owned())
}

#[test]
fn a_cluster_without_kubevirt() {
    let rehearsal = Rehearsal::with(Options {
        kubevirt: false,
        ..Options::default()
    });
    let checked = rehearsal.run(&["check", "-o", "json"]).expect(1);
    assert_eq!(result(&checked, "kubevirt", ""), "failed");
}

#[test]
fn each_node_is_looked_at_by_a_pod_that_goes_again() {
    let rehearsal = Rehearsal::new();
    let refused = rehearsal.run(&["check", "--nodes", "-o", "json"]).expect(4);
    assert!(refused.err.contains("node-1, node-2, node-3"), "{}", refused.err);
    assert_eq!(results(&refused, "node"), []);
    rehearsal.run(&["check", "--nodes", "--dry-run"]).expect(0);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());

    rehearsal.practice.node_not_ready("node-2");
    let checked = rehearsal.run(&["check", "--nodes", "-y", "-o", "json"]).expect(0);
    assert_eq!(
        results(&checked, "node"),
        [("node-2", "warning"), ("node-1", "ok"), ("node-3", "ok")].map(owned)
    );
    assert!(
        checked
            .out
            .contains("sch_netem yes, filter by nft (drop, reject), tc iproute2-"),
        "{}",
        checked.out
    );
    rehearsal.until("no pod stays", |rehearsal| rehearsal.debug_pods().is_empty());
}

#[test]
fn a_node_has_to_have_what_the_fault_needs_and_no_more() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .set_feature("node-1", Feature::Netem, Presence::Absent)
        .unwrap();
    let on_node_1 = |fault: &[&str], code| {
        let args = [&["check"], fault, &["--nodes", "-y", "-o", "json"]].concat();
        let checked = rehearsal.run(&args).expect(code);
        (result(&checked, "node", "node-1"), checked.out)
    };
    for fault in [&["netem"][..], &[]] {
        let (result, out) = on_node_1(fault, 1);
        assert!(
            result == "failed" && out.contains("install sch_netem"),
            "{fault:?}: {out}"
        );
    }
    // Its pods send a signal, and need neither.
    for fault in ["filter", "outage"] {
        let (result, out) = on_node_1(&[fault], 0);
        assert!(result == "ok" && !out.contains("install sch_netem"), "{fault}: {out}");
    }
    let refused = rehearsal.run(&["check", "migrate", "--nodes"]).expect(2);
    assert!(
        refused.err.contains("migrate needs nothing of a node"),
        "{}",
        refused.err
    );
}

#[test]
fn a_node_that_cannot_be_looked_at_says_why() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.image_pull_fails("node-3");
    let checked = rehearsal.run(&["check", "--nodes", "-y", "-o", "json"]).expect(1);
    assert_eq!(result(&checked, "node", "node-3"), "failed");
    assert_eq!(result(&checked, "node", "node-1"), "ok");
    assert!(checked.out.contains("ImagePullBackOff"), "{}", checked.out);
}

#[test]
fn a_server_that_is_not_there_fails_the_check() {
    let rehearsal = Rehearsal::new();
    let checked = rehearsal
        .run(&["check", "-o", "json", "--server", "https://127.0.0.1:1"])
        .expect(1);
    assert_eq!(result(&checked, "server", "127.0.0.1:1"), "failed");
}

#[test]
fn names_are_completed_from_the_cluster() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = super::injected(&rehearsal, "web-1", &[]);
    let complete = |words: &[&str]| rehearsal.run(&[&["__complete"], words].concat()).expect(0).out;
    assert_eq!(complete(&["netem", "web-"]), "web-1\nweb-2\nweb-3\n:4\n");
    assert!(complete(&["halt", ""]).starts_with(&format!("{id}\tlatency 20ms, default/web-1")));
    assert_eq!(complete(&["list", "-n", "sh"]), "shop\n:4\n");
    assert_eq!(complete(&["list", "--context", ""]), "vmchaos-rehearsal\n:4\n");
}
