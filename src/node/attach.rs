//! The attach stream to a debug pod: lines in, lines out.
//!
//! There is one attach a pod and never a second: `stdinOnce` closes the agent's input for good when it ends, and the
//! kubelet does so as well when somebody else attaches. Its end is the fault's end, by design.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::time::timeout;

use super::pod::CONTAINER;
use super::wire::{Line, Word};

/// For output that was on its way when the stream ended.
const LAST_LINES: Duration = Duration::from_millis(100);

/// Reading half: the agent's events.
pub(crate) struct Incoming {
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    /// Resolves when the stream is over, also when the connection was cut: then the output alone never ends (kube 5).
    over: Option<BoxFuture<'static, ()>>,
}

/// Writing half: words to the agent. Dropping it closes the agent's input, which ends the fault.
pub(crate) struct Outgoing {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Owns the connection; its drop ends it.
    _process: Box<dyn Send>,
}

/// Why an attach did not come about.
#[derive(Debug)]
pub(crate) enum NotAttached {
    /// The container does not run yet, or no longer: kubelets answer both in the same words.
    NotRunning,
    Failed(kube::Error),
}

/// Attaches to the agent container's standard input and output.
pub(crate) async fn attach(api: &Api<Pod>, name: &str) -> Result<(Incoming, Outgoing), NotAttached> {
    let params = AttachParams::default()
        .max_stdout_buf_size(64 * 1024)
        .container(CONTAINER)
        .stdin(true)
        .stdout(true)
        .stderr(false);
    let mut process = api.attach(name, &params).await.map_err(|error| match error {
        // 400: not yet scheduled or accepted; 500: "container not found" before its start and after its end.
        kube::Error::Api(status) if matches!(status.code, 400 | 500) => NotAttached::NotRunning,
        error => NotAttached::Failed(error),
    })?;
    match (process.stdin(), process.stdout(), process.take_status()) {
        (Some(stdin), Some(stdout), Some(status)) => {
            let stdout: Box<dyn AsyncRead + Send + Unpin> = Box::new(stdout);
            let incoming = Incoming {
                lines: BufReader::new(stdout).lines(),
                over: Some(status.map(drop).boxed()),
            };
            let outgoing = Outgoing {
                stdin: Box::new(stdin),
                _process: Box::new(process),
            };
            Ok((incoming, outgoing))
        }
        _ => Err(NotAttached::NotRunning),
    }
}

// === impl ===

impl Incoming {
    /// The next event; `None` at the end of the stream. A line that is no event is passed over.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        loop {
            let text = self.line().await?;
            match serde_json::from_str(&text) {
                Ok(line) => return Some(line),
                Err(error) => tracing::debug!(%error, text, "a line of the agent is no event"),
            }
        }
    }
}

impl Incoming {
    async fn line(&mut self) -> Option<String> {
        if let Some(over) = &mut self.over {
            tokio::select! {
                biased;
                line = self.lines.next_line() => return line.ok()?,
                () = over => self.over = None,
            }
        }
        // What had come before the end is still to be read; nothing comes after it.
        timeout(LAST_LINES, self.lines.next_line()).await.ok()?.ok()?
    }
}

impl Outgoing {
    /// Sends one word; an error means that the wire is dead.
    pub(crate) async fn send(&mut self, word: Word) -> std::io::Result<()> {
        self.stdin.write_all(format!("{word}\n").as_bytes()).await?;
        self.stdin.flush().await
    }
}

#[cfg(test)]
impl Incoming {
    pub(super) fn of(stdout: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let stdout: Box<dyn AsyncRead + Send + Unpin> = Box::new(stdout);
        Self {
            lines: BufReader::new(stdout).lines(),
            over: None,
        }
    }
}

#[cfg(test)]
impl Outgoing {
    pub(super) fn of(stdin: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            stdin: Box::new(stdin),
            _process: Box::new(()),
        }
    }
}
