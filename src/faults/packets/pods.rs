//! The debug pods of a run: opened with a session each, and followed.

mod clean_up;

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::driver::Message;
use super::engine::Input;
use super::vm::PodIndex;
use crate::cluster::Cluster;
use crate::node::pod::DebugPod;
use crate::node::pod_state::PodState;
use crate::node::script::SCRIPT;
use crate::node::session::{Config, Heard, Session};
use crate::node::wire::Word;

pub(crate) use clean_up::{NotGone, PodLeft};

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
    /// Whether it was told to end, or why it could not be.
    told: Option<Result<(), String>>,
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
            told: None,
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
}
