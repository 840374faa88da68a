//! A tenant who may edit pods in a namespace with a VM, and wants to run as root on its node.

use serde_json::{Value, json};
use vmchaos_rehearsal::Tenant;

use crate::support::{Ended, Rehearsal};

/// What the tenant wants to run as root on a node.
pub(super) const EVIL: &str = "evil.example/root:1";
/// KubeVirt's own, on the practice cluster.
pub(super) const OWN: &str = "quay.io/kubevirt/virt-launcher:v1.9.0";
/// The same, as it was started on the nodes.
pub(super) const BY_DIGEST: &str =
    "quay.io/kubevirt/virt-launcher@sha256:4a1d6a9f0f6f2f0f6d4c0c7b2b8f3a55e7c1d2a9b8e7f6a5d4c3b2a190817263";
pub(super) const PODS: &str = "/api/v1/namespaces/shop/pods";

pub(super) const NETEM: &[&str] = &[
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
pub(super) const HALT: &[&str] = &["halt", "vmi/shop-web-1/shop", "-y", "-o", "json"];
pub(super) const CHECK: &[&str] = &["check", "netem", "--nodes", "-n", "shop", "-y", "-o", "json"];
pub(super) const KILL: &[&str] = &[
    "outage",
    "vmi/shop-web-1/shop",
    "--mode",
    "kill",
    "--yes=vmchaos-rehearsal",
    "-o",
    "json",
];

/// A practice cluster, and an editor of one of its namespaces.
pub(super) struct Attack {
    pub(super) rehearsal: Rehearsal,
    pub(super) tenant: Tenant,
    /// The launcher pod that KubeVirt made.
    pub(super) launcher: Value,
}

impl Attack {
    pub(super) fn new() -> Self {
        let rehearsal = Rehearsal::new();
        let tenant = rehearsal.practice.tenant("shop").unwrap();
        let launcher = rehearsal.practice.launcher("shop", "shop-web-1").unwrap();
        Self {
            rehearsal,
            tenant,
            launcher,
        }
    }

    pub(super) fn vmi(&self) -> Value {
        self.rehearsal
            .practice
            .get("VirtualMachineInstance", "shop", "shop-web-1")
            .unwrap()
    }

    pub(super) fn launchers_name(&self) -> String {
        self.launcher["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// The tenant makes a pod that looks like the VM's launcher on this node, and waits until it runs.
    pub(super) fn look_alike(&self, name: &str, node: &Value, owner: &Value, image: &str) {
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
    pub(super) fn look_alike_beside(&self, owner: &Value) {
        self.look_alike("look-alike", &self.vmi()["status"]["nodeName"], owner, EVIL);
    }

    /// The tenant lets the real launcher run another image.
    pub(super) fn patch_launcher(&self) {
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
    pub(super) fn privileged(&self) -> Vec<String> {
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
    pub(super) fn run(&self, command: &[&str]) -> Ended {
        let ended = self.rehearsal.run(command);
        let foreign: Vec<String> = self.privileged().into_iter().filter(|image| !is_own(image)).collect();
        assert_eq!(foreign, Vec::<String>::new(), "{command:?}:\n{}", ended.err);
        ended
    }

    /// All commands that make debug pods go on with the VM's own pod.
    #[track_caller]
    pub(super) fn goes_on(&self) {
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
    pub(super) fn is_refused(&self, parts: &[&str]) {
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

pub(super) fn is_own(image: &str) -> bool {
    [OWN, BY_DIGEST].contains(&image)
}
