//! A running debug container of a [`ScriptNode`](super::script_node::ScriptNode): the real script as a child process.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::host::{Agent, Signal, Stdin, Stdout, exit_code};

/// The container's processes and streams.
pub struct ScriptAgent {
    pid: u32,
    stdin: Mutex<Option<Stdin>>,
    stdout: Mutex<Option<Stdout>>,
    log: PathBuf,
    moved: PathBuf,
    exit: watch::Receiver<Option<i32>>,
}

impl ScriptAgent {
    /// Starts a container: `moved` lists the processes that left its cgroup, `log` is its termination log.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(mut command: tokio::process::Command, log: PathBuf, moved: PathBuf) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the agent ended at once"))?;
        let stdin = child.stdin.take().map(|stdin| Box::pin(stdin) as Stdin);
        let stdout = child.stdout.take().map(|stdout| Box::pin(stdout) as Stdout);
        let (send, exit) = watch::channel(None);
        let list = moved.clone();
        tokio::spawn(async move {
            let code = match child.wait().await {
                Ok(status) => status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
                Err(_) => -1,
            };
            // The runtime leaves nothing in the container's cgroup when its first process has ended.
            kill_all(&in_container(pid, &list));
            let _ = send.send(Some(code));
        });
        Ok(Self {
            pid,
            stdin: Mutex::new(stdin),
            stdout: Mutex::new(stdout),
            log,
            moved,
            exit,
        })
    }

    /// The process ID of the container's first process.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

/// SIGKILL to all of them at once, as to a control group.
fn kill_all(pids: &[u32]) {
    signal(pids, "-KILL");
}

fn signal(pids: &[u32], signal: &str) {
    let _ = Command::new("kill")
        .arg(signal)
        .args(pids.iter().map(ToString::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// The container's processes that are still in its cgroup: the first one's process group and all its descendants, but not
/// those that moved, nor theirs.
fn in_container(first: u32, moved: &Path) -> Vec<u32> {
    let moved: Vec<u32> = fs::read_to_string(moved)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // PID (COMMAND) STATE PARENT GROUP …; the command may hold anything.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(1);
        let parent = fields.next().and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
        let group = fields.next().and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
        processes.insert(pid, (parent, group));
    }
    let line_of = |pid: u32| {
        std::iter::successors(Some(pid), |pid| {
            processes
                .get(pid)
                .map(|(parent, _)| *parent)
                .filter(|parent| *parent > 1)
        })
    };
    processes
        .keys()
        .copied()
        .filter(|pid| line_of(*pid).any(|ancestor| processes.get(&ancestor).is_some_and(|(_, group)| *group == first)))
        .filter(|pid| !line_of(*pid).any(|ancestor| moved.contains(&ancestor)))
        .collect()
}

impl Agent for ScriptAgent {
    fn stdin(&self) -> Option<Stdin> {
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stdout(&self) -> Option<Stdout> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn kill(&self, how: Signal) {
        match how {
            Signal::Term => signal(&[self.pid], "-TERM"),
            Signal::Kill => {
                kill_all(&in_container(self.pid, &self.moved));
            }
        }
    }

    fn wait(&self) -> BoxFuture<'static, i32> {
        exit_code(&self.exit)
    }

    fn termination_message(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}
