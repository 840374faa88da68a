//! A command under test: how it is started, what it says while it runs, and what it leaves.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, limit};

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

/// The binary with nothing of this machine's environment but PATH.
pub(crate) fn program(args: &[&str], home: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"));
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null());
    command
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
