//! One session with one debug pod: create, attach, speak, listen, and the verdict when the wire is gone.
//!
//! ```text
//! create ── accepted ── attach (by retry) ── hello ── lines … ── end of file ── verdict from the pod's status
//! ```
//! A session is a task. It gets words and sends [`SessionEvent`]; dropping its [`Session`] closes the agent's input.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::attach::{FIRST_WORD, Incoming, Outgoing, connect};
use super::pod::LABEL_RUN;
use super::pod_state::PodState;
use super::wire::{Event, Line, Word};
use crate::cluster::{Ask, Cluster, ClusterError, MANAGER};

/// The agent ends the fault after 7 s of silence: four beats fit, and a slow node still has it out within 10 s.
const HEARTBEAT: Duration = Duration::from_millis(1500);
/// Three echoes missed: the wire is dead, though nobody said so.
const DEAD_WIRE: Duration = Duration::from_secs(6);

/// How often the pod is tried to be made when the server is busy or its answer is lost, and the time between.
const CREATE_TRIES: u32 = 3;
const CREATE_PAUSE: Duration = Duration::from_secs(1);

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
pub(crate) enum SessionEvent {
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
    /// Starts the task. `tell` is given every event, in order.
    pub(crate) fn start(config: Config, tell: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        let (words, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move { drive(config, receiver, &tell).await });
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

async fn drive(config: Config, mut words: mpsc::UnboundedReceiver<Word>, tell: &(impl Fn(SessionEvent) + Sync)) {
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
            return tell(SessionEvent::NotStarted {
                error: NotStarted::Create(cluster.explain(&error, &ask)),
            });
        }
    };
    tell(SessionEvent::Created {
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
    let stream = connect(&api, &name, &explain, &mut states, deadline, attach_spacing, tell);
    let (incoming, outgoing, first) = match unless_closed(stream, &mut words).await {
        Ok(stream) => stream,
        Err(error) => {
            let limit = start_limit;
            let error = match error {
                NotStarted::TooSlow { last, .. } => NotStarted::TooSlow { limit, last },
                other => other,
            };
            return tell(SessionEvent::NotStarted { error });
        }
    };
    tell(SessionEvent::Attached);
    tell(SessionEvent::Line(first));
    converse(incoming, outgoing, &mut words, &states, tell).await;
    if !states.borrow().is_over() {
        tell(SessionEvent::WireLost);
    }
    loop {
        let state = states.borrow_and_update().clone();
        if state.is_over() {
            return tell(SessionEvent::Over(state));
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// Creates the pod. Nobody else makes one of its name, so a busy server can be asked again, and after an answer that was
/// lost the pod is looked for: one that is there must not be forgotten.
async fn create(api: &Api<Pod>, pod: &Pod) -> kube::Result<Pod> {
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let is_ours = |found: &Pod| found.labels().get(LABEL_RUN) == pod.labels().get(LABEL_RUN);
    let mut tries = 1;
    loop {
        let error = match api.create(&params, pod).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let may_pass = match &error {
            kube::Error::Api(status) if status.is_already_exists() && tries > 1 => {
                let found = api.get(&pod.name_any()).await?;
                return if is_ours(&found) { Ok(found) } else { Err(error) };
            }
            kube::Error::Api(status) => matches!(status.code, 429 | 500 | 503 | 504),
            _ => true,
        };
        if !may_pass || tries == CREATE_TRIES {
            // The last answer may be lost as well.
            if may_pass
                && let Ok(Some(found)) = api.get_opt(&pod.name_any()).await
                && is_ours(&found)
            {
                return Ok(found);
            }
            return Err(error);
        }
        tries += 1;
        sleep(CREATE_PAUSE).await;
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

/// Words out, events in, heartbeats, until the stream ends or is silent for too long.
async fn converse(
    mut incoming: Incoming,
    mut outgoing: Outgoing,
    words: &mut mpsc::UnboundedReceiver<Word>,
    states: &watch::Receiver<PodState>,
    tell: &(impl Fn(SessionEvent) + Sync),
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
                            tell(SessionEvent::Line(line));
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
                    tell(SessionEvent::Line(line));
                }
            }
            return;
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
