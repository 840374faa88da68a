//! The binary against a practice cluster of its own.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)] // Each test file uses a part.

pub(crate) mod client;
pub(crate) mod compiled;
pub(crate) mod executable;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod limit;
pub(crate) mod manifests;
pub(crate) mod permissions;
mod running;
pub(crate) mod skip;
#[cfg(unix)]
pub(crate) mod terminal;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use vmchaos_rehearsal::{Options, Practice};

pub(crate) use limit::PATIENCE;
pub(crate) use running::{Ended, Running, program};

/// A practice cluster and what runs on it.
pub(crate) struct Rehearsal {
    pub(crate) practice: Practice,
    pub(crate) runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

/// What a cluster of a test runs on.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// Waits for a state of a cluster, and looks again after each `tick`; the limit is patience.
#[track_caller]
pub(crate) fn until(what: &str, tick: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(tick);
    }
    began.elapsed()
}

/// Qdiscs of ours among those of a VM, given as (device, line): `DEVICE: LINE`.
pub(crate) fn ours(qdiscs: Vec<(String, String)>) -> Vec<String> {
    qdiscs
        .into_iter()
        .filter(|(_, line)| line.contains("netem") || line.contains("tbf"))
        .map(|(device, line)| format!("{device}: {line}"))
        .collect()
}

impl Rehearsal {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = runtime();
        let practice = runtime.block_on(Practice::start(options)).unwrap();
        Self {
            practice,
            runtime,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The binary on this cluster; see [`program`].
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        program(args, self.home.path(), self.practice.kubeconfig())
    }

    /// Writes the user's config file, and gives back its path.
    pub(crate) fn configure(&self, text: &str) -> std::path::PathBuf {
        let folder = self.home.path().join(".config/kubectl-vmchaos");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.yaml");
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Makes the namespace `vmchaos`, with or without the label that lets debug pods in.
    pub(crate) fn own_namespace(&self, labelled: bool) {
        let mut labels = serde_json::json!({"kubernetes.io/metadata.name": "vmchaos"});
        if labelled {
            labels["vmchaos.dev/debug-pods"] = "allowed".into();
        }
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "vmchaos", "labels": labels}, "status": {"phase": "Active"}});
        self.practice.put(namespace).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).end()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Root qdiscs of ours that are in the "kernel" of a VM.
    pub(crate) fn ours(&self, namespace: &str, name: &str) -> Vec<String> {
        ours(self.practice.qdiscs(namespace, name))
    }

    /// Waits for a state of the cluster; the tick is a poll of memory.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        until(what, Duration::from_millis(5), || condition(self))
    }

    /// Waits until every debug pod has ended, as those of a killed command do by themselves.
    #[track_caller]
    pub(crate) fn until_pods_ended(&self) {
        self.until("a debug pod is there, and all of them have ended", |rehearsal| {
            let pods = rehearsal.debug_pods();
            !pods.is_empty() && pods.iter().all(|(_, phase)| phase == "Succeeded")
        });
    }

    /// Debug pods there are, as (name, phase).
    pub(crate) fn debug_pods(&self) -> Vec<(String, String)> {
        let pods = self.practice.list("Pod", "");
        pods.iter()
            .filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-vmchaos")
            .map(|pod| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&pod["metadata"]["name"]), text(&pod["status"]["phase"]))
            })
            .collect()
    }

    /// The only debug pod there is.
    #[track_caller]
    pub(crate) fn debug_pod(&self) -> Value {
        let mut pods = self.practice.list("Pod", "");
        pods.retain(|pod| pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-vmchaos");
        assert_eq!(pods.len(), 1, "debug pods: {:?}", self.debug_pods());
        pods.remove(0)
    }

    /// Lets the debug pods say nothing of their VMs, as for a run that begins at the same moment: no guard knows of it.
    pub(crate) fn hide_targets(&self) {
        for (namespace, name) in self.pod_names() {
            self.practice.edit("Pod", &namespace, &name, |pod| {
                pod["metadata"]["annotations"]["vmchaos.dev/targets"] = "".into();
            });
        }
    }

    /// Ends every debug pod with its grace period, as `kubectl delete` and an eviction do.
    pub(crate) fn end_pods(&self) {
        for (namespace, name) in self.pod_names() {
            self.practice.evict(&namespace, &name);
        }
    }

    /// Namespace and name of every debug pod.
    pub(crate) fn pod_names(&self) -> Vec<(String, String)> {
        let pods = self.practice.list("Pod", "");
        pods.iter()
            .filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-vmchaos")
            .map(|pod| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]))
            })
            .collect()
    }

    /// What the agent of the only debug pod said of VM 0 in its termination message: how it ended, and by what.
    pub(crate) fn verdict(&self) -> Option<(String, String)> {
        let pod = self.debug_pod();
        let message = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"].as_str()?;
        let verdict: Value = serde_json::from_str(message).unwrap();
        let word = |place: usize| verdict["vms"][0][place].as_str().unwrap().to_owned();
        Some((word(1), word(2)))
    }

    /// Reasons of the Events that commands left on a VMI, in order; KubeVirt has its own.
    pub(crate) fn events(&self, name: &str) -> Vec<String> {
        let mut events = self.practice.list("Event", "");
        events.retain(|event| {
            event["involvedObject"]["name"] == name && event["reportingComponent"] == "kubectl-vmchaos"
        });
        // Each is sent on its own: one may overtake another.
        events.sort_by_key(|event| event["eventTime"].to_string());
        events
            .iter()
            .filter_map(|event| event["reason"].as_str().map(str::to_owned))
            .collect()
    }

    /// Requests that change something: method and path, without dry runs and access reviews.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.practice
            .requests()
            .into_iter()
            .filter(vmchaos_rehearsal::Request::writes)
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}
