//! The printed roles are enough for the Job, each verb of them is needed, and each is used.

use std::collections::BTreeSet;

use vmchaos_rehearsal::Grant;

use super::super::Day;
use crate::support::manifests;
use crate::support::permissions::{covers, question};

/// Asked for where the answer to a pod's creation is lost: tests/rbac has that.
const WHEN_LOST: &str = "get pods in kubevirt";

/// Runs the Job with exactly its roles, and with one verb less each time.
#[track_caller]
fn proves(spec: &str, namespaced_only: bool) {
    let day = Day::new(spec);
    let documents = day.job(&["--yes=vmchaos-rehearsal"]);
    let grants = manifests::grants(&documents);
    let practice = &day.rehearsal.practice;
    let mut wrong = Vec::new();

    practice.allow_only(grants.clone());
    practice.clear_requests();
    // What is asked about beforehand is all of it: without that stands what is used.
    let folder = tempfile::tempdir().unwrap();
    let mut args = manifests::args(&documents, folder.path());
    args.retain(|arg| arg != "--unattended");
    let ended = day.with_args(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let requests = practice.requests();
    let refused = requests.iter().filter(|request| request.code == 403);
    let refused: Vec<String> = refused
        .map(|request| format!("{} {}", request.verb, request.path))
        .collect();
    assert_eq!(refused, Vec::<String>::new(), "asks for what is not in its roles");
    let asked: Vec<Grant> = requests.iter().filter_map(question).collect();
    for grant in &grants {
        if named(grant) != WHEN_LOST && !asked.iter().any(|asked| covers(grant, asked)) {
            wrong.push(format!("nothing uses {}", named(grant)));
        }
    }

    let ended = day.in_pod(&documents, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for (n, grant) in grants.iter().enumerate() {
        let mut less = grants.clone();
        less.remove(n);
        practice.allow_only(less);
        practice.clear_requests();
        let ended = day.in_pod(&documents, &[]);
        let expected = format!("{} {}", grant.verb, qualified(grant));
        if ended.code != Some(4) || !ended.err.contains(&expected) {
            wrong.push(format!("without {}: {:?}\n{}", named(grant), ended.code, ended.err));
        }
        let writes = day.rehearsal.writes();
        if !writes.is_empty() {
            wrong.push(format!("without {} it wrote {writes:?}", named(grant)));
        }
    }
    practice.allow_all();
    let of_cluster: BTreeSet<String> = grants
        .iter()
        .filter(|grant| grant.namespace == "*" && grant.resource != "nodes")
        .map(named)
        .collect();
    let acts = |name: &String| {
        ["create", "delete", "patch", "update"]
            .iter()
            .any(|verb| name.starts_with(verb))
    };
    if namespaced_only && of_cluster.iter().any(acts) {
        wrong.push(format!("in the whole cluster: {of_cluster:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn named(grant: &Grant) -> String {
    format!("{} {} in {}", grant.verb, qualified(grant), grant.namespace)
}

fn qualified(grant: &Grant) -> String {
    match (grant.group.as_str(), grant.resource.split_once('/')) {
        ("", _) => grant.resource.clone(),
        (group, None) => format!("{}.{group}", grant.resource),
        (group, Some((resource, sub))) => format!("{resource}.{group}/{sub}"),
    }
}

#[test]
fn of_a_vm_by_its_name() {
    proves(
        "\n  steps:\n    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 500ms}}\n",
        true,
    );
}

#[test]
fn of_vms_by_their_labels_and_of_a_check() {
    proves(
        "
  steadyState: [{name: there, condition: {vm: lab/lone-1, type: Ready, status: 'True'}}]
  steps:
    - {name: cut, filter: {selector: app=web, count: 1, preset: dns, duration: 500ms}}
",
        true,
    );
}

#[test]
fn of_vms_in_all_namespaces() {
    proves(
        "\n  steps:\n    - {name: slow, netem: {namespaces: 'def.*', target: web-1, latency: 10ms, duration: 500ms}}\n",
        false,
    );
}

#[test]
fn of_a_port_that_is_probed() {
    proves(
        "
  steadyState: [{name: web, tcp: {vm: lab/lone-1, port: 80}}]
  steps:
    - {name: move, migrate: {vms: [web-1]}}
",
        true,
    );
}

#[test]
fn of_migrations() {
    proves("\n  steps:\n    - {name: move, migrate: {vms: [web-1]}}\n", true);
}

#[test]
fn of_outages_by_their_modes() {
    for step in [
        "outage: {vms: [default/web-1, lab/lone-1], duration: 500ms, mode: pause, execution: parallel}",
        "outage: {vms: [web-1], duration: 500ms, mode: stop}",
        "outage: {vms: [web-1], mode: reset}",
    ] {
        proves(&format!("\n  steps:\n    - {{name: gone, {step}}}\n"), true);
    }
}
