//! A debug pod that does one thing and goes: made, spoken to until its agent has answered, deleted.
//!
//! ```text
//! create ── attach ── events ──> answer() ──> words … ── bye ── delete ── gone
//! ```

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, timeout};

use super::words;
use crate::cluster::lifecycle::delete_pod;
use crate::cluster::{Cluster, ClusterError};
use crate::node::feed::pod_states;
use crate::node::pod::DebugPod;
use crate::node::pod_state::PodState;
use crate::node::session::{Config, Session, SessionEvent};
use crate::node::wire::{Event, Word};
use crate::problem::{Problem, Reason};

/// How long the pod may take to be gone; its grace period is 10 s.
const REMOVE_LIMIT: Duration = Duration::from_secs(20);
/// One pod a node: no storm of attaches to be spread.
const ATTACH_SPACING: Duration = Duration::from_millis(500);

/// What comes after an event of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next<T> {
    Listen,
    Say(Word),
    /// That was the answer.
    Done(T),
}

/// What is to be done, by which pod.
pub(crate) struct OneShotPod<'a> {
    pub cluster: &'a Cluster,
    pub pod: DebugPod,
    /// How long the pod may take to start.
    pub start_limit: Duration,
    /// From the agent's first word to its answer.
    pub answer_limit: Duration,
}

/// A pod that has done its one thing, or could not, and is still to be deleted.
#[must_use]
pub(crate) struct Removal {
    cluster: Cluster,
    namespace: String,
    name: String,
    /// `None` when it was never made.
    uid: Option<String>,
    /// Changes of the run's debug pods.
    feed: BoxStream<'static, Result<(String, PodState), ClusterError>>,
}

// === impl OneShotPod ===

impl OneShotPod<'_> {
    /// Runs it; the error says why there is no answer, [`Reason::Stopped`] that `cancel` came before anything was said to the agent.
    /// The pod is left to be removed in either case.
    pub(crate) async fn run<T>(
        self,
        cancel: impl Future<Output = ()>,
        answer: impl FnMut(Event) -> Next<T>,
    ) -> (Result<T, Problem>, Removal) {
        let mut removal = Removal {
            cluster: self.cluster.clone(),
            namespace: self.pod.namespace.clone(),
            name: self.pod.name(),
            uid: None,
            feed: pod_states(self.cluster, &self.pod.namespace, &self.pod.run).boxed(),
        };
        let whole = self.start_limit + self.answer_limit;
        let result = match timeout(whole, self.converse(cancel, answer, &mut removal)).await {
            Ok(result) => result,
            Err(_) => Err(Problem::new(
                Reason::NoAnswer,
                format!("the agent on {} did not answer", self.pod.node),
            )),
        };
        (result, removal)
    }

    async fn converse<T>(
        &self,
        cancel: impl Future<Output = ()>,
        mut answer: impl FnMut(Event) -> Next<T>,
        pod: &mut Removal,
    ) -> Result<T, Problem> {
        let (state, states) = watch::channel(PodState::Pending);
        let (teller, mut events) = mpsc::unbounded_channel();
        let config = Config {
            cluster: self.cluster.clone(),
            pod: self.pod.object(crate::node::script::SCRIPT),
            states,
            start_limit: self.start_limit,
            attach_spacing: ATTACH_SPACING,
        };
        let session = Session::start(config, move |what| {
            let _ = teller.send(what);
        });
        let mut cancel = std::pin::pin!(cancel);
        let (mut said, mut cancelled) = (false, false);
        loop {
            tokio::select! {
                biased;
                // The session goes on to its end: a pod that is just being made must become known, to be deleted.
                () = &mut cancel, if !said && !cancelled => {
                    cancelled = true;
                    session.say(Word::Bye);
                }
                Some(change) = pod.feed.next() => match change {
                    Ok((changed, new)) if changed == pod.name => drop(state.send_replace(new)),
                    Ok(_) => {}
                    Err(error) => {
                        return Err(error.problem(Reason::Watch));
                    }
                },
                event = events.recv() => match event {
                    Some(SessionEvent::Created { uid }) => pod.uid = Some(uid),
                    Some(SessionEvent::NotStarted { .. } | SessionEvent::WireLost | SessionEvent::Over(_)) | None
                        if cancelled =>
                    {
                        return Err(Problem::new(Reason::Stopped, "the run ended before its pod had done anything"));
                    }
                    Some(SessionEvent::Line(_)) if cancelled => {}
                    Some(SessionEvent::Line(line)) => match answer(line.event) {
                        Next::Listen => {}
                        Next::Say(word) => {
                            // Of what changes nothing nothing is left half done.
                            said |= word != Word::Probe;
                            session.say(word);
                        }
                        Next::Done(answer) => {
                            session.say(Word::Bye);
                            return Ok(answer);
                        }
                    },
                    Some(SessionEvent::NotStarted { error }) => return Err(words::not_started(&error)),
                    Some(SessionEvent::WireLost | SessionEvent::Over(_)) | None => {
                        return Err(Problem::new(
                            Reason::StreamLost,
                            format!("the agent on {} ended before it had answered", self.pod.node),
                        ));
                    }
                    Some(_) => {}
                },
            }
        }
    }
}

// === impl Removal ===

impl Removal {
    /// Deletes the pod and waits until it is gone.
    pub(crate) async fn finish(mut self) {
        let Some(uid) = self.uid else {
            return;
        };
        if let Err(error) = delete_pod(&self.cluster, &self.namespace, &self.name, &uid, None, false).await {
            tracing::debug!(%error, pod = self.name, "the pod could not be deleted; it ends by itself");
            return;
        }
        if timeout(REMOVE_LIMIT, until_gone(&mut self.feed, &self.name))
            .await
            .is_err()
        {
            tracing::debug!(pod = self.name, "the pod is still being deleted");
        }
    }
}

/// Waits until the pod is gone, or nobody can tell any more.
async fn until_gone(feed: &mut (impl Stream<Item = Result<(String, PodState), ClusterError>> + Unpin), name: &str) {
    while let Some(Ok((changed, state))) = feed.next().await {
        if changed == name && matches!(state, PodState::Deleted { .. }) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn a_pod_is_gone_when_it_is_itself_deleted() {
        let gone = || PodState::Deleted { verdict: None };
        let told = [("a", PodState::Running), ("b", gone()), ("a", gone()), ("c", gone())];
        let mut feed = stream::iter(told.map(|(name, state)| Ok((name.to_owned(), state))));
        until_gone(&mut feed, "a").await;
        assert_eq!(
            feed.next().await.unwrap().unwrap().0,
            "c",
            "what follows is not waited for"
        );
    }
}
