//! The way to the dialogue with an agent: attach by retry, until it has said its first word.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::attach::{Incoming, NotAttached, Outgoing, attach};
use super::pod_state::PodState;
use super::session::{Heard, NotStarted};
use super::wire::{Line, Word};
use crate::cluster::ClusterError;

/// For its first word and its first echo: the agent hears nothing while it looks for its VMs, which takes a slow node long, and
/// has changed nothing. To attach once more would end its input, and so the agent.
pub(super) const FIRST_WORD: Duration = Duration::from_secs(30);
/// After the pod was accepted. Attach works before `phase: Running` is seen.
const FIRST_ATTACH: Duration = Duration::from_millis(150);
/// How long an attach may take to be answered.
const ATTACH_LIMIT: Duration = Duration::from_secs(10);

/// Attaches by retry until the agent has said its first word.
pub(super) async fn connect(
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
