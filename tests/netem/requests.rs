//! What is asked of the API server: the pods as they are made, who asks, how often, and what is never asked.

use serde_json::Value;
use vmchaos_rehearsal::{Options, Request};

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

#[test]
fn the_pod_says_who_made_it_and_what_for() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["--reason", "game day 7", "-o", "json"]));
    run.wait_for("injected");
    let pod = rehearsal.debug_pod();
    run.signal("INT");
    let document = run.end().expect(130).json();
    let run_id = document["id"].as_str().unwrap();
    let (metadata, spec) = (&pod["metadata"], &pod["spec"]);
    assert_eq!(metadata["name"], format!("vmchaos-{run_id}-0"));
    assert_eq!(metadata["namespace"], "kubevirt");
    let labels = &metadata["labels"];
    assert_eq!(labels["app.kubernetes.io/managed-by"], "kubectl-vmchaos");
    assert_eq!(labels["vmchaos.dev/run"], run_id);
    assert_eq!(labels["vmchaos.dev/fault"], "netem");
    let annotations = &metadata["annotations"];
    assert_eq!(annotations["vmchaos.dev/reason"], "game day 7");
    assert_eq!(annotations["vmchaos.dev/user"], document["user"]);
    assert_eq!(annotations["vmchaos.dev/targets"], "default/web-1");
    assert!(
        annotations["vmchaos.dev/plan"]
            .as_str()
            .unwrap()
            .contains("tc qdisc add dev tap0"),
        "{annotations}"
    );
    assert!(!annotations["vmchaos.dev/duration"].is_null(), "{annotations}");
    assert_eq!(spec["nodeName"], "node-1");
    assert_eq!(spec["hostPID"], true);
    assert_ne!(spec["hostNetwork"], true);
    assert_eq!(spec["restartPolicy"], "Never");
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["tolerations"][0]["operator"], "Exists");
    let container = &spec["containers"][0];
    assert_eq!(
        (&container["stdin"], &container["stdinOnce"]),
        (&true.into(), &true.into())
    );
    assert_ne!(container["tty"], true);
    let launcher = rehearsal.practice.launcher("default", "web-1").unwrap();
    let statuses = launcher["status"]["containerStatuses"].as_array().unwrap();
    let compute = statuses.iter().find(|status| status["name"] == "compute").unwrap();
    assert_eq!(
        container["image"], compute["imageID"],
        "the one that is on the node, by its digest"
    );
}

#[test]
fn the_pod_can_be_shaped() {
    let rehearsal = Rehearsal::new();
    let more = [
        "--image",
        "registry.example/tools:1",
        "--pod-namespace",
        "kube-system",
        "--taints",
        "dedicated=vms:NoSchedule",
    ];
    rehearsal.run(&with(&SHORT, &more)).expect(0);
    let requests = rehearsal.practice.requests();
    let pod = requests
        .iter()
        .find(|request| request.writes() && request.method == "POST" && request.path.ends_with("/pods"))
        .unwrap();
    assert_eq!(pod.path, "/api/v1/namespaces/kube-system/pods");
    let spec = &pod.json()["spec"];
    assert_eq!(spec["containers"][0]["image"], "registry.example/tools:1");
    let tolerations = spec["tolerations"].as_array().unwrap();
    assert_eq!(tolerations.len(), 1, "{tolerations:?}");
    assert_eq!(
        (&tolerations[0]["key"], &tolerations[0]["value"]),
        (&"dedicated".into(), &"vms".into())
    );
}

#[test]
fn every_request_says_which_program_asks() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&SHORT).expect(0);
    for request in rehearsal.practice.requests() {
        assert!(
            request.user_agent.starts_with("kubectl-vmchaos"),
            "{} {}: {}",
            request.method,
            request.path,
            request.user_agent
        );
        let manages =
            !request.writes() || request.method != "POST" || request.query.contains("fieldManager=kubectl-vmchaos");
        assert!(manages, "{} {}?{}", request.method, request.path, request.query);
    }
}

#[test]
fn twenty_vms_on_four_nodes_take_forty_requests_at_most() {
    let rehearsal = Rehearsal::with(Options {
        vms: 20,
        nodes: 4,
        ..Options::default()
    });
    let args = [
        "netem",
        "-n",
        "load",
        "--target",
        "load-.*",
        "--all",
        "--latency",
        "20ms",
        "--duration",
        "2s",
        "--execution",
        "parallel",
        "--yes=vmchaos-rehearsal",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(0).json();
    assert_eq!(document["summary"]["ok"], 20);
    assert_eq!(document["plan"].as_array().unwrap().len(), 4);
    let mut requests: Vec<String> = rehearsal
        .practice
        .requests()
        .iter()
        .filter(|request| !request.path.contains("/events"))
        .map(|request| format!("{} {}?{}", request.method, request.path, request.query))
        .collect();
    requests.sort();
    assert!(
        requests.len() <= 40,
        "{} requests:\n{}",
        requests.len(),
        requests.join("\n")
    );
}

#[test]
fn nothing_but_this_runs_own_pod_is_ever_changed() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected");
    let uid = rehearsal.debug_pod()["metadata"]["uid"].clone();
    run.signal("INT");
    let id = run.end().expect(130).json()["id"].as_str().unwrap().to_owned();
    let changes: Vec<Request> = rehearsal
        .practice
        .requests()
        .into_iter()
        .filter(|request| request.writes() && !request.path.ends_with("/events"))
        .collect();
    let told: Vec<String> = changes
        .iter()
        .map(|request| format!("{} {}", request.verb, request.path))
        .collect();
    let pods = "/api/v1/namespaces/kubevirt/pods";
    let mut expected = vec![format!("create {pods}"), format!("delete {pods}/vmchaos-{id}-0")];
    expected.retain(|line| told.contains(line));
    assert_eq!(told, expected, "attach is a GET, and nothing else is changed");
    let deletion: Value = changes[1].json();
    assert_eq!(
        deletion["preconditions"]["uid"], uid,
        "this pod, and no other of its name"
    );
}
