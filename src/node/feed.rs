//! The states of a run's debug pods, from one watch for all of them.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};

use super::pod::LABEL_RUN;
use super::pod_state::PodState;
use crate::cluster::Cluster;

/// Every change of the run's pods as `(name, state)`; survives dropped connections and expired resource versions.
pub fn pod_states(
    cluster: &Cluster,
    namespace: &str,
    run: &str,
) -> impl Stream<Item = (String, PodState)> + Send + use<> {
    let api = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
    let config = watcher::Config::default().labels(&format!("{LABEL_RUN}={run}"));
    let mut known = Known::default();
    watch(api, config)
        .default_backoff()
        .filter_map(|event| async move {
            event
                .inspect_err(|error| tracing::debug!(%error, "the watch on the debug pods was interrupted"))
                .ok()
        })
        .flat_map(move |event| stream::iter(known.changes(event)))
}

/// What was there when the watch was last whole, so that a pod that went meanwhile is told of.
#[derive(Default)]
struct Known {
    pods: BTreeMap<String, bool>,
}

// === impl Known ===

impl Known {
    fn changes(&mut self, event: Event<Pod>) -> Vec<(String, PodState)> {
        let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
        match event {
            Event::Init => {
                self.pods.values_mut().for_each(|seen| *seen = false);
                Vec::new()
            }
            Event::Apply(pod) | Event::InitApply(pod) => {
                self.pods.insert(name(&pod), true);
                vec![(name(&pod), PodState::of(&pod))]
            }
            Event::Delete(pod) => {
                self.pods.remove(&name(&pod));
                let verdict = PodState::of(&pod).verdict().cloned();
                vec![(name(&pod), PodState::Deleted { verdict })]
            }
            Event::InitDone => {
                let gone: Vec<_> = self.pods.iter().filter(|(_, seen)| !**seen).map(|(name, _)| name.clone()).collect();
                self.pods.retain(|_, seen| *seen);
                gone.into_iter().map(|name| (name, PodState::Deleted { verdict: None })).collect()
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
        known.changes(Event::Apply(pod("a")));
        known.changes(Event::Apply(pod("b")));
        known.changes(Event::Init);
        known.changes(Event::InitApply(pod("b")));
        let gone = known.changes(Event::InitDone);
        assert_eq!(gone, vec![("a".to_owned(), PodState::Deleted { verdict: None })]);
    }
}
