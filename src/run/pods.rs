//! The debug pods of a run: opened with a session each, followed, and deleted when it is over.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::driver::Message;
use super::engine::Input;
use super::signals::Signals;
use super::vm::PodIndex;
use crate::cluster::{Ask, Cluster};
use crate::node::pod::DebugPod;
use crate::node::pod_state::PodState;
use crate::node::script::SCRIPT;
use crate::node::session::{Config, Heard, Session};
use crate::node::wire::Word;

/// How long a deleted pod may take to be gone; its grace period is 10 s.
const DELETE_LIMIT: Duration = Duration::from_secs(20);
/// Between tries to attach to one pod. With many pods they are spread, so that the tries of all stay few.
const ATTACH_SPACING: Duration = Duration::from_millis(400);
const LONGEST_SPACING: Duration = Duration::from_secs(2);

/// All debug pods of a run, in the order they were opened.
pub(super) struct Pods<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    start_limit: Duration,
    attach_spacing: Duration,
    messages: mpsc::UnboundedSender<Message>,
    sides: Vec<PodSide>,
}

struct PodSide {
    name: String,
    state: watch::Sender<PodState>,
    session: Session,
    /// Its UID, once the API server has taken it.
    created: Option<String>,
    /// Where it was not created either, there is nothing to wait for.
    never_started: bool,
    /// Why it could not be deleted.
    failure: Option<String>,
}

// === impl Pods ===

impl<'a> Pods<'a> {
    /// `nodes` is how many pods there will be.
    pub(super) fn new(
        cluster: &'a Cluster,
        namespace: &'a str,
        start_limit: Duration,
        nodes: usize,
        messages: mpsc::UnboundedSender<Message>,
    ) -> Self {
        let spread = u32::try_from(nodes).unwrap_or(u32::MAX);
        let attach_spacing = ATTACH_SPACING.saturating_mul(spread).min(LONGEST_SPACING);
        Self {
            cluster,
            namespace,
            start_limit,
            attach_spacing,
            messages,
            sides: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.sides.len()
    }

    /// Starts a session with a new debug pod.
    pub(super) fn open(&mut self, pod: &DebugPod) -> PodIndex {
        let index = self.sides.len();
        let (state, states) = watch::channel(PodState::Pending);
        let messages = self.messages.clone();
        let config = Config {
            cluster: self.cluster.clone(),
            pod: pod.object(SCRIPT),
            states,
            start_limit: self.start_limit,
            attach_spacing: self.attach_spacing,
        };
        let session = Session::start(config, move |heard| {
            let _ = messages.send(Message::Input(Input::Heard(index, heard)));
        });
        self.sides.push(PodSide {
            name: pod.name(),
            state,
            session,
            created: None,
            never_started: false,
            failure: None,
        });
        index
    }

    pub(super) fn say(&self, pod: PodIndex, word: Word) {
        self.sides[pod].session.say(word);
    }

    /// Takes note of what a session tells about its pod.
    pub(super) fn heard(&mut self, pod: PodIndex, heard: &Heard) {
        match heard {
            Heard::Created { uid } => self.sides[pod].created = Some(uid.clone()),
            Heard::NotStarted { .. } => self.sides[pod].never_started = true,
            _ => {}
        }
    }

    /// The watch has seen a pod of this run.
    pub(super) fn seen(&self, name: &str, state: PodState) {
        let Some(side) = self.sides.iter().find(|side| side.name == name) else {
            return;
        };
        side.state.send_if_modified(|old| {
            // The verdict stays known when the object goes.
            let new = match (&*old, state) {
                (old, PodState::Deleted { verdict: None }) => PodState::Deleted {
                    verdict: old.verdict().cloned(),
                },
                (_, state) => state,
            };
            let changed = *old != new;
            *old = new;
            changed
        });
    }

    /// Deletes the pods and waits until they are gone, or until there have been more signals than `seen`. With a second
    /// signal seen already nothing is waited for. Says which pods are left, as `namespace/name: why`.
    pub(super) async fn clean_up(
        mut self,
        messages: &mut mpsc::UnboundedReceiver<Message>,
        signals: &Signals,
        seen: u32,
    ) -> Vec<String> {
        for side in &self.sides {
            side.session.say(Word::Bye);
        }
        let deadline = Instant::now() + DELETE_LIMIT;
        let mut asked = vec![false; self.sides.len()];
        loop {
            let due: Vec<PodIndex> = (0..self.sides.len())
                .filter(|&pod| !asked[pod] && self.sides[pod].created.is_some())
                .collect();
            let deletions = due.iter().map(|&pod| self.delete(pod));
            let deleted = tokio::select! {
                deleted = futures::future::join_all(deletions) => deleted,
                () = signals.more_than(seen) => break,
            };
            for (pod, result) in due.into_iter().zip(deleted) {
                asked[pod] = true;
                self.sides[pod].failure = result.err();
            }
            let open = self.sides.iter().any(|side| side.failure.is_none() && !side.is_gone());
            if !open || seen > 1 || Instant::now() >= deadline {
                break;
            }
            tokio::select! {
                () = signals.more_than(seen) => break,
                message = timeout(deadline - Instant::now(), messages.recv()) => match message {
                    Ok(Some(Message::Pod(name, state))) => self.seen(&name, state),
                    Ok(Some(Message::Input(Input::Heard(pod, heard)))) => self.heard(pod, &heard),
                    Ok(Some(_)) => {}
                    _ => break,
                }
            }
        }
        let left = self.sides.iter().filter(|side| !side.is_gone());
        let why = |side: &PodSide| {
            side.failure
                .clone()
                .unwrap_or_else(|| "it is still being deleted".to_owned())
        };
        left.map(|side| format!("{}/{}: {}", self.namespace, side.name, why(side)))
            .collect()
    }

    /// Deletes the pod this run made, and no other of its name.
    async fn delete(&self, pod: PodIndex) -> Result<(), String> {
        let side = &self.sides[pod];
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: side.created.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let api = Api::<Pod>::namespaced(self.cluster.client.clone(), self.namespace);
        match api.delete(&side.name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                self.seen(&side.name, PodState::Deleted { verdict: None });
                Ok(())
            }
            Err(error) => {
                let ask = Ask::new("delete", "", "pods")
                    .namespace(self.namespace)
                    .name(&side.name);
                Err(self.cluster.explain(&error, &ask).message)
            }
        }
    }
}

impl PodSide {
    /// The object is no longer there, or never was.
    fn is_gone(&self) -> bool {
        matches!(*self.state.borrow(), PodState::Deleted { .. }) || (self.created.is_none() && self.never_started)
    }
}
