//! Ends what runs have left, from outside.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::delete_pods::would_delete;
use super::items::summary;
use super::prove::Sweeping;
use super::{Trace, TraceKind};
use super::{halt_migrations, halt_pods};
use crate::cluster::{Cluster, ClusterError};
use crate::command_line::CommandLine;
use crate::problem::{Problem, Reason};
use crate::report::{RunItem, RunState, Time};

/// How it is done.
pub(crate) struct How<'a> {
    /// VMs that other live runs have in hand, with the run's id: nobody looks into those.
    pub claimed: &'a BTreeMap<String, String>,
    pub sweeping: &'a Sweeping,
    /// How debug pods were asked for, for a command that is printed for later.
    pub flags: &'a [String],
}

/// A trace that was told to end.
pub(crate) struct Halted {
    /// As it was seen last.
    pub trace: Trace,
    /// What was found on the way.
    pub told: Vec<String>,
    /// What may still be in place, with a command that takes it away.
    pub left: Vec<Problem>,
}

/// Halts all of them: pods and migrations at once, then what outages have changed.
pub(crate) async fn halt(cluster: &Cluster, traces: Vec<Trace>, how: &How<'_>) -> Vec<Halted> {
    let (last, first): (Vec<Trace>, Vec<Trace>) =
        traces.into_iter().partition(|trace| trace.kind() == TraceKind::Change);
    let mut halted = join_all(first.into_iter().map(|trace| trace.halt(cluster, how))).await;
    for trace in last {
        halted.push(trace.halt(cluster, how).await);
    }
    halted
}

// === impl How ===

impl How<'_> {
    /// Something that may still be in place; `again` is what to halt once more: a run's id, or `vmi/NAME/NAMESPACE`.
    pub(super) fn left(&self, what: &str, again: &str) -> Problem {
        left(what, once_more(again, self.flags))
    }
}

// === impl Trace ===

impl Trace {
    /// Asks the server whether it would let this be halted; nothing is changed.
    pub async fn would_halt(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        match self {
            Self::Pods(run) => {
                for pod in &run.pods {
                    would_delete(cluster, pod).await?;
                }
                Ok(())
            }
            Self::Migrations(run) => halt_migrations::would_cancel(cluster, run).await,
            Self::Change(change) => change.would_put_right(cluster).await,
        }
    }

    async fn halt(self, cluster: &Cluster, how: &How<'_>) -> Halted {
        match self {
            Self::Pods(run) => {
                let halted = halt_pods::halt(cluster, run, how).await;
                let verdicts: Vec<_> = halted.run.pods.iter().filter_map(|pod| pod.state.verdict()).collect();
                let said = (!verdicts.is_empty()).then(|| summary(&verdicts));
                Halted {
                    left: halted.left,
                    told: said.into_iter().chain(halted.told).collect(),
                    trace: Self::Pods(halted.run),
                }
            }
            Self::Migrations(run) => {
                let halted = halt_migrations::halt(cluster, run, &cluster.user).await;
                let left = halted
                    .left
                    .iter()
                    .map(|what| left(what, once_more(&halted.run.id, &[])));
                Halted {
                    left: left.collect(),
                    told: halted.told,
                    trace: Self::Migrations(halted.run),
                }
            }
            Self::Change(change) => Halted {
                left: change.put_right(cluster).await.err().into_iter().collect(),
                told: Vec::new(),
                trace: Self::Change(change),
            },
        }
    }
}

/// Something that may still be in place, and what takes it away.
pub(crate) fn left(what: &str, hint: CommandLine) -> Problem {
    Problem::new(Reason::Leaked, what).hint(hint)
}

/// `again` is a run's id, or `vmi/NAME/NAMESPACE`.
pub(crate) fn once_more(again: &str, flags: &[String]) -> CommandLine {
    let halt = CommandLine::new("kubectl vmchaos halt").arg(again).args(flags);
    halt.to("to remove it: ")
}

// === impl Halted ===

impl Halted {
    /// As a list shows it.
    pub(crate) fn item(&self) -> RunItem {
        let state = if self.left.is_empty() {
            RunState::Finished
        } else {
            RunState::Leaked
        };
        let left = self.left.iter().map(|left| &left.message);
        let mut told: Vec<&str> = self.told.iter().chain(left).map(String::as_str).collect();
        told.dedup();
        RunItem {
            state,
            left_seconds: None,
            detail: (!told.is_empty()).then(|| told.join("; ")),
            ..self.trace.item(&[], Time::now())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::debug_pods::{DebugPodSeen, LiveRun};
    use serde_json::json;

    #[test]
    fn a_run_that_was_halted_has_no_time_left_and_is_leaked_while_something_is_left_of_it() {
        let object = json!({
            "metadata": {"name": "p", "namespace": "vmchaos", "uid": "u", "labels": {
                "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem"},
                "annotations": {"vmchaos.dev/targets": "default/web-1", "vmchaos.dev/total-duration": "240s"}},
            "status": {"phase": "Pending"}});
        let pod = DebugPodSeen::of(&serde_json::from_value(object).unwrap()).unwrap();
        let run = LiveRun::group([pod]).remove(0);
        assert!(Trace::Pods(run.clone()).item(&[], Time::now()).left_seconds.is_some());
        let left = || left("default/web-1: tap0", once_more("k3f9ab", &[]));
        let halted = |told: &[&str], left: Vec<Problem>| {
            let told = told.iter().map(|&it| it.to_owned()).collect();
            let trace = Trace::Pods(run.clone());
            let item = Halted { trace, told, left }.item();
            assert_eq!((item.id.as_str(), item.left_seconds), ("k3f9ab", None));
            (item.state, item.detail)
        };
        assert_eq!(halted(&[], vec![]), (RunState::Finished, None));
        assert_eq!(
            halted(&["it was", "it was"], vec![]),
            (RunState::Finished, Some("it was".into()))
        );
        let both = "it was; default/web-1: tap0".to_owned();
        assert_eq!(halted(&["it was"], vec![left()]), (RunState::Leaked, Some(both)));
    }
}
