//! A look at a node by a short-lived debug pod: its kernel, and whether the image's tools work there. Nothing is changed.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use super::one_shot_pod::{Next, OneShotPod};
use crate::cluster::Cluster;
use crate::fault::AgentImage;
use crate::node::pod::DebugPod;
use crate::node::wire::Event;
use crate::problem::{Problem, Reason};

/// The label of a pod that looks at a node instead of doing something to VMs.
pub(crate) const FAULT: &str = "check";

/// The agent tries what the node can do before its first word; a module that has to be loaded takes a moment.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// One node to be looked at.
#[derive(Debug, Clone)]
pub(crate) struct NodeCheck {
    /// Label of the pod.
    pub run: String,
    /// Number of the pod within the run.
    pub number: usize,
    pub node: String,
    pub namespace: String,
    pub image: AgentImage,
    pub annotations: BTreeMap<String, String>,
    /// How long the pod may take to start.
    pub start_limit: Duration,
}

/// What the agent found on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeFacts {
    pub kernel: String,
    /// Version of tc in the image.
    pub tc: String,
    pub shell: String,
    pub netem: Option<bool>,
    pub filter: Filtering,
    /// A tool that the image lacks, in the agent's words.
    pub lacks: Option<String>,
}

/// What a filter can be put in place with on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Filtering {
    /// The node was not asked, or did not say.
    #[default]
    Unknown,
    Nothing,
    Nft {
        /// Whether it can reject as well as drop.
        reject: bool,
    },
    Tc,
}

// === impl NodeCheck ===

impl NodeCheck {
    /// The pod that looks: its plan names a VM that is on no node, so that there is nothing to be done to anybody.
    pub(crate) fn pod(&self) -> DebugPod {
        DebugPod {
            run: self.run.clone(),
            suffix: self.number.to_string(),
            fault: FAULT.to_owned(),
            node: self.node.clone(),
            namespace: self.namespace.clone(),
            image: self.image.clone(),
            service_account: None,
            tolerations: None,
            annotations: self.annotations.clone(),
            plan: "engine any\nvm 0 00000000-0000-0000-0000-000000000000 -\nneed 0 sch_netem\n".to_owned(),
            active_deadline: self.start_limit + ANSWER_LIMIT * 2,
        }
    }
}

/// Looks at a node; the error says why nobody could, and what to do.
pub(crate) async fn run(cluster: &Cluster, check: &NodeCheck) -> Result<NodeFacts, Problem> {
    let one_shot = OneShotPod {
        cluster,
        pod: check.pod(),
        start_limit: check.start_limit,
        answer_limit: ANSWER_LIMIT,
    };
    let mut facts = NodeFacts::default();
    let (result, pod) = one_shot
        .run(pending(), |event| {
            if take(&mut facts, event) {
                Next::Done(())
            } else {
                Next::Listen
            }
        })
        .await;
    pod.finish().await;
    result.map(|()| facts)
}

/// Notes what an event says; `true` when that was all.
fn take(facts: &mut NodeFacts, event: Event) -> bool {
    match event {
        Event::Hello {
            kernel,
            tc,
            shell,
            netem,
            engine,
            nft,
            reject,
            flower,
        } => {
            *facts = NodeFacts {
                kernel,
                tc,
                shell,
                netem,
                filter: match engine.as_deref() {
                    Some("nft") => Filtering::Nft {
                        reject: reject == Some(true),
                    },
                    Some("tc") => Filtering::Tc,
                    None if nft == Some(false) && flower == Some(false) => Filtering::Nothing,
                    _ => Filtering::Unknown,
                },
                lacks: None,
            };
            false
        }
        // The VM that is on no node is refused, for that reason or for one that comes before it.
        Event::Refused { reason, detail, .. } => {
            match Reason::of_node(&reason) {
                Reason::NoProcess => {}
                Reason::NoNetem => facts.netem = Some(false),
                _ => facts.lacks = Some(if detail.is_empty() { reason } else { detail }),
            }
            true
        }
        Event::End { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::ImageSource;

    fn refused(reason: &str, detail: &str) -> Event {
        Event::Refused {
            vm: 0,
            reason: reason.into(),
            device: None,
            detail: detail.into(),
        }
    }

    fn hello(netem: Option<bool>) -> Event {
        Event::Hello {
            kernel: "6.1".into(),
            tc: "iproute2-6.1.0".into(),
            shell: "dash".into(),
            netem,
            engine: Some("nft".into()),
            nft: Some(true),
            reject: Some(false),
            flower: Some(true),
        }
    }

    #[test]
    fn a_vm_that_is_on_no_node_ends_the_look_and_is_no_complaint() {
        let mut facts = NodeFacts::default();
        assert!(!take(&mut facts, hello(Some(true))));
        assert!(take(&mut facts, refused("no-process", "")));
        assert_eq!(
            (facts.netem, facts.lacks, facts.kernel.as_str()),
            (Some(true), None, "6.1")
        );
        assert_eq!(facts.filter, Filtering::Nft { reject: false });
    }

    #[test]
    fn a_node_without_netem_and_an_image_without_tools_are_told_apart() {
        let mut facts = NodeFacts::default();
        take(&mut facts, hello(None));
        take(&mut facts, refused("no-netem", ""));
        assert_eq!((facts.netem, &facts.lacks), (Some(false), &None));
        take(&mut facts, refused("no-tool", "nsenter"));
        assert_eq!(facts.lacks.as_deref(), Some("nsenter"));
    }

    #[test]
    fn the_end_of_the_agent_ends_the_look_and_its_heartbeat_does_not() {
        assert!(take(&mut NodeFacts::default(), Event::End { leaked: 0 }));
        assert!(!take(&mut NodeFacts::default(), Event::Hb));
    }

    #[test]
    fn an_image_has_no_filter_only_where_both_are_known_to_be_missing() {
        let filter = |nft: Option<bool>, flower: Option<bool>| {
            let mut facts = NodeFacts::default();
            let event = Event::Hello {
                kernel: String::new(),
                tc: String::new(),
                shell: String::new(),
                netem: None,
                engine: None,
                nft,
                reject: None,
                flower,
            };
            take(&mut facts, event);
            facts.filter
        };
        assert_eq!(filter(Some(false), Some(false)), Filtering::Nothing);
        for (nft, flower) in [
            (Some(false), Some(true)),
            (Some(true), Some(false)),
            (None, Some(false)),
            (None, None),
        ] {
            assert_eq!(filter(nft, flower), Filtering::Unknown, "{nft:?} {flower:?}");
        }
    }

    #[test]
    fn kubernetes_ends_a_pod_that_looks_later_than_the_command_would() {
        let check = NodeCheck {
            run: "k3f9ab".into(),
            number: 0,
            node: "n".into(),
            namespace: "vmchaos".into(),
            image: AgentImage::new("i", ImageSource::Flag),
            annotations: BTreeMap::new(),
            start_limit: Duration::from_secs(20),
        };
        assert_eq!(check.pod().active_deadline, Duration::from_secs(20 + 2 * 30));
    }
}
