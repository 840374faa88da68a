//! The binary against a practice cluster of its own: start, run, watch what it prints, signal it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses a part.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use kubectl_vmchaos::rehearsal::{Options, Practice};
use serde_json::Value;

/// Longer than anything takes on a loaded machine; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A practice cluster and what runs on it.
pub struct Rehearsal {
    pub practice: Practice,
    pub runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

/// What a command left behind.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command that still runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    err: Vec<String>,
}

impl Rehearsal {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let practice = runtime.block_on(Practice::start(options)).unwrap();
        Self { practice, runtime, home: tempfile::tempdir().unwrap() }
    }

    /// The binary with nothing of this machine's environment but PATH.
    pub fn command(&self, args: &[&str]) -> Command {
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

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).end()
    }

    pub fn spawn(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Root qdiscs of ours that are in the "kernel" of a VM.
    pub fn ours(&self, namespace: &str, name: &str) -> Vec<String> {
        let qdiscs = self.practice.qdiscs(namespace, name);
        qdiscs
            .into_iter()
            .filter(|(_, line)| line.contains("netem") || line.contains("tbf"))
            .map(|(device, line)| format!("{device}: {line}"))
            .collect()
    }

    /// Waits for a state of the cluster; the tick is a poll of memory, the limit is patience.
    #[track_caller]
    pub fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !condition(self) {
            assert!(began.elapsed() < PATIENCE, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
        began.elapsed()
    }

    /// Debug pods there are, as (name, phase).
    pub fn debug_pods(&self) -> Vec<(String, String)> {
        let pods = self.practice.list("Pod", "");
        pods.iter()
            .filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-vmchaos")
            .map(|pod| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&pod["metadata"]["name"]), text(&pod["status"]["phase"]))
            })
            .collect()
    }

    /// Reasons of the Events left on a VMI, in order.
    pub fn events(&self, name: &str) -> Vec<String> {
        let events = self.practice.list("Event", "");
        events
            .iter()
            .filter(|event| event["regarding"]["name"] == name)
            .filter_map(|event| event["reason"].as_str().map(str::to_owned))
            .collect()
    }

    /// Requests that change something: method and path, without dry runs and access reviews.
    pub fn writes(&self) -> Vec<String> {
        self.practice
            .requests()
            .into_iter()
            .filter(|request| request.method != "GET")
            .filter(|request| !request.path.contains("selfsubject"))
            .filter(|request| !request.query.contains("dryRun=All"))
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}

impl Ended {
    /// stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, err: Vec::new() }
    }

    /// Waits for a line on stderr that contains `part`.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
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

    /// Sends a signal by its name, e.g. `INT`.
    pub fn signal(&mut self, name: &str) -> &mut Self {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
        self
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let status = self.wait();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.err.push(line);
        }
        Ended { code: status.code(), out, err: std::mem::take(&mut self.err).join("\n") }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the command does not end:\n{}", self.err.join("\n"));
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
