//! Debug pods on their way out: told to end, and watched until they are gone, so that their last words are heard.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use tokio::time::timeout;

use crate::cluster::lifecycle::delete_pod;
use crate::cluster::watch::{self, Change};
use crate::cluster::{Cluster, ClusterError, ErrorKind};
use crate::node::pod::LABEL_RUN;
use crate::node::pod_state::PodState;
use crate::traces::debug_pods::{DebugPodSeen, Life};

/// A pod's grace period is 10 s; a node that does not end it in three times that does not answer.
pub(super) const END_LIMIT: Duration = Duration::from_secs(30);

/// One pod on its way out.
#[derive(Debug, Clone)]
pub(super) struct Deletion {
    pub(super) pod: DebugPodSeen,
    /// The object is gone.
    pub(super) gone: bool,
    /// Its container has run at some time, so that it may have changed something.
    pub(super) ran: bool,
    /// Why it could not be told to end.
    pub(super) refused: Option<String>,
}

/// Tells whether the API server would let a pod go; nothing is written.
pub(super) async fn would_delete(cluster: &Cluster, pod: &DebugPodSeen) -> Result<(), ClusterError> {
    delete(cluster, pod, true).await
}

/// Tells pods of a run to end and waits until they have.
pub(super) async fn end(cluster: &Cluster, run: &str, pods: Vec<DebugPodSeen>) -> Vec<Deletion> {
    let mut namespaces: BTreeMap<String, Vec<Deletion>> = BTreeMap::new();
    for pod in pods {
        let namespace = namespaces.entry(pod.namespace.clone()).or_default();
        namespace.push(Deletion::new(pod));
    }
    let ends = namespaces
        .iter()
        .map(|(namespace, pods)| end_in(cluster, namespace, run, pods.clone()));
    join_all(ends).await.into_iter().flatten().collect()
}

async fn end_in(cluster: &Cluster, namespace: &str, run: &str, mut pods: Vec<Deletion>) -> Vec<Deletion> {
    let mut changes = watch::pods(cluster, namespace, &format!("{LABEL_RUN}={run}"));
    let wait = async {
        // Watched before they are told: the last words must not be missed.
        match changes.next().await {
            Some(Ok(change)) => take(&mut pods, change),
            Some(Err(error)) => return refuse(&mut pods, &error),
            None => {}
        }
        let there: Vec<DebugPodSeen> = pods.iter().filter(|pod| !pod.gone).map(|pod| pod.pod.clone()).collect();
        let answers = join_all(there.iter().map(|pod| delete(cluster, pod, false))).await;
        for (told, answer) in there.iter().zip(answers) {
            let Some(pod) = pods.iter_mut().find(|pod| pod.pod.uid == told.uid) else {
                continue;
            };
            match answer {
                Ok(()) => {}
                // Another pod of that name, or none: this one is gone.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => pod.gone = true,
                Err(error) => pod.refused = Some(error.message),
            }
        }
        while pods.iter().any(|pod| !pod.gone && pod.refused.is_none()) {
            match changes.next().await {
                Some(Ok(change)) => take(&mut pods, change),
                Some(Err(error)) => return refuse(&mut pods, &error),
                None => return,
            }
        }
    };
    // What is still there then is judged by what it has said so far.
    let _ = timeout(END_LIMIT, wait).await;
    pods
}

async fn delete(cluster: &Cluster, pod: &DebugPodSeen, dry_run: bool) -> Result<(), ClusterError> {
    delete_pod(cluster, &pod.namespace, &pod.name, &pod.uid, None, dry_run).await
}

fn refuse(pods: &mut [Deletion], error: &ClusterError) {
    for pod in pods.iter_mut().filter(|pod| !pod.gone) {
        pod.refused = Some(error.message.clone());
    }
}

fn take(pods: &mut [Deletion], change: Change<Pod>) {
    match change {
        Change::Listed(listed) => {
            let listed: Vec<DebugPodSeen> = listed.iter().filter_map(DebugPodSeen::of).collect();
            for pod in pods {
                match listed.iter().find(|seen| seen.uid == pod.pod.uid) {
                    Some(seen) => pod.seen(seen.clone()),
                    None => pod.gone = true,
                }
            }
        }
        Change::Applied(object) => {
            let seen = DebugPodSeen::of(&object);
            if let Some((pod, seen)) = seen.and_then(|seen| Some((known(pods, &seen)?, seen))) {
                pod.seen(seen);
            }
        }
        Change::Deleted(object) => {
            let seen = DebugPodSeen::of(&object);
            if let Some((pod, seen)) = seen.and_then(|seen| Some((known(pods, &seen)?, seen))) {
                pod.seen(seen);
                pod.gone = true;
            }
        }
    }
}

fn known<'a>(pods: &'a mut [Deletion], seen: &DebugPodSeen) -> Option<&'a mut Deletion> {
    pods.iter_mut().find(|pod| pod.pod.uid == seen.uid)
}

// === impl Deletion ===

impl Deletion {
    fn new(pod: DebugPodSeen) -> Self {
        let ran = has_run(&pod);
        Self {
            pod,
            gone: false,
            ran,
            refused: None,
        }
    }

    /// Why the object of one that has ended is there still.
    pub(super) fn not_deleted(&self) -> Option<String> {
        let why = self.refused.as_ref().filter(|_| !self.gone)?;
        Some(format!("the finished pod could not be deleted: {why}"))
    }

    /// A newer state; a verdict once given stays.
    fn seen(&mut self, pod: DebugPodSeen) {
        self.ran |= has_run(&pod);
        if pod.state.verdict().is_some() || self.pod.state.verdict().is_none() {
            self.pod = pod;
        }
    }
}

fn has_run(pod: &DebugPodSeen) -> bool {
    match &pod.state {
        PodState::Pending | PodState::Starting { .. } => false,
        PodState::Running | PodState::Deleted { .. } => true,
        PodState::Ended { .. } => pod.life() != Life::NeverRan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(uid: &str, state: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "vmchaos", "uid": uid,
                "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab"}},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "agent", "ready": true, "restartCount": 0, "image": "i", "imageID": "i", "state": state}]}
        }))
        .unwrap()
    }

    fn running(uid: &str) -> Pod {
        pod(uid, &json!({"running": {}}))
    }

    fn waiting(uid: &str) -> Pod {
        pod(uid, &json!({"waiting": {"reason": "ContainerCreating"}}))
    }

    fn ended(uid: &str, message: &str) -> Pod {
        pod(uid, &json!({"terminated": {"exitCode": 0, "message": message}}))
    }

    fn deletion(pod: &Pod) -> Vec<Deletion> {
        vec![Deletion::new(DebugPodSeen::of(pod).unwrap())]
    }

    #[test]
    fn the_last_words_stay_known_when_the_object_goes_without_them() {
        let mut pods = deletion(&running("a"));
        let verdict = r#"{"run":"k3f9ab","vms":[[0,"restored","term",1.0]]}"#;
        take(&mut pods, Change::Applied(ended("a", verdict)));
        take(&mut pods, Change::Deleted(running("a")));
        assert!(pods[0].gone && pods[0].pod.state.verdict().is_some());
    }

    #[test]
    fn a_pod_that_ran_between_two_looks_is_not_taken_for_one_that_never_did() {
        let mut pods = deletion(&waiting("a"));
        assert!(!pods[0].ran);
        take(&mut pods, Change::Applied(running("a")));
        take(&mut pods, Change::Listed(Vec::new()));
        assert!(pods[0].gone && pods[0].ran);
    }

    #[test]
    fn another_pod_of_the_same_name_says_nothing_about_this_one() {
        let mut pods = deletion(&running("a"));
        take(&mut pods, Change::Deleted(running("b")));
        assert!(!pods[0].gone);
        take(&mut pods, Change::Listed(vec![running("b")]));
        assert!(pods[0].gone, "a list without it");
    }
    #[test]
    fn the_newest_verdict_counts_and_the_newest_state_where_there_is_none() {
        let told = |state: &str| ended("a", &format!(r#"{{"run":"k3f9ab","vms":[[0,"{state}","term",1.0]]}}"#));
        let mut pods = deletion(&running("a"));
        take(&mut pods, Change::Applied(ended("a", "OOMKilled")));
        assert_eq!(pods[0].pod.life(), Life::Unproven);
        take(&mut pods, Change::Applied(told("leaked")));
        assert_eq!(pods[0].pod.life(), Life::Leaked);
        // A keeper's, after the agent's.
        take(&mut pods, Change::Applied(told("restored")));
        assert_eq!(pods[0].pod.life(), Life::Finished);
    }

    #[test]
    fn whether_a_pod_that_has_ended_ever_ran_is_told_by_why_it_ended() {
        let turned_away = |reason: &str| {
            let mut object = pod("a", &json!({}));
            object.status = serde_json::from_value(json!({"phase": "Failed", "reason": reason})).unwrap();
            deletion(&object)[0].ran
        };
        assert!(!turned_away("OutOfcpu"));
        assert!(turned_away("Evicted"));
        assert!(deletion(&ended("a", ""))[0].ran);
    }

    #[test]
    fn pods_that_can_no_longer_be_watched_are_not_said_to_be_deleted_but_for_those_that_are() {
        let mut pods = [deletion(&running("a")), deletion(&running("b"))].concat();
        take(&mut pods, Change::Deleted(running("a")));
        refuse(&mut pods, &ClusterError::new(ErrorKind::Forbidden, "pods are hidden"));
        assert_eq!(pods[0].not_deleted(), None);
        let why = "the finished pod could not be deleted: pods are hidden";
        assert_eq!(pods[1].not_deleted().as_deref(), Some(why));
        // Told to go and refused, and gone all the same.
        take(&mut pods, Change::Deleted(running("b")));
        assert_eq!(pods[1].not_deleted(), None);
    }
}
