//! The states of a run's debug pods, from one watch for all of them.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;

use super::pod::LABEL_RUN;
use super::pod_state::PodState;
use crate::cluster::watch::{self, Change};
use crate::cluster::{Cluster, ClusterError};

/// Every change of the run's pods as `(name, state)`; an error is final.
pub(crate) fn pod_states(
    cluster: &Cluster,
    namespace: &str,
    run: &str,
) -> impl Stream<Item = Result<(String, PodState), ClusterError>> + Send + use<> {
    let mut known = Known::default();
    watch::pods(cluster, namespace, &format!("{LABEL_RUN}={run}")).flat_map(move |change| {
        stream::iter(match change {
            Ok(change) => known.changes(change).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    })
}

/// The pods there were, with their last state: one that is not listed any more is gone, and its verdict stays known.
#[derive(Default)]
struct Known(BTreeMap<String, PodState>);

// === impl Known ===

impl Known {
    fn changes(&mut self, change: Change<Pod>) -> Vec<(String, PodState)> {
        let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
        match change {
            Change::Listed(pods) => {
                let mut before = std::mem::take(&mut self.0);
                let mut changes: Vec<_> = pods.iter().map(|pod| (name(pod), PodState::of(pod))).collect();
                for (name, _) in &changes {
                    before.remove(name);
                }
                self.0 = changes.iter().cloned().collect();
                let gone = |(name, state): (String, PodState)| {
                    (
                        name,
                        PodState::Deleted {
                            verdict: state.verdict().cloned(),
                        },
                    )
                };
                changes.extend(before.into_iter().map(gone));
                changes
            }
            Change::Applied(pod) => {
                let state = PodState::of(&pod);
                self.0.insert(name(&pod), state.clone());
                vec![(name(&pod), state)]
            }
            Change::Deleted(pod) => {
                let last = self.0.remove(&name(&pod));
                let verdict = PodState::of(&pod)
                    .verdict()
                    .or(last.as_ref().and_then(PodState::verdict))
                    .cloned();
                vec![(name(&pod), PodState::Deleted { verdict })]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> Pod {
        serde_json::from_value(serde_json::json!({"metadata": {"name": name}})).unwrap()
    }

    #[test]
    fn a_pod_that_went_while_the_watch_was_down_is_told_of() {
        let mut known = Known::default();
        known.changes(Change::Applied(pod("a")));
        known.changes(Change::Applied(pod("b")));
        let changes = known.changes(Change::Listed(vec![pod("b")]));
        assert!(changes.contains(&("a".to_owned(), PodState::Deleted { verdict: None })));
        assert_eq!(changes.len(), 2);
    }
}
