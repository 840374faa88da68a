//! Where debug pods are made, and which pods count as those of a run.

use serde_json::{Value, json};

use crate::support::Rehearsal;

/// A pod that a tenant has made: it claims to be run `k3f9ab`'s, on VMs of others on two nodes.
const CLAIMED: &str = "vmchaos-k3f9ab-0";
const EVIL: &str = "attacker.example/root:1";
const SHORT: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s", "-y"];

/// Makes the pod with the tenant's own permissions; it has run, and ended without a word.
fn claim(rehearsal: &Rehearsal, run: &str, targets: &str) {
    let tenant = rehearsal.practice.tenant("shop").unwrap();
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("vmchaos-{run}-0"),
            "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": run, "vmchaos.dev/fault": "netem"},
            "annotations": {"vmchaos.dev/targets": targets, "vmchaos.dev/user": "jane", "vmchaos.dev/what": "latency 1s"}},
        "spec": {"containers": [{"name": "agent", "image": EVIL}]}});
    let editor = rehearsal.user(tenant.kubeconfig());
    editor.create("/api/v1/namespaces/shop/pods", &pod).expect(201);
    let ended = json!({"phase": "Failed", "containerStatuses": [{"name": "agent", "ready": false, "restartCount": 0,
        "image": EVIL, "imageID": EVIL, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
    let changed = rehearsal
        .practice
        .edit("Pod", "shop", &format!("vmchaos-{run}-0"), |pod| pod["status"] = ended);
    assert!(changed);
    rehearsal.practice.clear_requests();
}

/// Everything that was asked to be made or taken away among pods, dry runs too: method and path.
fn asked_of_pods(rehearsal: &Rehearsal) -> Vec<String> {
    let requests = rehearsal.practice.requests().into_iter();
    requests
        .filter(|request| request.path.contains("/pods") && request.method != "GET")
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

/// Images and namespaces of the pods that were made.
fn made(rehearsal: &Rehearsal) -> Vec<(String, String)> {
    let requests = rehearsal.practice.requests().into_iter();
    let posts = requests.filter(|it| it.writes() && it.method == "POST" && it.path.ends_with("/pods"));
    posts
        .map(|request| {
            let image = request.json()["spec"]["containers"][0]["image"].to_string();
            let namespace = request.path.split('/').nth(4).unwrap_or_default().to_owned();
            (namespace, image)
        })
        .collect()
}

#[track_caller]
fn is_left_alone(rehearsal: &Rehearsal, name: &str) {
    let pod = rehearsal.practice.get("Pod", "shop", name).unwrap();
    assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{pod}");
}

#[test]
fn a_pod_that_a_tenant_made_is_shown_apart_and_nothing_is_done_for_it() {
    let rehearsal = Rehearsal::new();
    claim(&rehearsal, "k3f9ab", "default/web-1,default/web-2");
    let why = "pod shop/vmchaos-k3f9ab-0 with the labels of run k3f9ab (netem on default/web-1, default/web-2): not made by \
               this tool, or in a namespace it does not use; left alone";
    let status = rehearsal.run(&["status"]).expect(0).says(&["No runs found", why]);
    assert_eq!(status.out, "", "no row of it");
    let status = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["items"], json!([]));
    assert_eq!(status["notCounted"][0]["pods"], json!([format!("shop/{CLAIMED}")]));
    assert_eq!(status["notCounted"][0]["state"], "not-counted");
    assert_eq!(rehearsal.run(&["status", "-o", "name"]).expect(0).out, "");

    for command in ["halt", "cleanup"] {
        // It may be somebody's who made it there, and it is not known to be gone.
        rehearsal.run(&[command, "k3f9ab", "-y"]).expect(3).says(&[
            why,
            "were left alone",
            "kubectl vmchaos halt k3f9ab -n shop --context",
        ]);
        rehearsal
            .run(&[command, "--all", "-y"])
            .expect(0)
            .says(&["No runs found", why]);
    }
    assert_eq!(asked_of_pods(&rehearsal), Vec::<String>::new());
    is_left_alone(&rehearsal, CLAIMED);
    let completed = rehearsal.run(&["__complete", "halt", ""]).expect(0).out;
    assert!(!completed.contains("k3f9ab"), "{completed}");
}

#[test]
fn a_pod_that_a_tenant_made_keeps_no_fault_off_a_vm() {
    let rehearsal = Rehearsal::new();
    claim(&rehearsal, "k3f9ab", "default/web-1");
    rehearsal
        .run(&SHORT)
        .expect(0)
        .says(&["guards: not counted: pod shop/vmchaos-k3f9ab-0"]);
    is_left_alone(&rehearsal, CLAIMED);
}

#[test]
fn a_live_run_is_not_made_bigger_by_a_pod_that_a_tenant_made() {
    let rehearsal = Rehearsal::new();
    let detached = ["--duration", "10m", "-y", "--detach", "-o", "json"];
    let run = rehearsal.run(&[&SHORT[..4], &detached].concat()).expect(0).json();
    let id = run["id"].as_str().unwrap().to_owned();
    claim(&rehearsal, &id, "default/web-2");
    let status = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["items"][0]["targets"], json!(["default/web-1"]));
    assert_eq!(status["notCounted"][0]["targets"], json!(["default/web-2"]));
    rehearsal.run(&["halt", &id, "-y"]).expect(0);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(made(&rehearsal), [], "its agent has said what became of it");
    is_left_alone(&rehearsal, &format!("vmchaos-{id}-0"));
}

#[test]
fn a_watch_tells_of_a_pod_that_a_tenant_makes() {
    let rehearsal = Rehearsal::new();
    let mut watch = rehearsal.spawn(&["status", "--watch"]);
    watch.wait_for("No runs found");
    claim(&rehearsal, "k3f9ab", "default/web-1");
    watch.wait_for("not made by this tool");
    watch.signal("INT");
    assert_eq!(watch.end().expect(130).out, "");
}

#[test]
fn what_looks_into_vms_is_not_made_as_the_found_pod_is() {
    let rehearsal = Rehearsal::new();
    claim(&rehearsal, "k3f9ab", "default/web-1,default/web-2");
    // The operator's word makes it count, and decides nothing else.
    rehearsal.run(&["halt", "k3f9ab", "-n", "shop", "-y"]).expect(0);
    assert_eq!(rehearsal.practice.get("Pod", "shop", CLAIMED), None);
    let made = made(&rehearsal);
    assert_eq!(made.len(), 2, "one a node: {made:?}");
    for (namespace, image) in made {
        assert_eq!(namespace, "kubevirt");
        assert!(!image.contains("attacker"), "{image}");
    }
}

#[test]
fn a_pod_that_a_tenant_made_ends_no_run_of_others() {
    let rehearsal = Rehearsal::new();
    let detached = ["--duration", "10m", "-y", "--detach"];
    rehearsal.run(&[&SHORT[..4], &detached].concat()).expect(0);
    claim(&rehearsal, "k3f9ab", "default/web-1");
    rehearsal
        .run(&["halt", "k3f9ab", "-n", "shop", "-y"])
        .expect(3)
        .says(&["has this VM now, so that nobody looked into it"]);
    assert_eq!(
        rehearsal.ours("default", "web-1").len(),
        2,
        "the run that has it goes on"
    );
}

#[test]
fn a_target_that_is_no_name_is_not_looked_for() {
    let rehearsal = Rehearsal::new();
    claim(
        &rehearsal,
        "k3f9ab",
        "default/../../../namespaces/default/virtualmachines/web-1/stop?x=,vmi//evil.example/fix | sudo sh,a\nb/c",
    );
    let halted = rehearsal.run(&["halt", "k3f9ab", "-n", "shop", "-y"]).expect(3);
    assert!(
        halted.err.contains("names 3 targets that no VMI can be called"),
        "{}",
        halted.err
    );
    assert!(
        !halted.err.contains("sudo") && !halted.err.contains(".."),
        "{}",
        halted.err
    );
    let asked = rehearsal.practice.requests();
    assert!(
        !asked
            .iter()
            .any(|it| it.path.contains("..") || it.path.contains("stop"))
    );
}

#[test]
fn a_namespace_that_somebody_calls_vmchaos_gets_no_debug_pod() {
    let rehearsal = Rehearsal::new();
    // Who creates a namespace is its editor, and no more.
    let tenant = rehearsal.practice.tenant("vmchaos").unwrap();
    rehearsal.practice.admission_deny("vmchaos", "privileged");
    let editor = rehearsal.user(tenant.kubeconfig());
    let label = json!({"metadata": {"labels": {"vmchaos.dev/debug-pods": "allowed"}}});
    editor.patch("/api/v1/namespaces/vmchaos", &label).expect(403);
    rehearsal.practice.clear_requests();
    rehearsal.run(&SHORT).expect(0).says(&[
        "a debug pod in namespace kubevirt",
        "not used   vmchaos: it exists and lacks the label vmchaos.dev/debug-pods=allowed",
    ]);
    rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);
    rehearsal.run(&["check", "--nodes", "-y"]).expect(0);
    let in_it = |asked: &String| asked.contains("/namespaces/vmchaos/");
    let asked = asked_of_pods(&rehearsal);
    assert!(!asked.iter().any(in_it), "not even asked: {asked:?}");
}

#[test]
fn where_nothing_admits_debug_pods_none_goes_to_the_namespace_of_a_vm() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.admission_deny("kubevirt", "restricted");
    let flags = "--context vmchaos-rehearsal";
    let labels = "vmchaos.dev/debug-pods=allowed pod-security.kubernetes.io/enforce=privileged";
    let command =
        format!("kubectl create namespace vmchaos {flags} && kubectl label namespace vmchaos {labels} {flags}");
    let missing = [
        "kubevirt: ",
        "violates PodSecurity",
        "vmchaos: there is no such namespace",
        &command,
    ];
    refused_everywhere(&rehearsal, &missing);

    rehearsal.practice.tenant("vmchaos").unwrap();
    let command = format!("kubectl label namespace vmchaos {labels} --overwrite {flags}");
    let unlabelled = ["kubevirt: ", "vmchaos: it exists and lacks the label", &command];
    refused_everywhere(&rehearsal, &unlabelled);
    // What needs a pod to be known stays unknown, and says why.
    rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(3).says(&unlabelled);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[track_caller]
fn refused_everywhere(rehearsal: &Rehearsal, says: &[&str]) {
    let kill = ["outage", "web-1", "--mode", "kill", "--yes=vmchaos-rehearsal"];
    for command in [&SHORT[..], &kill] {
        rehearsal.run(command).expect(4).says(says);
        rehearsal
            .run(&[command, &["--dry-run=server"]].concat())
            .expect(4)
            .says(says);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    let asked = asked_of_pods(rehearsal);
    let kubevirts = |it: &String| it == "POST /api/v1/namespaces/kubevirt/pods";
    assert!(asked.iter().all(kubevirts), "{asked:?}");
}

#[test]
fn a_second_kubevirt_object_does_not_draw_debug_pods_to_its_namespace() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.tenant("a-tenant").unwrap();
    rehearsal.practice.admission_deny("a-tenant", "privileged");
    let mut second: Value = rehearsal.practice.get("KubeVirt", "kubevirt", "kubevirt").unwrap();
    second["metadata"] = json!({"name": "kubevirt", "namespace": "a-tenant"});
    rehearsal.practice.put(second).unwrap();
    // Neither it nor the first says what debug pods run.
    rehearsal
        .run(&SHORT)
        .expect(4)
        .says(&["the image for debug pods is not known: there are 2 KubeVirt objects"]);
    let named = [&SHORT[..], &["--image", "tools:v1"]].concat();
    rehearsal
        .run(&named)
        .expect(4)
        .says(&["KubeVirt's own: which one that is could not be read"]);
    let checked = rehearsal.run(&["check"]).expect(1);
    assert!(
        checked.out.contains("a-tenant/kubevirt, kubevirt/kubevirt"),
        "{}",
        checked.out
    );
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal
        .run(&[&named[..], &["--pod-namespace", "kubevirt"]].concat())
        .expect(0);
}
