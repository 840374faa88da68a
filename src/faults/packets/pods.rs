//! The debug pods of a run: opened with a session each, followed, and ended: told to, waited for, and told of where they are there
//! still.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::driver::Message;
use super::engine::Input;
use super::vm::PodIndex;
use crate::cluster::lifecycle::delete_pod;
use crate::cluster::{Cluster, ErrorKind};
use crate::node::pod::DebugPod;
use crate::node::pod_state::PodState;
use crate::node::script::SCRIPT;
use crate::node::session::{Config, Session, SessionEvent};
use crate::node::wire::Word;
use crate::run::signals::Signals;

/// Between tries to attach to one pod. With many pods they are spread, so that the tries of all stay few.
const ATTACH_SPACING: Duration = Duration::from_millis(400);
const LONGEST_SPACING: Duration = Duration::from_secs(2);
/// How long a deleted pod may take to be gone; its grace period is 10 s.
const DELETE_LIMIT: Duration = Duration::from_secs(20);
/// How long the API server may take to be told so, once somebody wants the command to leave.
const TELL_LIMIT: Duration = Duration::from_secs(5);

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
    /// Whether it was told to end, or why it could not be.
    told: Option<Result<(), String>>,
}

/// A debug pod that is there still when the command ends, though nothing is left of what it had in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodLeft {
    /// `namespace/name`
    pub pod: String,
    pub why: NotGone,
    /// Whether its agent is known to have ended.
    pub over: bool,
}

impl PodLeft {
    /// Whether it may run on, as root on its node, with nobody told to end it.
    pub(crate) fn may_run_on(&self) -> bool {
        !self.over && self.why != NotGone::Ending
    }
}

/// Why a pod is not gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotGone {
    /// It was told to end, and does.
    Ending,
    /// It could not be told to end.
    Refused(String),
    /// The command left before it was told.
    Untold,
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
        let session = Session::start(config, move |event| {
            let _ = messages.send(Message::Input(Input::Session(index, event)));
        });
        self.sides.push(PodSide {
            name: pod.name(),
            state,
            session,
            created: None,
            never_started: false,
            told: None,
        });
        index
    }

    pub(super) fn say(&self, pod: PodIndex, word: Word) {
        self.sides[pod].session.say(word);
    }

    /// Takes note of what a session tells about its pod.
    pub(super) fn session_event(&mut self, pod: PodIndex, event: &SessionEvent) {
        match event {
            SessionEvent::Created { uid } => self.sides[pod].created = Some(uid.clone()),
            SessionEvent::NotStarted { .. } => self.sides[pod].never_started = true,
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

    /// Tells the pods to end and waits until they are gone, or until there have been more signals than `seen`; after a second
    /// signal nothing is waited for but the answers to the telling. Pods in `kept` are left alone: they are what `status`
    /// shows and `halt` finds of VMs that are not proven. Says which of the others are there still.
    pub(super) async fn clean_up(
        mut self,
        kept: &BTreeSet<PodIndex>,
        messages: &mut mpsc::UnboundedReceiver<Message>,
        signals: &Signals,
        seen: u32,
    ) -> Vec<PodLeft> {
        let others: Vec<PodIndex> = (0..self.sides.len()).filter(|pod| !kept.contains(pod)).collect();
        for &pod in &others {
            self.sides[pod].session.say(Word::Bye);
        }
        tokio::select! {
            () = self.end(&others, messages, signals, seen) => {}
            () = abandoned(signals, seen) => {}
        }
        // What came while the API server was not answering.
        while let Ok(message) = messages.try_recv() {
            self.take(message);
        }
        let left = others
            .iter()
            .map(|&pod| &self.sides[pod])
            .filter(|side| !side.is_gone());
        left.map(|side| side.left(self.namespace)).collect()
    }

    /// Tells pods to end, each as soon as it is known to have been made, and waits until they are gone, or with more signals
    /// than `seen` until all have been told.
    async fn end(
        &mut self,
        pods: &[PodIndex],
        messages: &mut mpsc::UnboundedReceiver<Message>,
        signals: &Signals,
        seen: u32,
    ) {
        let deadline = Instant::now() + DELETE_LIMIT;
        loop {
            let due = |side: &PodSide| side.told.is_none() && side.created.is_some();
            let due: Vec<PodIndex> = pods.iter().copied().filter(|&pod| due(&self.sides[pod])).collect();
            let answers = join_all(due.iter().map(|&pod| self.delete(pod))).await;
            for (pod, answer) in due.into_iter().zip(answers) {
                self.sides[pod].told = Some(answer);
            }
            let hurried = hurries(signals, seen);
            let waits = |side: &PodSide| match side.told {
                Some(Err(_)) => !hurried && !side.state.borrow().is_over(),
                Some(Ok(())) => !hurried && !side.is_gone(),
                None => !side.is_gone(),
            };
            if !pods.iter().any(|&pod| waits(&self.sides[pod])) {
                return;
            }
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                () = signals.more_than(seen), if !hurried => {}
                () = sleep_until(deadline) => return,
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Pod(name, state) => self.seen(&name, state),
            Message::Input(Input::Session(pod, event)) => self.session_event(pod, &event),
            _ => {}
        }
    }

    /// Deletes the pod this run made, and no other of its name.
    async fn delete(&self, pod: PodIndex) -> Result<(), String> {
        let side = &self.sides[pod];
        let Some(uid) = &side.created else {
            return Ok(());
        };
        match delete_pod(self.cluster, self.namespace, &side.name, uid, None, false).await {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {
                self.seen(&side.name, PodState::Deleted { verdict: None });
                Ok(())
            }
            Err(error) => Err(error.message),
        }
    }
}

/// Whether somebody wants the command to leave at once, who was not heard before.
fn hurries(signals: &Signals, seen: u32) -> bool {
    seen > 1 || signals.count() > seen
}

/// Somebody wants the command to leave at once, and again; or the API server does not answer it meanwhile.
async fn abandoned(signals: &Signals, mut seen: u32) {
    if seen < 2 {
        signals.more_than(seen).await;
        seen += 1;
    }
    tokio::select! {
        () = signals.more_than(seen) => {}
        () = sleep(TELL_LIMIT) => {}
    }
}

impl PodSide {
    fn left(&self, namespace: &str) -> PodLeft {
        PodLeft {
            pod: format!("{namespace}/{}", self.name),
            over: self.state.borrow().is_over(),
            why: match &self.told {
                Some(Ok(())) => NotGone::Ending,
                Some(Err(why)) => NotGone::Refused(why.clone()),
                None => NotGone::Untold,
            },
        }
    }

    /// The object is no longer there, or never was.
    fn is_gone(&self) -> bool {
        matches!(*self.state.borrow(), PodState::Deleted { .. }) || (self.created.is_none() && self.never_started)
    }
}

#[cfg(test)]
mod tests;
