//! The attach stream to a debug pod: lines in, lines out.
//!
//! There is one attach a pod and never a second: `stdinOnce` closes the agent's input for good when it ends, and the
//! kubelet does so as well when somebody else attaches. Its end is the fault's end, by design.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};

use super::pod::CONTAINER;
use super::wire::{Line, Word};

/// Reading half: the agent's events.
pub struct Incoming {
    lines: Lines<BufReader<Box<dyn tokio::io::AsyncRead + Send + Unpin>>>,
}

/// Writing half: words to the agent. Dropping it closes the agent's input, which ends the fault.
pub struct Outgoing {
    stdin: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    /// Owns the connection; its drop ends it.
    _process: AttachedProcess,
}

/// Why an attach did not come about.
#[derive(Debug)]
pub enum NotAttached {
    /// The container does not run yet, or no longer: kubelets answer both in the same words.
    NotRunning,
    Failed(kube::Error),
}

/// Attaches to the agent container's standard input and output.
pub async fn attach(api: &Api<Pod>, name: &str) -> Result<(Incoming, Outgoing), NotAttached> {
    let params = AttachParams::default()
        .max_stdout_buf_size(64 * 1024)
        .container(CONTAINER)
        .stdin(true)
        .stdout(true)
        .stderr(false);
    let mut process = api
        .attach(name, &params)
        .await
        .map_err(|error| match status_code(&error) {
            // 400: not yet scheduled or accepted; 500: "container not found" before its start and after its end.
            Some(400 | 500) => NotAttached::NotRunning,
            _ => NotAttached::Failed(error),
        })?;
    match (process.stdin(), process.stdout()) {
        (Some(stdin), Some(stdout)) => {
            let stdout: Box<dyn tokio::io::AsyncRead + Send + Unpin> = Box::new(stdout);
            Ok((
                Incoming {
                    lines: BufReader::new(stdout).lines(),
                },
                Outgoing {
                    stdin: Box::new(stdin),
                    _process: process,
                },
            ))
        }
        _ => Err(NotAttached::NotRunning),
    }
}

fn status_code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::UpgradeConnection(kube::client::UpgradeConnectionError::ProtocolSwitch(code)) => {
            Some(code.as_u16())
        }
        _ => None,
    }
}

// === impl ===

impl Incoming {
    /// The next event; `None` at the end of the stream. A line that is no event is passed over.
    pub async fn next(&mut self) -> Option<Line> {
        loop {
            let text = self.lines.next_line().await.ok()??;
            match serde_json::from_str(&text) {
                Ok(line) => return Some(line),
                Err(error) => tracing::debug!(%error, text, "a line of the agent is no event"),
            }
        }
    }
}

impl Outgoing {
    /// Sends one word; an error means that the wire is dead.
    pub async fn send(&mut self, word: Word) -> std::io::Result<()> {
        self.stdin.write_all(format!("{word}\n").as_bytes()).await?;
        self.stdin.flush().await
    }
}
