//! One session with one debug pod: create, attach, speak, listen, and the verdict when the wire is gone.
//!
//! ```text
//! create ── accepted ── attach (by retry) ── hello ── lines … ── end of file ── verdict from the pod's status
//! ```
//! A session is a task. It gets words and sends [`Heard`]; dropping its [`Session`] closes the agent's input.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::cluster::{Ask, Cluster, ClusterError};

use super::attach::{Incoming, NotAttached, Outgoing, attach};
use super::create::create;
use super::pod_state::PodState;
use super::wire::{Event, Line, Word};

/// The agent ends the fault after 7 s of silence: four beats fit, and a slow node still has it out within 10 s.
const HEARTBEAT: Duration = Duration::from_millis(1500);
/// Three echoes missed: the wire is dead, though nobody said so.
const DEAD_WIRE: Duration = Duration::from_secs(6);
/// For its first word and its first echo: the agent hears nothing while it looks for its VMs, which takes a slow node long, and
/// has changed nothing. To attach once more would end its input, and so the agent.
const FIRST_WORD: Duration = Duration::from_secs(30);
/// After the pod was accepted. Attach works before `phase: Running` is seen.
const FIRST_ATTACH: Duration = Duration::from_millis(150);
/// How long an attach may take to be answered.
const ATTACH_LIMIT: Duration = Duration::from_secs(10);

/// What a session needs.
pub(crate) struct Config {
    pub cluster: Cluster,
    pub pod: Pod,
    /// Changes of this pod, fed by the run's one watch.
    pub states: watch::Receiver<PodState>,
    /// From the pod's creation to the first word of the agent.
    pub start_limit: Duration,
    /// Between two tries to attach; longer with many nodes, so that they do not add up to a storm.
    pub attach_spacing: Duration,
}

/// What a session tells.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The pod object exists.
    Created {
        uid: String,
    },
    /// The container waits for something that may pass.
    Waiting(String),
    /// The dialogue has begun.
    Attached,
    Line(Line),
    /// It never came to a dialogue; nothing was changed on the node.
    NotStarted {
        error: NotStarted,
    },
    /// The stream ended or went silent. The agent ends the fault by itself.
    WireLost,
    /// The container has ended or the pod is gone. Always the last.
    Over(PodState),
}

/// Why there was no dialogue with a debug pod.
#[derive(Debug)]
pub(crate) enum NotStarted {
    Create(ClusterError),
    Attach(ClusterError),
    Hopeless { why: String, hint: &'static str },
    TooSlow { limit: Duration, last: String },
    Stopped,
}

/// The run's end of a session.
pub(crate) struct Session {
    words: mpsc::UnboundedSender<Word>,
    task: tokio::task::JoinHandle<()>,
}

// === impl Session ===

impl Session {
    /// Starts the task. `heard` is called for everything that is heard, in order.
    pub(crate) fn start(config: Config, heard: impl Fn(Heard) + Send + Sync + 'static) -> Self {
        let (words, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move { drive(config, receiver, &heard).await });
        Self { words, task }
    }

    /// Sends a word; lost silently when the session is over, which has been or will be heard.
    pub(crate) fn say(&self, word: Word) {
        let _ = self.words.send(word);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drive(config: Config, mut words: mpsc::UnboundedReceiver<Word>, heard: &(impl Fn(Heard) + Sync)) {
    let Config {
        cluster,
        pod,
        mut states,
        start_limit,
        attach_spacing,
    } = config;
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &namespace);
    let name = pod.metadata.name.clone().unwrap_or_default();
    let deadline = Instant::now() + start_limit;
    let created = match create(&api, &pod).await {
        Ok(pod) => pod,
        Err(error) => {
            let ask = Ask::new("create", "", "pods").namespace(&namespace);
            return heard(Heard::NotStarted {
                error: NotStarted::Create(cluster.explain(&error, &ask)),
            });
        }
    };
    heard(Heard::Created {
        uid: created.metadata.uid.unwrap_or_default(),
    });
    let explain = |error: &kube::Error| {
        cluster.explain(
            error,
            &Ask::new("attach to", "", "pods/attach")
                .namespace(&namespace)
                .name(&name),
        )
    };
    let stream = connect(&api, &name, &explain, &mut states, deadline, attach_spacing, heard);
    let (incoming, outgoing, first) = match unless_closed(stream, &mut words).await {
        Ok(stream) => stream,
        Err(error) => {
            let limit = start_limit;
            let error = match error {
                NotStarted::TooSlow { last, .. } => NotStarted::TooSlow { limit, last },
                other => other,
            };
            return heard(Heard::NotStarted { error });
        }
    };
    heard(Heard::Attached);
    heard(Heard::Line(first));
    converse(incoming, outgoing, &mut words, &states, heard).await;
    if !states.borrow().is_over() {
        heard(Heard::WireLost);
    }
    loop {
        let state = states.borrow_and_update().clone();
        if state.is_over() {
            return heard(Heard::Over(state));
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// Runs `stream`, but gives up when the run says `rollback` or lets go of the session before the dialogue.
async fn unless_closed<T>(
    stream: impl Future<Output = Result<T, NotStarted>>,
    words: &mut mpsc::UnboundedReceiver<Word>,
) -> Result<T, NotStarted> {
    tokio::pin!(stream);
    loop {
        tokio::select! {
            result = &mut stream => return result,
            word = words.recv() => match word {
                None | Some(Word::Rollback(_) | Word::Bye) => return Err(NotStarted::Stopped),
                // Nothing else is said before the dialogue; what is, the agent would not have heard either.
                Some(_) => {}
            }
        }
    }
}

/// Attaches by retry until the agent has said its first word.
async fn connect(
    api: &Api<Pod>,
    name: &str,
    explain: &(impl Fn(&kube::Error) -> ClusterError + Sync),
    states: &mut watch::Receiver<PodState>,
    deadline: Instant,
    spacing: Duration,
    heard: &(impl Fn(Heard) + Sync),
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
                    heard(Heard::Waiting(last.clone()));
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

/// Words out, events in, heartbeats, until the stream ends or is silent for too long.
async fn converse(
    mut incoming: Incoming,
    mut outgoing: Outgoing,
    words: &mut mpsc::UnboundedReceiver<Word>,
    states: &watch::Receiver<PodState>,
    heard: &(impl Fn(Heard) + Sync),
) {
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sequence = 1;
    let mut silent_since = Instant::now();
    let mut patience = FIRST_WORD;
    loop {
        let result = tokio::select! {
            line = incoming.next() => match line {
                None => return,
                Some(line) => {
                    silent_since = Instant::now();
                    // `hello` and a second attach repeat what has been heard.
                    if line.s > sequence {
                        sequence = line.s;
                        let last = matches!(line.event, Event::End { .. });
                        if line.event == Event::Hb {
                            patience = DEAD_WIRE;
                        } else {
                            heard(Heard::Line(line));
                        }
                        if last { outgoing.send(Word::Bye).await } else { Ok(()) }
                    } else {
                        Ok(())
                    }
                }
            },
            word = words.recv() => match word {
                Some(word) => outgoing.send(word).await,
                None => return,
            },
            _ = beat.tick() => outgoing.send(Word::Heartbeat).await,
            () = sleep_until(silent_since + patience) => {
                tracing::debug!(state = ?*states.borrow(), "no echo from the agent");
                return;
            }
        };
        if result.is_err() {
            // The words no longer go out, but what the agent said may still come in.
            while let Ok(Some(line)) = timeout(Duration::from_secs(1), incoming.next()).await {
                if line.s > sequence {
                    sequence = line.s;
                    heard(Heard::Line(line));
                }
            }
            return;
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
