//! Everybody's runs as `status` and `halt` show them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::node::pod_state::PodState;
use crate::node::verdict::{EndState, Verdict};
use crate::node::wire::By;
use crate::report::{RunItem, RunState, Seconds, Time};
use crate::traces::debug_pods::{DebugPodSeen, Life, LiveRun};

/// A run as a list shows it; what is left of it is counted from `now`.
pub fn item(run: &LiveRun, now: Time) -> RunItem {
    let life = run.life();
    let over = matches!(life, Life::Finished | Life::NeverRan | Life::Leaked | Life::Unproven);
    let first = |of: fn(&DebugPodSeen) -> Option<&String>| run.pods.iter().find_map(of).cloned();
    let left = run.pods.iter().filter_map(|pod| left(pod, now)).max();
    RunItem {
        id: run.id.clone(),
        fault: run.pods.first().map(|pod| pod.fault.clone()).unwrap_or_default(),
        effect: first(|pod| pod.what.as_ref()),
        state: state(life),
        user: first(|pod| pod.user.as_ref()),
        reason: first(|pod| pod.reason.as_ref()),
        started_at: run.pods.iter().filter_map(|pod| pod.since).min().map(Time),
        duration_seconds: run.pods.iter().filter_map(|pod| pod.total).max().map(Seconds),
        left_seconds: left.filter(|_| !over).map(Seconds),
        targets: unique(run.pods.iter().flat_map(|pod| pod.targets.clone())),
        nodes: unique(run.pods.iter().map(|pod| pod.node.clone())),
        pods: run.pods.iter().map(DebugPodSeen::key).collect(),
        detail: detail(run),
    }
}

/// A life as lists show it.
pub fn state(life: Life) -> RunState {
    match life {
        Life::Leaked => RunState::Leaked,
        Life::Unproven => RunState::Unproven,
        Life::Ending => RunState::Ending,
        Life::Running => RunState::Running,
        Life::Detached => RunState::Detached,
        Life::Starting => RunState::Starting,
        Life::NeverRan => RunState::Failed,
        Life::Finished => RunState::Finished,
    }
}

/// Time until the node ends it at the latest; not less than nothing where clocks differ.
fn left(pod: &DebugPodSeen, now: Time) -> Option<Duration> {
    match pod.life() {
        Life::Starting => pod.total,
        Life::Running | Life::Detached | Life::Ending => {
            let left = pod.ends_at()?.duration_since(now.0);
            Some(Duration::try_from(left).unwrap_or_default())
        }
        _ => None,
    }
}

/// Each once, without empty ones, in their order.
pub(super) fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !name.is_empty() && !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// What there is to say about the pods beyond the state, each thing once.
fn detail(run: &LiveRun) -> Option<String> {
    let verdicts: Vec<&Verdict> = run.pods.iter().filter_map(|pod| pod.state.verdict()).collect();
    let told = (!verdicts.is_empty()).then(|| summary(&verdicts));
    let others = run.pods.iter().filter_map(|pod| match &pod.state {
        PodState::Starting {
            reason: Some(reason),
            message,
        } => Some(match message {
            Some(message) => format!("{reason}: {message}"),
            None => reason.clone(),
        }),
        PodState::Ended { verdict: None, why, .. } if pod.life() == Life::NeverRan => Some(why.clone()),
        PodState::Ended {
            verdict: None,
            why,
            exit_code,
        } => Some(format!("no verdict (exit code {exit_code}, {why})")),
        _ => None,
    });
    let all = unique(told.into_iter().chain(others));
    (!all.is_empty()).then(|| all.join("; "))
}

/// e.g. `2 restored (deadline), 1 gone`
pub fn summary(verdicts: &[&Verdict]) -> String {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (_, state, by, _) in verdicts.iter().flat_map(|verdict| &verdict.vms) {
        let by = if *state == EndState::Gone { "" } else { reason(*by) };
        *counts.entry((state.word(), by)).or_default() += 1;
    }
    let more: u32 = verdicts.iter().map(|verdict| verdict.more).sum();
    let mut parts: Vec<String> = counts
        .iter()
        .map(|((state, by), count)| match *by {
            "" => format!("{count} {state}"),
            by => format!("{count} {state} ({by})"),
        })
        .collect();
    if more > 0 {
        parts.push(format!("{more} more restored"));
    }
    let open: u32 = verdicts.iter().filter_map(|verdict| verdict.armed).sum();
    if open > 0 {
        parts.push(format!("{open} without a verdict"));
    }
    if parts.is_empty() {
        return "nothing was changed".to_owned();
    }
    parts.join(", ")
}

fn reason(by: By) -> &'static str {
    match by {
        By::Deadline => "deadline",
        By::Rollback => "rollback",
        By::LostOperator => "lost operator",
        By::Silence => "silence",
        By::Term => "told to end",
        By::Sentinel => "a process of the run was killed",
        By::Gone | By::Other => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, state: PodState) -> DebugPodSeen {
        DebugPodSeen {
            namespace: "vmchaos".into(),
            name: name.into(),
            uid: name.into(),
            run: "k3f9ab".into(),
            fault: "netem".into(),
            node: "node-1".into(),
            state,
            leaving: false,
            since: "2026-11-20T12:00:00Z".parse().ok(),
            user: Some("jane".into()),
            reason: None,
            what: Some("latency 100ms".into()),
            targets: vec!["default/web-1".into()],
            odd_targets: 0,
            total: Some(Duration::from_secs(120)),
            detached: false,
        }
    }

    fn run(pods: Vec<DebugPodSeen>) -> RunItem {
        let runs = LiveRun::group(pods);
        item(&runs[0], Time("2026-11-20T12:00:30Z".parse().unwrap()))
    }

    fn verdict(text: &str) -> Verdict {
        Verdict::parse(text).unwrap()
    }

    #[test]
    fn a_running_run_says_how_long_it_can_still_take() {
        let item = run(vec![pod("a", PodState::Running), pod("b", PodState::Running)]);
        assert_eq!(
            (item.state, item.left_seconds),
            (RunState::Running, Some(Seconds(Duration::from_secs(90))))
        );
        assert_eq!((item.targets.len(), item.nodes.len(), item.pods.len()), (1, 1, 2));
        assert_eq!(item.detail, None);
    }

    #[test]
    fn a_deadline_that_has_passed_by_our_clock_is_no_time_left() {
        let mut late = pod("a", PodState::Running);
        late.since = "2026-11-20T11:00:00Z".parse().ok();
        assert_eq!(run(vec![late]).left_seconds, Some(Seconds(Duration::ZERO)));
    }

    #[test]
    fn a_finished_run_tells_its_verdict() {
        let text = r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0],[1,"restored","deadline",1.0],[2,"gone","gone",1.0]],"more":3}"#;
        let ended = PodState::Ended {
            exit_code: 0,
            verdict: Some(verdict(text)),
            why: "Completed".into(),
        };
        let item = run(vec![pod("a", ended)]);
        assert_eq!((item.state, item.left_seconds), (RunState::Finished, None));
        assert_eq!(
            item.detail.as_deref(),
            Some("1 gone, 2 restored (deadline), 3 more restored")
        );
    }

    #[test]
    fn a_verdict_that_lacks_a_vm_says_so() {
        let text = r#"{"run":"k3f9ab","vms":[[0,"restored","deadline",1.0]],"armed":2}"#;
        let ended = PodState::Ended {
            exit_code: 137,
            verdict: Some(verdict(text)),
            why: "Error".into(),
        };
        let item = run(vec![pod("a", ended)]);
        assert_eq!(item.state, RunState::Unproven);
        assert_eq!(
            item.detail.as_deref(),
            Some("1 restored (deadline), 2 without a verdict")
        );
    }

    #[test]
    fn an_end_without_a_verdict_is_not_called_finished() {
        let ended = PodState::Ended {
            exit_code: 137,
            verdict: None,
            why: "OOMKilled".into(),
        };
        let item = run(vec![pod("a", ended)]);
        assert_eq!(item.state, RunState::Unproven);
        assert_eq!(item.detail.as_deref(), Some("no verdict (exit code 137, OOMKilled)"));
    }

    #[test]
    fn a_pod_that_does_not_start_says_what_it_waits_for() {
        let state = PodState::Starting {
            reason: Some("ErrImagePull".into()),
            message: Some("no such host".into()),
        };
        let item = run(vec![pod("a", state)]);
        assert_eq!(
            (item.state, item.left_seconds),
            (RunState::Starting, Some(Seconds(Duration::from_secs(120)))),
            "all of its time is to come"
        );
        assert_eq!(item.detail.as_deref(), Some("ErrImagePull: no such host"));
    }
    #[test]
    fn a_pod_that_the_kubelet_turned_away_says_why() {
        let ended = PodState::Ended {
            exit_code: -1,
            verdict: None,
            why: "OutOfcpu: Pod was rejected".into(),
        };
        let item = run(vec![pod("a", ended)]);
        assert_eq!((item.state, item.left_seconds), (RunState::Failed, None));
        assert_eq!(item.detail.as_deref(), Some("OutOfcpu: Pod was rejected"));
    }
}
