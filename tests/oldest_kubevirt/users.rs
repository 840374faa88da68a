//! What users can do with KubeVirt 1.0's cluster roles, which it aggregates to Kubernetes' own `edit` and `view`.

use serde_json::json;
use vmchaos_rehearsal::Grant;

use super::{ROLES, YES, oldest, vmi};
use crate::support::Rehearsal;
use crate::support::faults::LEAST;

/// What a role of KubeVirt 1.0 grants in the namespace `default`, with what everybody has of it.
fn granted(role: &str) -> Vec<Grant> {
    let lines = ROLES.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let own = lines.filter(|words| words[0] == role || words[0] == "default");
    own.flat_map(|words| {
        let namespace = if words[0] == "default" { "*" } else { "default" };
        let verbs = words[3].split(',').map(str::to_owned).collect::<Vec<_>>();
        verbs
            .into_iter()
            .map(move |verb| Grant::new(&verb, words[1], words[2], namespace))
    })
    .collect()
}

/// Somebody with a role of KubeVirt 1.0 and these verbs on pods in the namespace `default`, and nothing in the cluster.
fn user(role: &str, pods: &[&str]) -> Rehearsal {
    let rehearsal = oldest();
    let mut grants = granted(role);
    assert!(grants.len() > 5, "{grants:?}");
    grants.extend(pods.iter().map(|verb| Grant::new(verb, "", "pods", "default")));
    rehearsal.practice.allow_only(grants);
    rehearsal
}

fn editor() -> Rehearsal {
    user("edit", &["get", "list", "watch", "create", "delete"])
}

#[test]
fn an_editor_does_outages_without_a_debug_pod() {
    let rehearsal = editor();
    for mode in ["delete", "pod", "pause", "stop"] {
        let ended = rehearsal.run(&["outage", "web-1", YES, "--mode", mode, "--duration", "1s", "-o", "json"]);
        assert!(matches!(ended.code, Some(0 | 5)), "{mode}: {}", ended.err);
        assert_eq!(ended.target()["state"], "recovered", "{mode}: {}", ended.err);
    }
    let reset = rehearsal.run(&["outage", "web-1", YES, "--mode", "reset"]);
    reset.expect(4);
}

#[test]
fn an_editor_migrates_for_no_role_of_its_own_is_needed_yet() {
    let rehearsal = editor();
    let ended = rehearsal.run(&["migrate", "web-1", "-y", "-o", "json"]).expect(0);
    assert_eq!(ended.json()["migrations"][0]["result"], "succeeded");
    assert_ne!(vmi(&rehearsal, "web-1")["status"]["nodeName"], "node-1");
}

#[test]
fn a_viewer_lists_and_may_do_nothing() {
    let rehearsal = user("view", &["get", "list", "watch"]);
    let listed = rehearsal.run(&["list", "-o", "json"]).expect(0);
    assert!(listed.out.contains("web-1"));
    for fault in LEAST {
        let ended = rehearsal.run(&[fault, &["web-1", YES]].concat()).expect(4);
        // Without knowing KubeVirt's image nobody makes debug pods.
        let refused = [
            "not permitted in namespace default",
            "the image for debug pods is not known",
        ];
        assert!(refused.iter().any(|words| ended.err.contains(words)), "{}", ended.err);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

/// Until KubeVirt 1.2 only editors may read its version. Whoever may not finds out from the server.
#[test]
fn who_may_not_read_the_version_is_told_by_what_the_server_does() {
    let rehearsal = oldest();
    rehearsal.practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    let to = ["migrate", "web-1", "--to-node", "node-2", "-y"];
    let says = ["the server drops where a migration is to go: KubeVirt here is older than 1.6"];
    rehearsal.run(&to).expect(4).says(&says);
    let made = rehearsal.practice.list("VirtualMachineInstanceMigration", "");
    assert_eq!(json!(made), json!([]));
    rehearsal
        .run(&["outage", "web-1", YES, "--mode", "reset"])
        .expect(1)
        .says(&["KubeVirt before 1.5 has no reset"]);
}
