//! Dry runs write nothing.

use crate::support::Rehearsal;

const DRY: [&str; 6] = ["netem", "web-1", "web-2", "--latency", "20ms", "--loss=10%"];

#[test]
fn a_client_dry_run_only_reads() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&[&DRY[..], &["--dry-run"]].concat()).expect(0);
    let ended = ended.says(&["tc qdisc add dev tap0 root handle 7", "nothing was changed (dry run)"]);
    assert_eq!(ended.out, "", "the plan is for people");
    let requests = rehearsal.practice.requests();
    assert!(!requests.is_empty());
    let reviews = |request: &&vmchaos_rehearsal::Request| request.path.contains("/selfsubject");
    for request in requests.iter().filter(|request| !reviews(request)) {
        assert_eq!(request.method, "GET", "{} {}", request.method, request.path);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_server_dry_run_asks_admission_about_every_pod_and_writes_none() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal
        .run(&[&DRY[..], &["--dry-run=server", "-y"]].concat())
        .expect(0);
    ended.says(&["nothing was changed (server dry run)"]);
    let asked: Vec<_> = rehearsal
        .practice
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/pods"))
        .collect();
    let created: Vec<_> = asked.iter().filter(|request| request.method == "POST").collect();
    assert!(
        created.iter().all(|request| request.query.contains("dryRun=All")),
        "{created:?}"
    );
    let nodes: std::collections::BTreeSet<_> = created
        .iter()
        .map(|request| request.json()["spec"]["nodeName"].to_string())
        .collect();
    assert_eq!(nodes.len(), 2, "both pods: {nodes:?}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_dry_run_as_json_has_the_whole_plan() {
    let rehearsal = Rehearsal::new();
    let document = rehearsal
        .run(&[&DRY[..], &["--dry-run=client", "-o", "json"]].concat())
        .expect(0)
        .json();
    assert_eq!(document["dryRun"], "client");
    assert_eq!(document["exitCode"], 0);
    let plan = document["plan"].as_array().unwrap();
    let nodes: Vec<_> = plan.iter().map(|entry| entry["node"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["node-1", "node-2"]);
    for entry in plan {
        assert_eq!(entry["namespace"], "kubevirt");
        assert!(entry["pod"].as_str().unwrap().starts_with("vmchaos-"), "{entry}");
        let commands = entry["commands"].as_array().unwrap();
        let has = |part: &str| commands.iter().any(|command| command.as_str().unwrap().contains(part));
        assert!(
            has("delay 20ms") && has("loss 10%") && has("tap0") && has("eth0"),
            "{entry}"
        );
    }
    assert!(
        document["targets"]
            .as_array()
            .unwrap()
            .iter()
            .all(|target| target["state"].is_null()),
        "{document}"
    );
}

#[test]
fn what_would_be_refused_is_refused_in_a_dry_run_too() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.admission_deny("kubevirt", "baseline");
    rehearsal.practice.admission_deny("default", "baseline");
    let ended = rehearsal.run(&[&DRY[..], &["--dry-run=server"]].concat()).expect(4);
    ended.says(&["violates PodSecurity"]);
    rehearsal
        .run(&["netem", "web-9", "--latency", "1ms", "--dry-run"])
        .expect(4)
        .says(&["not found"]);
}
