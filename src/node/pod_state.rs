//! What a debug pod's status says about the agent's life: on its way, running, ended, gone.

use k8s_openapi::api::core::v1::{ContainerState, Pod};

use super::pod::CONTAINER;
use super::verdict::Verdict;

/// The state of a debug pod, read off the object.
#[derive(Debug, Clone, PartialEq)]
pub enum PodState {
    /// Created, and nothing heard from the node yet.
    Pending,
    /// The node has it; the reason and message say what it waits for, where it does.
    Starting {
        reason: Option<String>,
        message: Option<String>,
    },
    Running,
    /// The agent's container has ended.
    Ended {
        exit_code: i32,
        verdict: Option<Verdict>,
        why: String,
    },
    /// The object is no longer there; the last verdict seen on it, if any.
    Deleted {
        verdict: Option<Verdict>,
    },
}

impl PodState {
    /// Reads the state off a pod object that exists.
    pub fn of(pod: &Pod) -> Self {
        let Some(status) = &pod.status else {
            return Self::Pending;
        };
        let container = status
            .container_statuses
            .iter()
            .flatten()
            .find(|status| status.name == CONTAINER);
        if let Some(ContainerState {
            terminated: Some(end), ..
        }) = container.and_then(|c| c.state.as_ref())
        {
            return Self::Ended {
                exit_code: end.exit_code,
                verdict: end.message.as_deref().and_then(Verdict::parse),
                why: end.reason.clone().unwrap_or_default(),
            };
        }
        if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
            // Refused by the kubelet (OutOfcpu, NodeAffinity …) or ended by its deadline before the container ran.
            return Self::Ended {
                exit_code: -1,
                verdict: None,
                why: [status.reason.as_deref(), status.message.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(": "),
            };
        }
        match container.and_then(|c| c.state.as_ref()) {
            Some(ContainerState { running: Some(_), .. }) => Self::Running,
            Some(ContainerState {
                waiting: Some(waiting), ..
            }) => Self::Starting {
                reason: waiting.reason.clone(),
                message: waiting.message.clone(),
            },
            _ if status.start_time.is_some() => Self::Starting {
                reason: None,
                message: None,
            },
            _ => Self::Pending,
        }
    }

    /// The verdict that outlived the stream, where there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Ended { verdict, .. } | Self::Deleted { verdict } => verdict.as_ref(),
            _ => None,
        }
    }

    /// Whether the agent can no longer be running.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Deleted { .. })
    }

    /// Why waiting longer is of no use, in words, with the next step.
    pub fn hopeless(&self) -> Option<(String, &'static str)> {
        match self {
            Self::Starting {
                reason: Some(reason),
                message,
            } => {
                let hint = match reason.as_str() {
                    "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
                        "name an image the node can pull with --image; it needs sh, nsenter, iproute2 and nft"
                    }
                    "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                        "see the pod's events"
                    }
                    _ => return None,
                };
                let message = message.as_deref().unwrap_or_default();
                Some((format!("{reason}: {message}").trim_end_matches(": ").to_owned(), hint))
            }
            Self::Ended { why, exit_code, .. } => Some((
                format!("it ended before it could be used (exit code {exit_code}): {why}"),
                "see its log",
            )),
            Self::Deleted { .. } => Some((
                "it was deleted before it could be used".to_owned(),
                "run the command again",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(status: &serde_json::Value) -> PodState {
        PodState::of(&serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap())
    }

    #[test]
    fn a_container_that_ended_carries_the_agents_verdict() {
        let state = state(&json!({"phase": "Succeeded", "containerStatuses": [{
            "name": "agent", "ready": false, "restartCount": 0, "image": "i", "imageID": "i",
            "state": {"terminated": {"exitCode": 0, "message": "{\"run\":\"r\",\"vms\":[[0,\"restored\",\"deadline\",1.0]]}"}}}]}));
        assert_eq!(state.verdict().unwrap().vms.len(), 1);
        assert!(state.is_over());
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_hopeless_only_when_the_kubelet_backs_off() {
        let waiting = |reason: &str| {
            state(&json!({"phase": "Pending", "containerStatuses": [{
                "name": "agent", "ready": false, "restartCount": 0, "image": "i", "imageID": "",
                "state": {"waiting": {"reason": reason, "message": "no such host"}}}]}))
        };
        assert!(waiting("ErrImagePull").hopeless().is_none());
        assert!(
            waiting("ImagePullBackOff")
                .hopeless()
                .unwrap()
                .0
                .contains("no such host")
        );
    }

    #[test]
    fn a_pod_refused_by_the_kubelet_says_why() {
        let state = state(&json!({"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected"}));
        assert!(state.hopeless().unwrap().0.contains("OutOfcpu: Pod was rejected"));
    }
    #[test]
    fn a_pod_starts_when_its_node_has_it_and_its_agent_is_over_when_its_container_has_ended() {
        let agent = |state: &serde_json::Value| {
            state_of(
                &json!([{"name": "agent", "ready": false, "restartCount": 0, "image": "i", "imageID": "i", "state": state}]),
            )
        };
        assert_eq!(state(&json!({"phase": "Pending"})), PodState::Pending);
        let waits = |reason: Option<&str>| PodState::Starting {
            reason: reason.map(str::to_owned),
            message: None,
        };
        assert_eq!(
            state(&json!({"phase": "Pending", "startTime": "2026-11-20T12:00:00Z"})),
            waits(None)
        );
        let waiting = agent(&json!({"waiting": {"reason": "ContainerCreating"}}));
        assert_eq!(waiting, waits(Some("ContainerCreating")));
        let running = agent(&json!({"running": {}}));
        assert_eq!(running, PodState::Running);
        for state in [PodState::Pending, waiting, running] {
            assert!(!state.is_over() && state.verdict().is_none(), "{state:?}");
        }
        for state in [
            agent(&json!({"terminated": {"exitCode": 1}})),
            PodState::Deleted { verdict: None },
        ] {
            assert!(state.is_over(), "{state:?}");
        }
    }

    fn state_of(containers: &serde_json::Value) -> PodState {
        state(&json!({"phase": "Running", "startTime": "2026-11-20T12:00:00Z", "containerStatuses": containers}))
    }

    #[test]
    fn another_container_of_the_pod_says_nothing_about_the_agent() {
        let sidecar = json!({"name": "proxy", "ready": false, "restartCount": 0, "image": "i", "imageID": "i",
            "state": {"terminated": {"exitCode": 0}}});
        assert!(matches!(state_of(&json!([sidecar])), PodState::Starting { .. }));
    }

    #[test]
    fn what_waiting_is_of_no_use_for_says_why_and_what_to_do() {
        let waiting = |reason: &str| PodState::Starting {
            reason: Some(reason.to_owned()),
            message: None,
        };
        let hopeless = |state: PodState| state.hopeless().map(|(why, hint)| format!("{why}; {hint}"));
        for reason in [
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
        ] {
            let told = format!("{reason}; see the pod's events");
            assert_eq!(hopeless(waiting(reason)), Some(told));
        }
        for reason in ["ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"] {
            assert!(hopeless(waiting(reason)).unwrap().contains("--image"), "{reason}");
        }
        assert_eq!(hopeless(waiting("ContainerCreating")), None);
        assert_eq!(hopeless(PodState::Running), None);
        assert_eq!(
            hopeless(PodState::Deleted { verdict: None }).as_deref(),
            Some("it was deleted before it could be used; run the command again")
        );
    }
}
