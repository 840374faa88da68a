//! The end of a run's debug pods: told to end, waited for, and told of where they are there still.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::{PodSide, Pods};
use crate::cluster::ErrorKind;
use crate::cluster::lifecycle::delete_pod;
use crate::faults::packets::driver::Message;
use crate::faults::packets::engine::Input;
use crate::faults::packets::vm::PodIndex;
use crate::node::pod_state::PodState;
use crate::node::wire::Word;
use crate::run::signals::Signals;

/// How long a deleted pod may take to be gone; its grace period is 10 s.
const DELETE_LIMIT: Duration = Duration::from_secs(20);
/// How long the API server may take to be told so, once somebody wants the command to leave.
const TELL_LIMIT: Duration = Duration::from_secs(5);
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

impl Pods<'_> {
    /// Tells the pods to end and waits until they are gone, or until there have been more signals than `seen`; after a second
    /// signal nothing is waited for but the answers to the telling. Pods in `kept` are left alone: they are what `status`
    /// shows and `halt` finds of VMs that are not proven. Says which of the others are there still.
    pub(in crate::faults::packets) async fn clean_up(
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
            Message::Input(Input::Heard(pod, heard)) => self.heard(pod, &heard),
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
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// With so many signals.
    fn signals(count: u32) -> Signals {
        let signals = Signals::none();
        (0..count).for_each(|_| signals.raise());
        signals
    }

    #[test]
    fn a_signal_hurries_that_was_not_heard_before_and_any_after_two() {
        let hurried = |count, seen| hurries(&signals(count), seen);
        assert!(!hurried(0, 0) && !hurried(1, 1));
        assert!(hurried(1, 0) && hurried(2, 1) && hurried(2, 2) && hurried(3, 2));
    }

    #[tokio::test]
    async fn the_command_leaves_its_pods_at_the_second_signal_more_or_at_the_next_once_it_was_hurried() {
        let leaves = async |count, seen| {
            let signals = signals(count);
            timeout(Duration::from_millis(20), abandoned(&signals, seen))
                .await
                .is_ok()
        };
        assert!(!leaves(0, 0).await && !leaves(1, 0).await);
        assert!(leaves(2, 0).await);
        assert!(!leaves(1, 1).await && !leaves(2, 1).await);
        assert!(leaves(3, 1).await);
        assert!(!leaves(2, 2).await);
        assert!(leaves(3, 2).await);
    }
}
