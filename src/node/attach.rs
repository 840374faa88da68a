//! The attach stream to a debug pod: tried until the agent has said its first word, then lines in, lines out.
//!
//! There is one attach a pod and never a second: `stdinOnce` closes the agent's input for good when it ends, and the
//! kubelet does so as well when somebody else attaches. Its end is the fault's end, by design.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::pod::CONTAINER;
use super::pod_state::PodState;
use super::session::{NotStarted, SessionEvent};
use super::wire::{Line, Word};
use crate::cluster::ClusterError;

/// For its first word and its first echo: the agent hears nothing while it looks for its VMs, which takes a slow node long, and
/// has changed nothing. To attach once more would end its input, and so the agent.
pub(super) const FIRST_WORD: Duration = Duration::from_secs(30);
/// After the pod was accepted. Attach works before `phase: Running` is seen.
const FIRST_ATTACH: Duration = Duration::from_millis(150);
/// How long an attach may take to be answered.
const ATTACH_LIMIT: Duration = Duration::from_secs(10);
/// For output that was on its way when the stream ended.
const LAST_LINES: Duration = Duration::from_millis(100);

/// Reading half: the agent's events.
pub(super) struct Incoming {
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    /// Resolves when the stream is over, also when the connection was cut: then the output alone never ends (kube 5).
    over: Option<BoxFuture<'static, ()>>,
}

/// Writing half: words to the agent. Dropping it closes the agent's input, which ends the fault.
pub(super) struct Outgoing {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Owns the connection; its drop ends it.
    _process: Box<dyn Send>,
}

/// Why an attach did not come about.
#[derive(Debug)]
enum NotAttached {
    /// The container does not run yet, or no longer: kubelets answer both in the same words.
    NotRunning,
    Failed(kube::Error),
}

/// Attaches by retry until the agent has said its first word.
pub(super) async fn connect(
    api: &Api<Pod>,
    name: &str,
    explain: &(impl Fn(&kube::Error) -> ClusterError + Sync),
    states: &mut watch::Receiver<PodState>,
    deadline: Instant,
    spacing: Duration,
    tell: &(impl Fn(SessionEvent) + Sync),
) -> Result<(Incoming, Outgoing, Line), NotStarted> {
    let mut last = String::from("no node has accepted the pod");
    let mut seen = PodState::Pending;
    let mut next_try: Option<Instant> = None;
    loop {
        let state = states.borrow_and_update().clone();
        if state != seen {
            if let Some((why, hint)) = state.hopeless() {
                return Err(NotStarted::Hopeless { why, hint });
            }
            if let PodState::Starting { reason, message } = &state {
                last = [reason.as_deref(), message.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(": ");
                if is_unusual(reason.as_deref()) {
                    tell(SessionEvent::Waiting(last.clone()));
                }
            }
            next_try = match state {
                PodState::Running => Some(Instant::now()),
                _ => next_try.or_else(|| Some(Instant::now() + FIRST_ATTACH)),
            };
            seen = state;
        }
        let due = next_try.filter(|at| *at <= Instant::now());
        if due.is_some() {
            match greet(api, name).await {
                Ok(stream) => return Ok(stream),
                Err(NotAttached::Failed(error)) => return Err(NotStarted::Attach(explain(&error))),
                Err(NotAttached::NotRunning) => {}
            }
            next_try = Some(Instant::now() + spacing);
        }
        let wake = next_try.map_or(deadline, |at| at.min(deadline));
        tokio::select! {
            () = sleep_until(wake) => {}
            changed = states.changed() => if changed.is_err() { return Err(NotStarted::Stopped) },
        }
        if Instant::now() >= deadline {
            return Err(NotStarted::TooSlow {
                limit: Duration::ZERO,
                last,
            });
        }
    }
}

/// Whether what a container waits for is more than that it is being made.
fn is_unusual(reason: Option<&str>) -> bool {
    !matches!(reason, None | Some("ContainerCreating" | "PodInitializing"))
}

/// Attach and the agent's first line. Some kubelets accept the upgrade and then close: that is "not running" too.
async fn greet(api: &Api<Pod>, name: &str) -> Result<(Incoming, Outgoing, Line), NotAttached> {
    let late = |_| NotAttached::NotRunning;
    let (mut incoming, mut outgoing) = timeout(ATTACH_LIMIT, attach(api, name)).await.map_err(late)??;
    outgoing
        .send(Word::Hello(0))
        .await
        .map_err(|_| NotAttached::NotRunning)?;
    let first = timeout(FIRST_WORD, first_line(&mut incoming)).await.map_err(late)?;
    let first = first.ok_or(NotAttached::NotRunning)?;
    Ok((incoming, outgoing, first))
}

/// What was said before the attach comes again from the first line on.
async fn first_line(incoming: &mut Incoming) -> Option<Line> {
    loop {
        let line = incoming.next().await?;
        if line.s == 1 {
            return Some(line);
        }
    }
}

/// Attaches to the agent container's standard input and output.
async fn attach(api: &Api<Pod>, name: &str) -> Result<(Incoming, Outgoing), NotAttached> {
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
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            let text = self.line().await?;
            match serde_json::from_str(&text) {
                Ok(line) => return Some(line),
                Err(error) => tracing::debug!(%error, text, "a line of the agent is no event"),
            }
        }
    }

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
    pub(super) async fn send(&mut self, word: Word) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(numbers: &[u64]) -> Incoming {
        let line = |s: &u64| format!("{{\"s\":{s},\"t\":1.0,\"ev\":\"injected\",\"vm\":0}}\n");
        Incoming::of(std::io::Cursor::new(numbers.iter().map(line).collect::<String>()))
    }

    #[tokio::test]
    async fn the_dialogue_begins_with_the_first_line_whatever_came_before_it() {
        assert_eq!(first_line(&mut incoming(&[3, 1, 2])).await.unwrap().s, 1);
        assert_eq!(first_line(&mut incoming(&[3, 4])).await, None);
    }

    #[test]
    fn that_a_container_is_being_made_is_no_news() {
        for usual in [None, Some("ContainerCreating"), Some("PodInitializing")] {
            assert!(!is_unusual(usual), "{usual:?}");
        }
        assert!(is_unusual(Some("ErrImagePull")));
    }
}
