//! What the user may not do, and what the namespaces do not admit: refused before the first write.

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

#[track_caller]
fn refused(rehearsal: &Rehearsal, says: &[&str]) {
    let ended = rehearsal.run(&with(&LONG, &["-o", "json"])).expect(4).says(says);
    assert_eq!(ended.json()["outcome"], "refused");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn vmis_that_may_not_be_listed() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstances", "", "*");
    rehearsal
        .practice
        .forbid("get", "kubevirt.io", "virtualmachineinstances", "", "*");
    refused(&rehearsal, &["virtualmachineinstances.kubevirt.io", "forbidden"]);
}

#[test]
fn pods_that_may_not_be_created() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("create", "", "pods", "", "*");
    refused(&rehearsal, &["cannot create", "pods"]);
}

#[test]
fn pods_that_may_not_be_attached_to() {
    for verb in ["get", "create"] {
        let rehearsal = Rehearsal::new();
        rehearsal.practice.forbid(verb, "", "pods", "attach", "*");
        refused(
            &rehearsal,
            &[
                &format!("not permitted in namespace kubevirt: {verb} pods/attach"),
                "kubectl auth can-i",
            ],
        );
    }
}

#[test]
fn pods_that_may_not_be_deleted() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("delete", "", "pods", "", "*");
    refused(&rehearsal, &["not permitted in namespace kubevirt: delete pods"]);
}

#[test]
fn pod_security_that_admits_no_privileged_pods_where_they_may_go() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.admission_deny("kubevirt", "baseline");
    let flags = "--context vmchaos-rehearsal";
    refused(
        &rehearsal,
        &[
            "kubevirt: ",
            "violates PodSecurity",
            "; vmchaos: there is no such namespace",
            &format!(
                "kubectl create namespace vmchaos {flags} && kubectl label namespace vmchaos \
                 vmchaos.dev/debug-pods=allowed pod-security.kubernetes.io/enforce=privileged {flags}"
            ),
        ],
    );
}

#[test]
fn a_webhook_that_refuses_pods() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .webhook_deny("policy.example", "pods", "*", "no privileged pods on Fridays");
    refused(&rehearsal, &["no privileged pods on Fridays", "--pod-namespace"]);
}

#[test]
fn a_namespace_for_the_pod_that_does_not_exist() {
    let rehearsal = Rehearsal::new();
    let args = with(&LONG, &["--pod-namespace", "nowhere"]);
    rehearsal
        .run(&args)
        .expect(4)
        .says(&["namespaces \"nowhere\" not found"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn the_next_namespace_is_taken_where_the_first_does_not_admit_the_pod() {
    let rehearsal = Rehearsal::new();
    rehearsal.own_namespace(true);
    rehearsal.practice.admission_deny("vmchaos", "baseline");
    rehearsal
        .run(&SHORT)
        .expect(0)
        .says(&["a debug pod in namespace kubevirt"]);
    let created = rehearsal.writes();
    assert!(
        created.contains(&"POST /api/v1/namespaces/kubevirt/pods".to_owned()),
        "{created:?}"
    );
}

#[test]
fn the_namespace_made_for_debug_pods_is_taken_first() {
    let rehearsal = Rehearsal::new();
    rehearsal.own_namespace(true);
    rehearsal
        .run(&SHORT)
        .expect(0)
        .says(&["a debug pod in namespace vmchaos"]);
}

#[test]
fn a_label_that_may_not_be_read_is_not_there() {
    let rehearsal = Rehearsal::new();
    rehearsal.own_namespace(true);
    rehearsal.practice.forbid("get", "", "namespaces", "", "*");
    rehearsal.run(&SHORT).expect(0).says(&[
        "a debug pod in namespace kubevirt",
        "not used   vmchaos: whether it is labelled vmchaos.dev/debug-pods=allowed could not be read",
    ]);
}

#[test]
fn the_namespace_of_a_vm_is_taken_only_by_name() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.admission_deny("kubevirt", "baseline");
    rehearsal
        .run(&with(&SHORT, &["--pod-namespace", "default"]))
        .expect(0)
        .says(&["a debug pod in namespace default"]);
}

#[test]
fn events_that_may_not_be_made_cost_a_warning_only() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("create", "events.k8s.io", "events", "", "*");
    rehearsal.run(&SHORT).expect(0).says(&["no Event is left on the VMIs"]);
}

#[test]
fn a_watch_that_is_not_permitted_ends_the_run_before_anything_is_injected() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("watch", "", "pods", "", "*");
    let ended = rehearsal
        .run(&with(&LONG, &["-o", "json"]))
        .expect(1)
        .says(&["the debug pods cannot be watched"]);
    assert_eq!(ended.target()["injectedAt"], serde_json::Value::Null);
    assert_eq!(rehearsal.debug_pods(), []);
}
