//! Pods with a run's labels in namespaces where this program makes none: whoever may make pods there could have made them.
//!
//! They are shown, and left alone: not halted, not deleted, and no reason to refuse a fault.

use crate::cluster::pod_namespace::{PodNamespaces, Standing};
use crate::escape::escape;
use crate::report::{RunItem, RunState, Time};
use crate::traces::debug_pods::{DebugPodSeen, LiveRun};
use crate::traces::items::item;

/// Pods of one namespace that say they are of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncounted {
    pub run: LiveRun,
    /// Where they are.
    pub namespace: String,
    /// They may be this program's: why that could not be found out.
    pub unknown: Option<String>,
}

/// Runs, and what does not count as one.
pub(crate) type ToldApart = (Vec<LiveRun>, Vec<Uncounted>);

/// Tells the runs' pods from the others.
pub(crate) fn tell_apart(pods: impl IntoIterator<Item = DebugPodSeen>, namespaces: &PodNamespaces) -> ToldApart {
    let (counted, mut others): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| namespaces.counts(&pod.namespace));
    others.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    let others = others.chunk_by(|a, b| a.namespace == b.namespace);
    let uncounted = others.flat_map(|pods| LiveRun::group(pods.iter().cloned()));
    let uncounted = uncounted.filter_map(|run| {
        let namespace = run.pods.first()?.namespace.clone();
        Some(Uncounted {
            unknown: match namespaces.standing(&namespace) {
                Standing::Unknown(why) => Some(why),
                Standing::Counts | Standing::Elsewhere => None,
            },
            namespace,
            run,
        })
    });
    (LiveRun::group(counted), uncounted.collect())
}

// === impl Uncounted ===

impl Uncounted {
    fn why(&self) -> String {
        match &self.unknown {
            Some(why) => format!("left alone: {why}"),
            None => "not made by this tool, or in a namespace it does not use; left alone".to_owned(),
        }
    }

    /// As a list shows it.
    pub fn item(&self, now: Time) -> RunItem {
        RunItem {
            state: RunState::NotCounted,
            left_seconds: None,
            detail: Some(self.why()),
            ..item(&self.run, now)
        }
    }

    /// A sentence about it; nothing in it can steer a terminal.
    pub fn words(&self) -> String {
        const SHOWN: usize = 3;
        let item = item(&self.run, Time::now());
        let mut targets: Vec<String> = item.targets.iter().take(SHOWN).map(|key| escape(key)).collect();
        if item.targets.len() > SHOWN {
            targets.push(format!("{} more", item.targets.len() - SHOWN));
        }
        let on = if targets.is_empty() {
            "no VM".to_owned()
        } else {
            targets.join(", ")
        };
        let pods = match item.pods.as_slice() {
            [only] => format!("pod {}", escape(only)),
            many => format!("{} pods in namespace {}", many.len(), escape(&self.namespace)),
        };
        let (fault, run) = (escape(&item.fault), escape(&item.id));
        format!("{pods} with the labels of run {run} ({fault} on {on}): {}", self.why())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::pod_namespace::Own;

    fn pod(namespace: &str, name: &str, targets: &str) -> DebugPodSeen {
        let object = json!({"metadata": {"namespace": namespace, "name": name, "uid": name,
            "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem"},
            "annotations": {"vmchaos.dev/targets": targets}}});
        DebugPodSeen::of(&serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn a_run_is_not_made_bigger_by_what_is_elsewhere() {
        let namespaces = PodNamespaces::new(None, Own::Missing, Ok(Some("kubevirt")));
        let pods = [
            pod("shop", "vmchaos-k3f9ab-1", "default/web-1"),
            pod("kubevirt", "vmchaos-k3f9ab-0", "default/web-2"),
            pod("lab", "vmchaos-k3f9ab-2", "a/1,a/2,a/3,a/4,a/5"),
        ];
        let (runs, uncounted) = tell_apart(pods, &namespaces);
        assert_eq!((runs.len(), runs[0].pods.len()), (1, 1));
        assert_eq!(runs[0].pods[0].namespace, "kubevirt");
        let words: Vec<String> = uncounted.iter().map(Uncounted::words).collect();
        assert_eq!(
            words,
            [
                "pod lab/vmchaos-k3f9ab-2 with the labels of run k3f9ab (netem on a/1, a/2, a/3, 2 more): not made by this \
                 tool, or in a namespace it does not use; left alone",
                "pod shop/vmchaos-k3f9ab-1 with the labels of run k3f9ab (netem on default/web-1): not made by this tool, or \
                 in a namespace it does not use; left alone",
            ]
        );
        assert_eq!(uncounted[0].item(Time::now()).state, RunState::NotCounted);
    }

    #[test]
    fn what_may_be_ours_is_not_called_somebody_elses() {
        let namespaces = PodNamespaces::new(None, Own::Missing, Err("forbidden".to_owned()));
        let (runs, uncounted) = tell_apart([pod("kubevirt", "p", "")], &namespaces);
        assert!(runs.is_empty());
        assert!(
            uncounted[0]
                .words()
                .contains("which namespace is KubeVirt's own could not be read")
        );
    }
    #[test]
    fn a_list_shows_no_time_left_of_it_and_names_three_vms_without_counting_more() {
        let namespaces = PodNamespaces::new(None, Own::Missing, Ok(Some("kubevirt")));
        let mut strange = pod("lab", "p", "a/1,a/2,a/3");
        strange.total = Some(std::time::Duration::from_secs(60));
        strange.state = crate::node::pod_state::PodState::Running;
        strange.since = Some(jiff::Timestamp::now());
        assert!(
            item(&LiveRun::group([strange.clone()])[0], Time::now())
                .left_seconds
                .is_some()
        );
        let (_, uncounted) = tell_apart([strange], &namespaces);
        let item = uncounted[0].item(Time::now());
        let why = "not made by this tool, or in a namespace it does not use; left alone";
        assert_eq!((item.left_seconds, item.detail.as_deref()), (None, Some(why)));
        let words = uncounted[0].words();
        assert!(words.contains("(netem on a/1, a/2, a/3): "), "{words}");
    }
}
