//! Ends runs from outside: their pods are told to end, what they say at their end is read, and what nobody vouched for is
//! looked into.
//!
//! ```text
//! delete (by uid) ── watch ──> verdict: nothing left ───────────────────────> proven
//!                       └────> gone without a word, or with a bad one ── sweep ┴──> left: what, and the command
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};
use tokio::time::timeout;

use super::live::{DebugPodSeen, Life, LiveRun};
use super::prove::{self, Order};
use crate::cluster::watch::{self, Change};
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind};
use crate::node::pod::LABEL_RUN;
use crate::node::pod_state::PodState;

/// A pod's grace period is 10 s; a node that does not end it in three times that does not answer.
const END_LIMIT: Duration = Duration::from_secs(30);

/// A run that was told to end.
#[derive(Debug, Clone)]
pub struct Halted {
    pub run: LiveRun,
    /// What was found beyond the verdicts of its pods.
    pub told: Vec<String>,
    /// What may still be in place.
    pub left: Vec<Left>,
}

/// Something that may still be in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub what: String,
    /// What to halt once more: a run's id, or `vmi/NAME/NAMESPACE`.
    pub again: String,
}

/// One pod on its way out.
#[derive(Debug, Clone)]
struct Leaving {
    pod: DebugPodSeen,
    /// The object is gone.
    gone: bool,
    /// Its container has run at some time, so that it may have changed something.
    ran: bool,
    /// Why it could not be told to end.
    refused: Option<String>,
}

/// Tells whether the API server would let a pod go; nothing is written.
pub async fn would_delete(cluster: &Cluster, pod: &DebugPodSeen) -> Result<(), ClusterError> {
    delete(cluster, pod, true).await
}

/// Halts runs, all at once. `claimed` are VMs that other live runs have in hand, with the run's id: nobody looks into those.
pub async fn halt(
    cluster: &Cluster,
    runs: Vec<LiveRun>,
    claimed: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Vec<Halted> {
    let ended = join_all(runs.iter().map(|run| end(cluster, run))).await;
    let halted = runs.into_iter().zip(ended).map(|(run, pods)| async {
        let mut halted = Halted {
            run,
            told: Vec::new(),
            left: Vec::new(),
        };
        for pod in &pods {
            settle(cluster, pod, claimed, annotations, &mut halted).await;
        }
        halted.run.pods = pods.into_iter().map(|leaving| leaving.pod).collect();
        halted
    });
    join_all(halted).await
}

/// Tells all pods of a run to end and waits until they have.
async fn end(cluster: &Cluster, run: &LiveRun) -> Vec<Leaving> {
    let mut namespaces: BTreeMap<&str, Vec<Leaving>> = BTreeMap::new();
    for pod in &run.pods {
        namespaces
            .entry(&pod.namespace)
            .or_default()
            .push(Leaving::new(pod.clone()));
    }
    let ends = namespaces
        .into_iter()
        .map(|(namespace, pods)| end_in(cluster, namespace, &run.id, pods));
    join_all(ends).await.into_iter().flatten().collect()
}

async fn end_in(cluster: &Cluster, namespace: &str, run: &str, mut pods: Vec<Leaving>) -> Vec<Leaving> {
    let mut changes = watch::pods(cluster, namespace, &format!("{LABEL_RUN}={run}"), None);
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
    let params = DeleteParams {
        dry_run,
        preconditions: Some(Preconditions {
            uid: Some(pod.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace);
    match api.delete(&pod.name, &params).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let ask = Ask::new("delete", "", "pods").namespace(&pod.namespace).name(&pod.name);
            Err(cluster.explain(&error, &ask))
        }
    }
}

fn refuse(pods: &mut [Leaving], error: &ClusterError) {
    for pod in pods.iter_mut().filter(|pod| !pod.gone) {
        pod.refused = Some(error.message.clone());
    }
}

fn take(pods: &mut [Leaving], change: Change<Pod>) {
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

fn known<'a>(pods: &'a mut [Leaving], seen: &DebugPodSeen) -> Option<&'a mut Leaving> {
    pods.iter_mut().find(|pod| pod.pod.uid == seen.uid)
}

// === impl Leaving ===

impl Leaving {
    fn new(pod: DebugPodSeen) -> Self {
        let ran = has_run(&pod);
        Self {
            pod,
            gone: false,
            ran,
            refused: None,
        }
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

/// Finds out whether anything of a pod is left.
async fn settle(
    cluster: &Cluster,
    leaving: &Leaving,
    claimed: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    halted: &mut Halted,
) {
    let pod = &leaving.pod;
    let still = |why: &str| Left {
        what: format!("debug pod {} on {} {why}", pod.key(), pod.node),
        again: pod.run.clone(),
    };
    if let Some(verdict) = pod.state.verdict() {
        if verdict.is_clean() {
            if let Some(why) = leaving.refused.as_ref().filter(|_| !leaving.gone) {
                // Nothing is in place; the object stays.
                halted
                    .told
                    .push(format!("the finished pod could not be deleted: {why}"));
            }
            return;
        }
    } else if let Some(why) = &leaving.refused {
        return halted.left.push(still(&format!("could not be ended: {why}")));
    } else if !leaving.gone {
        return halted.left.push(still(&format!(
            "was told to end and has not within {} s",
            END_LIMIT.as_secs()
        )));
    } else if !leaving.ran {
        return halted.told.push("it had not started".to_owned());
    } else if pod.changes_nothing() {
        return halted.told.push("it was only looking".to_owned());
    }
    if pod.targets.is_empty() {
        return halted.left.push(still("does not say which VMs it was about"));
    }
    look_into(cluster, pod, claimed, annotations, halted).await;
}

/// Nobody vouched for these VMs: look.
async fn look_into(
    cluster: &Cluster,
    pod: &DebugPodSeen,
    claimed: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    halted: &mut Halted,
) {
    let left = |key: &str, why: String| Left {
        what: format!("{key}: {why}"),
        again: vmi(key),
    };
    let mut free = Vec::new();
    for key in &pod.targets {
        match claimed.get(key) {
            // What is there now is that run's, and it would not have begun on top of another.
            Some(run) => halted.left.push(left(
                key,
                format!("run {run} has this VM now, so that nobody looked into it"),
            )),
            None => free.push(key.clone()),
        }
    }
    let places = match prove::places(cluster, &free).await {
        Ok(places) => places,
        Err(error) => {
            let all = free
                .iter()
                .map(|key| left(key, format!("it could not be found: {}", error.message)));
            return halted.left.extend(all);
        }
    };
    let mut there = Vec::new();
    for (key, place) in places {
        match place {
            Some(target) => there.push(target),
            None => halted.told.push(format!("{key} does not run any more")),
        }
    }
    let order = Order {
        run: pod.run.clone(),
        namespace: pod.namespace.clone(),
        image: Some(pod.image.clone()).filter(|image| !image.is_empty()),
        annotations: annotations.clone(),
    };
    for (key, swept) in prove::sweep(cluster, &prove::jobs(&order, there)).await {
        match swept {
            Ok(swept) => halted.told.push(swept.words()),
            Err(what) => halted.left.push(Left { what, again: vmi(&key) }),
        }
    }
}

/// `namespace/name` as `halt` takes it.
pub fn vmi(key: &str) -> String {
    match key.split_once('/') {
        Some((namespace, name)) => format!("vmi/{name}/{namespace}"),
        None => format!("vmi/{key}"),
    }
}
