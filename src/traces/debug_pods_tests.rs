use serde_json::{Value, json};

use super::*;

fn pod(name: &str, status: &Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "vmchaos", "uid": "u-1", "creationTimestamp": "2026-11-20T12:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem"},
            "annotations": {
                "vmchaos.dev/user": "jane", "vmchaos.dev/reason": "game day", "vmchaos.dev/what": "latency 100ms",
                "vmchaos.dev/targets": "default/web-1,shop/db-0", "vmchaos.dev/total-duration": "240s"
            }
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "agent", "image": "launcher"}]},
        "status": status
    })
}

fn seen(object: Value) -> Option<DebugPodSeen> {
    DebugPodSeen::of(&serde_json::from_value(object).unwrap())
}

fn container(state: &Value) -> Value {
    json!({"phase": "Running", "containerStatuses": [
        {"name": "agent", "ready": true, "restartCount": 0, "image": "i", "imageID": "i", "state": state}]})
}

fn running() -> Value {
    container(&json!({"running": {"startedAt": "2026-11-20T12:00:05Z"}}))
}

fn ended(message: &str) -> Value {
    container(&json!({"terminated": {"exitCode": 0, "message": message, "startedAt": "2026-11-20T12:00:05Z"}}))
}

fn life(status: &Value) -> Life {
    seen(pod("a", status)).unwrap().life()
}

#[test]
fn everything_is_read_off_the_pod() {
    let pod = seen(pod("vmchaos-k3f9ab-0", &running())).unwrap();
    assert_eq!(
        (pod.run.as_str(), pod.fault.as_str(), pod.node.as_str()),
        ("k3f9ab", "netem", "node-1")
    );
    assert_eq!(pod.user.as_deref(), Some("jane"));
    assert_eq!(pod.targets, ["default/web-1", "shop/db-0"]);
    assert_eq!(
        pod.ends_at(),
        Some("2026-11-20T12:04:05Z".parse().unwrap()),
        "counted from the container's start"
    );
}

#[test]
fn the_time_of_a_pod_that_has_ended_is_counted_from_its_containers_start_too() {
    let ends = |status: &Value| seen(pod("a", status)).unwrap().ends_at().unwrap().to_string();
    assert_eq!(ends(&ended("")), "2026-11-20T12:04:05Z");
    assert_eq!(ends(&json!({"phase": "Pending"})), "2026-11-20T12:04:00Z");
}

#[test]
fn a_pod_without_both_labels_is_not_ours() {
    for label in ["app.kubernetes.io~1managed-by", "vmchaos.dev~1run"] {
        let mut object = pod("a", &running());
        *object.pointer_mut(&format!("/metadata/labels/{label}")).unwrap() = json!("");
        assert_eq!(seen(object), None, "{label}");
    }
}

#[test]
fn where_a_pod_is_in_its_life() {
    assert_eq!(life(&json!({"phase": "Pending"})), Life::Starting);
    assert_eq!(life(&running()), Life::Running);
    let verdict =
        |state: &str| format!(r#"{{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0],[1,"{state}","term",2.5]]}}"#);
    assert_eq!(life(&ended(&verdict("gone"))), Life::Finished);
    assert_eq!(life(&ended(&verdict("leaked"))), Life::Leaked);
    assert_eq!(life(&ended("OOMKilled")), Life::Unproven);
}

#[test]
fn an_agent_that_says_nothing_was_armed_has_finished() {
    assert_eq!(life(&ended(r#"{"run":"k3f9ab","vms":[],"armed":0}"#)), Life::Finished);
    let refused = r#"{"run":"k3f9ab","vms":[[0,"refused","other",0]],"armed":0}"#;
    assert_eq!(life(&ended(refused)), Life::Finished);
    let guest_killed = r#"{"run":"k3f9ab","vms":[[0,"killed","operator",0]],"armed":0}"#;
    assert_eq!(life(&ended(guest_killed)), Life::Finished);
}

#[test]
fn no_vm_told_of_is_no_proof_by_itself() {
    for message in [
        // Armed, and no end was written down.
        r#"{"run":"k3f9ab","vms":[],"armed":1}"#,
        r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0]],"armed":1}"#,
        // Nothing said at all, by somebody else, or about another run.
        "",
        "{}",
        r#"{"run":"k3f9ab"}"#,
        r#"{"run":"k3f9ab","vms":[]}"#,
        r#"{"run":"another","vms":[],"armed":0}"#,
        r#"{"run":"another","vms":[[0,"restored","deadline",1.0]]}"#,
        r#"{"run":"k3f9ab","vms":[],"armed":-1}"#,
    ] {
        assert_eq!(life(&ended(message)), Life::Unproven, "{message}");
    }
    let leaked = r#"{"run":"k3f9ab","vms":[[0,"leaked","sentinel",1.0]],"armed":1}"#;
    assert_eq!(life(&ended(leaked)), Life::Leaked);
}

#[test]
fn only_a_pod_the_kubelet_turned_away_never_ran() {
    let failed = |reason: &str| json!({"phase": "Failed", "reason": reason, "message": "Pod was rejected"});
    assert_eq!(life(&failed("OutOfcpu")), Life::NeverRan);
    assert_eq!(life(&failed("Evicted")), Life::Unproven);
    assert_eq!(life(&failed("DeadlineExceeded")), Life::Unproven);
    // Whatever it says, it had a container.
    let container = container(&json!({"terminated": {"exitCode": 0, "reason": "OutOfcpu"}}));
    assert_eq!(life(&container), Life::Unproven);
}

#[test]
fn a_pod_told_to_end_is_ending_and_a_detached_one_says_so() {
    let mut object = pod("a", &running());
    object["metadata"]["annotations"][DETACH] = json!("true");
    assert_eq!(seen(object.clone()).unwrap().life(), Life::Detached);
    object["metadata"]["deletionTimestamp"] = json!("2026-11-20T12:01:00Z");
    assert_eq!(seen(object).unwrap().life(), Life::Ending);
}

#[test]
fn a_run_is_what_needs_attention_most_of_its_pods() {
    let pods = [
        pod("b", &ended(r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0]]}"#)),
        pod("a", &running()),
    ];
    let runs = LiveRun::group(pods.into_iter().filter_map(seen));
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].pods[0].name, "a");
    assert_eq!(runs[0].life(), Life::Running);
    assert!(runs[0].is_live());
    for (message, live) in [
        (r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0]]}"#, false),
        ("OOMKilled", true),
    ] {
        let runs = LiveRun::group(seen(pod("b", &ended(message))));
        assert_eq!(runs[0].is_live(), live, "{message}");
    }
}

#[test]
fn a_long_serial_run_keeps_its_length() {
    assert_eq!(seconds("700000s"), Some(Duration::from_secs(700_000)));
    assert_eq!(seconds("2m"), Some(Duration::from_secs(120)));
    assert_eq!(seconds("soon"), None);
}

#[test]
fn a_verdict_that_left_out_only_what_is_restored_vouches_for_it() {
    let left_out = |more: u32| {
        let verdict = format!(r#"{{"run":"k3f9ab","vms":[],"more":{more}}}"#);
        life(&ended(&verdict))
    };
    assert_eq!(left_out(3), Life::Finished);
    assert_eq!(left_out(0), Life::Unproven, "it says nothing of any VM");
}

#[test]
fn a_pod_may_change_something_unless_it_only_looks_or_is_done() {
    let may = |fault: &str, status: &Value| {
        let mut object = pod("a", status);
        object["metadata"]["labels"]["vmchaos.dev/fault"] = json!(fault);
        seen(object).unwrap().may_change()
    };
    assert!(may("netem", &running()));
    assert!(may("netem", &ended("OOMKilled")), "nobody vouched for its VMs");
    let restored = ended(r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0]]}"#);
    assert!(!may("netem", &restored));
    assert!(!may(node_check::FAULT, &running()));
    assert!(!may(node_check::FAULT, &restored));
}
