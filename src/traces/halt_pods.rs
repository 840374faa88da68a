//! Ends a run of debug pods from outside: they are told to end, what they say at their end is read, and what nobody vouched for is
//! looked into.
//!
//! ```text
//! delete (by uid) ── watch ──> verdict: nothing left ───────────────────────> proven
//!                       └────> gone without a word, or with a bad one ── sweep ┴──> left: what, and the command
//! ended before, without a word or with a bad one ── sweep ──> proven ── delete
//! ```

use super::delete_pods::{Deletion, END_LIMIT, end};
use super::halt::How;
use super::prove::{self, Place};
use crate::cluster::Cluster;
use crate::problem::Problem;
use crate::run::words::vmi;
use crate::traces::debug_pods::{DebugPodSeen, Life, LiveRun};

/// A run that was told to end.
pub(super) struct Halted {
    pub(super) run: LiveRun,
    /// What was found beyond the verdicts of its pods.
    pub(super) told: Vec<String>,
    /// What may still be in place.
    pub(super) left: Vec<Problem>,
}

/// Halts a run, and looks into the VMs that nobody vouches for.
pub(super) async fn halt(cluster: &Cluster, run: LiveRun, how: &How<'_>) -> Halted {
    // One that has ended and left something, or may have, is what marks the run: it stays until nothing is left.
    let marks = |pod: &DebugPodSeen| !pod.changes_nothing() && matches!(pod.life(), Life::Leaked | Life::Unproven);
    let (marks, others): (Vec<DebugPodSeen>, Vec<DebugPodSeen>) = run.pods.iter().cloned().partition(marks);
    let mut halted = Halted {
        run,
        told: Vec::new(),
        left: Vec::new(),
    };
    let mut pods = end(cluster, &halted.run.id, others).await;
    for pod in &pods {
        settle(cluster, pod, how, &mut halted).await;
    }
    let (mut proven, mut unproven) = (Vec::new(), Vec::new());
    for pod in marks {
        let before = halted.left.len();
        prove(cluster, &pod, how, &mut halted).await;
        let is_proven = halted.left.len() == before;
        if is_proven { &mut proven } else { &mut unproven }.push(pod);
    }
    let ended = end(cluster, &halted.run.id, proven).await;
    for why in ended.iter().filter_map(Deletion::not_deleted) {
        halted.told.push(why);
    }
    pods.extend(ended);
    halted.run.pods = pods.into_iter().map(|deletion| deletion.pod).chain(unproven).collect();
    halted
}

/// Finds out whether anything of a pod is left.
async fn settle(cluster: &Cluster, deletion: &Deletion, how: &How<'_>, halted: &mut Halted) {
    match standing(deletion) {
        Standing::Clean => halted.told.extend(deletion.not_deleted()),
        Standing::Nothing(why) => halted.told.push(why.to_owned()),
        Standing::There(why) => halted.left.push(about(&deletion.pod, &why, how)),
        Standing::Unproven => prove(cluster, &deletion.pod, how, halted).await,
    }
}

/// What is known of a pod that was told to end.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// It has vouched for its VMs; the object may stay.
    Clean,
    /// It cannot have left anything, and why.
    Nothing(&'static str),
    /// It may still be at work, and why.
    There(String),
    /// It is over, and did not vouch for its VMs.
    Unproven,
}

fn standing(deletion: &Deletion) -> Standing {
    if let Some(verdict) = deletion.pod.state.verdict() {
        return if verdict.is_clean() {
            Standing::Clean
        } else {
            Standing::Unproven
        };
    }
    if let Some(why) = &deletion.refused {
        return Standing::There(format!("could not be ended: {why}"));
    }
    if !deletion.gone {
        let limit = END_LIMIT.as_secs();
        return Standing::There(format!("was told to end and has not within {limit} s"));
    }
    if !deletion.ran {
        return Standing::Nothing("it had not started");
    }
    if deletion.pod.changes_nothing() {
        return Standing::Nothing("it was only looking");
    }
    Standing::Unproven
}

/// Looks into the VMs of a pod that did not vouch for them.
async fn prove(cluster: &Cluster, pod: &DebugPodSeen, how: &How<'_>, halted: &mut Halted) {
    let still = |why: &str| about(pod, why, how);
    if pod.odd_targets > 0 {
        let why = format!("names {} targets that no VMI can be called", pod.odd_targets);
        halted.left.push(still(&why));
    } else if pod.targets.is_empty() {
        return halted.left.push(still("does not say which VMs it was about"));
    }
    look_into(cluster, pod, how, halted).await;
}

/// Nobody vouched for these VMs: look.
async fn look_into(cluster: &Cluster, pod: &DebugPodSeen, how: &How<'_>, halted: &mut Halted) {
    let left = |key: &str, why: String| how.left(&format!("{key}: {why}"), &vmi(key));
    let mut free = Vec::new();
    for key in &pod.targets {
        match how.claimed.get(key) {
            // What is there now is that run's, and it would not have begun on top of another.
            Some(run) => {
                let what = format!(
                    "{key}: run {run} has this VM now, so that nobody looked into it; when that is over, repeat this"
                );
                halted.left.push(how.left(&what, &pod.run));
            }
            None => free.push(key.clone()),
        }
    }
    let places = match prove::places(cluster, &free, how.sweeping.image.as_ref()).await {
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
            Place::Guest(guest) => there.push(*guest),
            Place::Nothing(why) => halted.told.push(format!("{key} {why}")),
            Place::Hidden(why) => halted
                .left
                .push(left(&key, format!("nobody could look into it: {why}"))),
        }
    }
    let mut jobs = prove::jobs(&pod.run, how.sweeping, there);
    if let Err(error) = prove::place(cluster, how.sweeping, &mut jobs).await {
        let why = match &error.hint {
            Some(hint) => format!("nobody could look into it: {}; {hint}", error.message),
            None => format!("nobody could look into it: {}", error.message),
        };
        let targets = jobs.iter().flat_map(|job| &job.targets);
        return halted
            .left
            .extend(targets.map(|target| left(&target.key(), why.clone())));
    }
    for (key, swept) in prove::sweep(cluster, &jobs).await {
        match swept {
            Ok(swept) => halted.told.push(swept.words()),
            Err(what) => halted.left.push(how.left(&what, &vmi(&key))),
        }
    }
}

/// What is to be said of a debug pod.
fn about(pod: &DebugPodSeen, why: &str, how: &How<'_>) -> Problem {
    how.left(&format!("debug pod {} on {} {why}", pod.key(), pod.node), &pod.run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::node_check;
    use serde_json::{Value, json};

    /// A pod that was told to end, has run and is gone.
    fn gone(fault: &str, message: Option<&str>) -> Deletion {
        let state: Value = match message {
            Some(message) => json!({"terminated": {"exitCode": 0, "message": message}}),
            None => json!({"running": {}}),
        };
        let object = json!({
            "metadata": {"name": "p", "namespace": "vmchaos", "uid": "u", "labels": {
                "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": fault}},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "agent", "ready": true, "restartCount": 0, "image": "i", "imageID": "i", "state": state}]}});
        Deletion {
            pod: DebugPodSeen::of(&serde_json::from_value(object).unwrap()).unwrap(),
            gone: true,
            ran: true,
            refused: None,
        }
    }

    #[test]
    fn what_nobody_vouched_for_is_unproven_unless_it_cannot_have_changed_anything() {
        let told = |state: &str| format!(r#"{{"run":"k3f9ab","vms":[[0,"{state}","term",1.0]]}}"#);
        assert_eq!(standing(&gone("netem", Some(&told("restored")))), Standing::Clean);
        assert_eq!(standing(&gone("netem", Some(&told("leaked")))), Standing::Unproven);
        assert_eq!(standing(&gone("netem", None)), Standing::Unproven);
        let never_ran = Deletion {
            ran: false,
            ..gone("netem", None)
        };
        assert_eq!(standing(&never_ran), Standing::Nothing("it had not started"));
        let looking = gone(node_check::FAULT, None);
        assert_eq!(standing(&looking), Standing::Nothing("it was only looking"));
    }

    #[test]
    fn a_pod_that_may_still_be_at_work_is_not_looked_after() {
        let there = |deletion: Deletion| match standing(&deletion) {
            Standing::There(why) => why,
            other => panic!("{other:?}"),
        };
        let still = || Deletion {
            gone: false,
            ..gone("netem", None)
        };
        assert_eq!(there(still()), "was told to end and has not within 30 s");
        let refused = Deletion {
            refused: Some("forbidden".into()),
            ..still()
        };
        assert_eq!(there(refused), "could not be ended: forbidden");
    }
}
