//! Which image runs privileged, and which pod counts as a launcher: nothing a tenant can write decides it.

use serde_json::{Value, json};
use vmchaos_rehearsal::Tenant;

use crate::support::{Ended, Rehearsal};

/// What the tenant wants to run as root on a node.
const EVIL: &str = "evil.example/root:1";
/// KubeVirt's own, on the practice cluster.
const OWN: &str = "quay.io/kubevirt/virt-launcher:v1.9.0";
/// The same, as it was started on the nodes.
const BY_DIGEST: &str =
    "quay.io/kubevirt/virt-launcher@sha256:4a1d6a9f0f6f2f0f6d4c0c7b2b8f3a55e7c1d2a9b8e7f6a5d4c3b2a190817263";
const PODS: &str = "/api/v1/namespaces/shop/pods";

const NETEM: &[&str] = &[
    "netem",
    "vmi/shop-web-1/shop",
    "--latency",
    "10ms",
    "--duration",
    "1s",
    "-y",
    "-o",
    "json",
];
const HALT: &[&str] = &["halt", "vmi/shop-web-1/shop", "-y", "-o", "json"];
const CHECK: &[&str] = &["check", "netem", "--nodes", "-n", "shop", "-y", "-o", "json"];
const KILL: &[&str] = &[
    "outage",
    "vmi/shop-web-1/shop",
    "--mode",
    "kill",
    "--yes=vmchaos-rehearsal",
    "-o",
    "json",
];

/// A practice cluster, and an editor of one of its namespaces.
struct Attack {
    rehearsal: Rehearsal,
    tenant: Tenant,
    /// The launcher pod that KubeVirt made.
    launcher: Value,
}

impl Attack {
    fn new() -> Self {
        let rehearsal = Rehearsal::new();
        let tenant = rehearsal.practice.tenant("shop").unwrap();
        let launcher = rehearsal.practice.launcher("shop", "shop-web-1").unwrap();
        Self {
            rehearsal,
            tenant,
            launcher,
        }
    }

    fn vmi(&self) -> Value {
        self.rehearsal
            .practice
            .get("VirtualMachineInstance", "shop", "shop-web-1")
            .unwrap()
    }

    fn launchers_name(&self) -> String {
        self.launcher["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// The tenant makes a pod that looks like the VM's launcher on this node, and waits until it runs.
    fn look_alike(&self, name: &str, node: &Value, owner: &Value, image: &str) {
        let (vmi, launcher) = (self.vmi(), &self.launcher);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "labels": launcher["metadata"]["labels"], "annotations": launcher["metadata"]["annotations"],
                "ownerReferences": [{
                    "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "shop-web-1",
                    "uid": vmi["metadata"]["uid"], "controller": owner["controller"],
                }],
            },
            "spec": { "nodeName": node, "restartPolicy": "Never", "containers": [{ "name": "compute", "image": image }] },
        });
        let editor = self.rehearsal.user(self.tenant.kubeconfig());
        editor.create(PODS, &pod).expect(201);
        self.rehearsal.until("the tenant's pod runs", |rehearsal| {
            let pod = rehearsal.practice.get("Pod", "shop", name).unwrap();
            pod["status"]["phase"] == "Running" && pod["status"]["podIP"].is_string()
        });
    }

    /// On the VM's node, which wins where the newest does.
    fn look_alike_beside(&self, owner: &Value) {
        self.look_alike("look-alike", &self.vmi()["status"]["nodeName"], owner, EVIL);
    }

    /// The tenant lets the real launcher run another image.
    fn patch_launcher(&self) {
        let change = json!({ "spec": { "containers": [{ "name": "compute", "image": EVIL }] } });
        let path = format!("{PODS}/{}", self.launchers_name());
        let strategic = [("content-type", "application/strategic-merge-patch+json")];
        let editor = self.rehearsal.user(self.tenant.kubeconfig());
        editor.send("PATCH", &path, &strategic, &change.to_string()).expect(200);
        let patched = self
            .rehearsal
            .practice
            .get("Pod", "shop", &self.launchers_name())
            .unwrap();
        assert_eq!(patched["spec"]["containers"][0]["image"], EVIL);
    }

    /// Images of the privileged pods there ever were.
    fn privileged(&self) -> Vec<String> {
        let practice = &self.rehearsal.practice;
        let namespaces = practice.list("Namespace", "");
        let names = namespaces
            .iter()
            .filter_map(|namespace| namespace["metadata"]["name"].as_str());
        let told: Vec<_> = names.flat_map(|name| practice.told("Pod", name)).collect();
        let mut images: Vec<String> = told
            .iter()
            .filter(|change| change.object["spec"]["hostPID"] == true)
            .map(|change| {
                change.object["spec"]["containers"][0]["image"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        images.sort();
        images.dedup();
        images
    }

    /// Runs a command to its end, and fails where anything but KubeVirt's own image ran privileged.
    #[track_caller]
    fn run(&self, command: &[&str]) -> Ended {
        let ended = self.rehearsal.run(command);
        let foreign: Vec<String> = self.privileged().into_iter().filter(|image| !is_own(image)).collect();
        assert_eq!(foreign, Vec::<String>::new(), "{command:?}:\n{}", ended.err);
        ended
    }

    /// All commands that make debug pods go on with the VM's own pod.
    #[track_caller]
    fn goes_on(&self) {
        let own = self.launchers_name();
        assert_eq!(self.run(NETEM).expect(0).target()["pod"], own);
        let looked = self.run(HALT).expect(0);
        assert!(
            looked.out.contains("nothing of this program is there"),
            "{}",
            looked.out
        );
        self.run(CHECK).expect(0);
        assert_eq!(self.run(KILL).expect(0).target()["pod"], own);
        assert_ne!(self.privileged(), Vec::<String>::new(), "there were debug pods");
    }

    /// Nothing is done to the VM, and why is said.
    #[track_caller]
    fn is_refused(&self, parts: &[&str]) {
        for command in [NETEM, KILL] {
            let refused = self.run(command).expect(4).says(parts);
            assert!(!refused.err.contains("--interfaces"), "{}", refused.err);
        }
        // Nothing may be in place, and nobody has looked.
        self.run(HALT).expect(3).says(parts);
        assert_eq!(self.privileged(), Vec::<String>::new());
        self.run(CHECK).expect(0);
    }
}

fn is_own(image: &str) -> bool {
    [OWN, BY_DIGEST].contains(&image)
}

fn adopted() -> Value {
    json!({ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "controller": true })
}

#[test]
fn a_look_alike_with_the_labels_of_a_launcher_is_left_alone() {
    let attack = Attack::new();
    attack.look_alike_beside(&json!({ "apiVersion": "v1", "kind": "ConfigMap" }));
    attack.goes_on();
}

#[test]
fn a_look_alike_that_virt_controller_would_adopt_is_left_alone() {
    let attack = Attack::new();
    attack.look_alike_beside(&adopted());
    attack.goes_on();
}

#[test]
fn a_look_alike_with_kubevirts_own_image_is_told_by_its_address() {
    let attack = Attack::new();
    attack.look_alike("look-alike", &attack.vmi()["status"]["nodeName"], &adopted(), OWN);
    attack.goes_on();
}

#[test]
fn a_patched_image_of_the_real_launcher_runs_nowhere_else() {
    let attack = Attack::new();
    attack.patch_launcher();
    let name = attack.launchers_name();
    attack.is_refused(&[
        "has no launcher pod that is KubeVirt's",
        &format!("pod {name} runs image {EVIL}, not quay.io/kubevirt/virt-launcher"),
    ]);
}

#[test]
fn where_nothing_tells_two_pods_apart_both_are_named() {
    let attack = Attack::new();
    attack.look_alike("look-alike", &attack.vmi()["status"]["nodeName"], &adopted(), OWN);
    attack.look_alike("third", &attack.vmi()["status"]["nodeName"], &adopted(), EVIL);
    // As before virt-handler's first report.
    let practice = &attack.rehearsal.practice;
    practice.edit("VirtualMachineInstance", "shop", "shop-web-1", |vmi| {
        vmi["status"]["interfaces"][0]["ipAddress"] = Value::Null;
        vmi["status"]["interfaces"][0]["ipAddresses"] = Value::Null;
    });
    let name = attack.launchers_name();
    attack.is_refused(&[
        "has 2 pods that could be its launcher",
        &format!("pod {name} (image {OWN}"),
        &format!("pod look-alike (image {OWN}"),
        &format!("pod third runs image {EVIL}"),
    ]);
}

#[test]
fn a_fault_that_follows_a_vm_finds_the_vms_own_pod() {
    let attack = Attack::new();
    let here = attack.vmi()["status"]["nodeName"].clone();
    let there = if here == "node-2" { "node-3" } else { "node-2" };
    let fault = [
        "netem",
        "vmi/shop-web-1/shop",
        "--latency",
        "10ms",
        "--duration",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let mut run = attack.rehearsal.spawn(&fault);
    run.wait_for("injected on");
    let (practice, runtime) = (&attack.rehearsal.practice, &attack.rehearsal.runtime);
    practice.stick_migrations("shop", "shop-web-1", Some("Running"));
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| runtime.block_on(practice.migrate("shop", "shop-web-1", Some(there))));
        attack.rehearsal.until("the target's launcher runs", |rehearsal| {
            let pods = rehearsal.practice.list("Pod", "shop");
            pods.iter().any(|pod| {
                pod["metadata"]["generateName"] == "virt-launcher-shop-web-1-"
                    && pod["spec"]["nodeName"] == there
                    && pod["status"]["phase"] == "Running"
            })
        });
        // The newest there, and the last in any order.
        attack.look_alike("zz-look-alike", &there.into(), &adopted(), EVIL);
        practice.stick_migrations("shop", "shop-web-1", None);
        migration.join().unwrap().unwrap();
    });
    run.wait_for(&format!("injected on {there}"));
    let pods = attack.rehearsal.practice.list("Pod", "");
    let there = |pod: &&Value| pod["spec"]["nodeName"] == there;
    let own = |pod: &&Value| pod["metadata"]["generateName"] == "virt-launcher-shop-web-1-";
    let own = pods.iter().filter(there).find(own).unwrap();
    let own = own["metadata"]["uid"].as_str().unwrap();
    let mut agents = pods.iter().filter(|pod| pod["spec"]["hostPID"] == true);
    let agent = agents.find(there).unwrap();
    let plan = agent["spec"]["containers"][0]["env"].to_string();
    assert!(plan.contains(own), "{own} is not in {plan}");
    run.signal("INT").wait_for("restored");
    run.end().expect(130);
    assert!(
        attack.privileged().iter().all(|image| is_own(image)),
        "{:?}",
        attack.privileged()
    );
}

#[test]
fn a_sweep_does_not_run_what_the_pod_it_looks_after_ran() {
    let attack = Attack::new();
    let vm = attack.vmi();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "vmchaos-k3f9ab-0", "namespace": "kubevirt",
            "labels": { "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem" },
            "annotations": { "vmchaos.dev/targets": "shop/shop-web-1" },
        },
        "spec": { "nodeName": vm["status"]["nodeName"], "containers": [{ "name": "agent", "image": EVIL }] },
        "status": { "phase": "Failed", "containerStatuses": [{
            "name": "agent", "image": EVIL, "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 137, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z" } },
        }] },
    });
    attack.rehearsal.practice.put(pod).unwrap();
    let halted = attack.run(&["halt", "k3f9ab", "-o", "json"]).expect(0);
    assert!(
        halted.out.contains("nothing of this program is there"),
        "{}",
        halted.out
    );
    assert_eq!(attack.privileged().len(), 1, "it was looked into");
}

#[test]
fn only_the_namespace_of_the_kubevirt_object_is_asked() {
    let attack = Attack::new();
    let practice = &attack.rehearsal.practice;
    // KubeVirt is elsewhere; whoever owns a namespace of its usual name has a virt-handler there.
    let mut object = practice.get("KubeVirt", "kubevirt", "kubevirt").unwrap();
    practice.remove("KubeVirt", "kubevirt", "kubevirt");
    object["metadata"]["namespace"] = "virtualization".into();
    practice
        .put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "virtualization" } }))
        .unwrap();
    practice.put(object).unwrap();
    let handlers = practice.list("Pod", "kubevirt");
    let handlers = handlers
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["kubevirt.io"] == "virt-handler");
    for handler in handlers {
        let mut real = handler.clone();
        real["metadata"]["namespace"] = "virtualization".into();
        practice.put(real).unwrap();
        let name = handler["metadata"]["name"].as_str().unwrap();
        practice.edit("Pod", "kubevirt", name, |pod| {
            pod["spec"]["initContainers"][0]["image"] = EVIL.into();
        });
    }
    attack.run(NETEM).expect(0);
    assert_eq!(attack.privileged().len(), 1);
    // Where the object may not be read, nothing is guessed from names.
    practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    let netem = attack.run(NETEM).expect(4);
    assert_eq!(netem.json()["error"]["reason"], "image");
    netem.says(&[
        "the image for debug pods is not known",
        "cannot list resource \"kubevirts\"",
        "name an image with --image, or with `image` in the config file",
        "kubectl vmchaos check",
    ]);
    attack
        .run(KILL)
        .expect(4)
        .says(&["the image for debug pods is not known"]);
    attack
        .run(HALT)
        .expect(3)
        .says(&["the image for debug pods is not known", "--image"]);
    let checked = attack.run(CHECK).expect(1);
    assert!(checked.out.contains("name an image with --image"), "{}", checked.out);
}

#[test]
fn the_operators_image_goes_before_kubevirts_and_is_shown_with_its_source() {
    let attack = Attack::new();
    let rehearsal = &attack.rehearsal;
    let planned = |more: &[&str]| {
        let ended = rehearsal.run(&[NETEM, &["--dry-run"], more].concat()).expect(0);
        let entry = ended.json()["plan"][0].clone();
        let line = ended
            .err
            .lines()
            .find(|line| line.trim_start().starts_with("image "))
            .unwrap()
            .trim()
            .to_owned();
        (entry["image"].clone(), entry["imageSource"].clone(), line)
    };
    assert_eq!(
        planned(&[]),
        (
            json!(BY_DIGEST),
            json!("virt-handler"),
            format!("image      {BY_DIGEST} (from KubeVirt's virt-handler in namespace kubevirt)")
        )
    );
    let file = rehearsal.configure("image: tools.example/net:v1\n");
    let line = format!("image      tools.example/net:v1 (from `image` in {})", file.display());
    assert_eq!(planned(&[]), (json!("tools.example/net:v1"), json!("config"), line));
    let line = "image      mine:v2 (from --image)".to_owned();
    assert_eq!(
        planned(&["--image", "mine:v2"]),
        (json!("mine:v2"), json!("flag"), line)
    );
    rehearsal.configure("image: 'not an image'\n");
    rehearsal
        .run(NETEM)
        .expect(4)
        .says(&["config.yaml", "not a container image"]);
    rehearsal.configure("images: mine:v2\n");
    rehearsal.run(NETEM).expect(4).says(&["config.yaml", "images"]);
}

#[test]
fn the_pod_and_the_plan_say_where_it_runs_and_as_whom() {
    let attack = Attack::new();
    let practice = &attack.rehearsal.practice;
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "chaos", "namespace": "kubevirt" } });
    practice.put(account).unwrap();
    practice.pod_never_starts(attack.vmi()["status"]["nodeName"].as_str().unwrap());
    let mut run = attack
        .rehearsal
        .spawn(&[NETEM, &["--service-account", "chaos"]].concat());
    attack
        .rehearsal
        .until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
    let pod = attack.rehearsal.debug_pod();
    assert_eq!(
        pod["metadata"]["annotations"]["vmchaos.dev/runs"],
        format!(
            "{BY_DIGEST} (from KubeVirt's virt-handler in namespace kubevirt), in namespace kubevirt as service account chaos"
        )
    );
    run.signal("INT");
    let ended = run
        .end()
        .expect(130)
        .says(&["in namespace kubevirt as service account chaos"]);
    assert_eq!(ended.json()["plan"][0]["serviceAccount"], "chaos");
}
