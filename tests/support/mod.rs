//! The binary against a practice cluster of its own: start, run, watch what it prints, signal it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)] // Each test file uses a part.

pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod limit;
pub(crate) mod skip;
#[cfg(unix)]
pub(crate) mod terminal;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use vmchaos_rehearsal::{Options, Practice};

pub(crate) use limit::PATIENCE;

/// A practice cluster and what runs on it.
pub(crate) struct Rehearsal {
    pub(crate) practice: Practice,
    pub(crate) runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

/// What a command left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command that still runs.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    out: Receiver<String>,
    err: Vec<String>,
}

impl Rehearsal {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let practice = runtime.block_on(Practice::start(options)).unwrap();
        Self {
            practice,
            runtime,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The binary with nothing of this machine's environment but PATH.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.practice.kubeconfig())
            .stdin(Stdio::null());
        command
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
        let qdiscs = self.practice.qdiscs(namespace, name);
        qdiscs
            .into_iter()
            .filter(|(_, line)| line.contains("netem") || line.contains("tbf"))
            .map(|(device, line)| format!("{device}: {line}"))
            .collect()
    }

    /// Waits for a state of the cluster; the tick is a poll of memory, the limit is patience.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !condition(self) {
            assert!(began.elapsed() < PATIENCE, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
        began.elapsed()
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

    /// Reasons of the Events left on a VMI, in order.
    pub(crate) fn events(&self, name: &str) -> Vec<String> {
        let mut events = self.practice.list("Event", "");
        events.retain(|event| event["involvedObject"]["name"] == name);
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

impl Ended {
    /// The only target of the document on stdout.
    #[track_caller]
    pub(crate) fn target(&self) -> Value {
        let mut document = self.json();
        assert_eq!(document["targets"].as_array().map(Vec::len), Some(1), "{document}");
        document["targets"][0].take()
    }

    /// Fails unless stderr says all of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not on stderr:\n{}", self.err);
        }
        self
    }

    /// stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let out = limit::whole(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            out,
            err: Vec::new(),
        }
    }

    /// Waits for a line on stderr that contains `part`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, part: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.err.push(line.clone());
                    if line.contains(part) {
                        return self;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("`{part}` never came:\n{}", self.err.join("\n")),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the command ended without `{part}`:\n{}", self.err.join("\n"))
                }
            }
        }
    }

    /// The line on stderr that was waited for last.
    pub(crate) fn last_line(&self) -> &str {
        self.err.last().map_or("", String::as_str)
    }

    /// Sends a signal by its name, e.g. `INT`.
    pub(crate) fn signal(&mut self, name: &str) -> &mut Self {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&mut self) -> String {
        self.err.extend(self.lines.try_iter());
        self.err.join("\n")
    }

    /// Whether it has ended.
    pub(crate) fn over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, and that of both streams; a command that hangs fails its test.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let status = self.wait();
        let deadline = Instant::now() + PATIENCE;
        let left = || deadline.saturating_duration_since(Instant::now());
        loop {
            match self.lines.recv_timeout(left()) {
                Ok(line) => self.err.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "something holds the stderr of a command that has ended:\n{}",
                        self.err.join("\n")
                    )
                }
            }
        }
        let out = self.out.recv_timeout(left());
        let out = out.expect("nothing holds the stdout of a command that has ended");
        Ended {
            code: status.code(),
            out,
            err: std::mem::take(&mut self.err).join("\n"),
        }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the command does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
