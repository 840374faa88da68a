//! A sweep: another debug pod looks into the network namespaces of VMs on one node, removes what runs have left there, and reports
//! what it removed. It is made when a run's own debug pod is gone without a verdict, and by `halt vmi/NAME` from any machine.

use std::collections::BTreeMap;
use std::future::pending;

use tokio::time::Duration;

use super::one_shot_pod::{Next, OneShotPod};
use super::words;
use crate::cluster::Cluster;
use crate::fault::Target;
use crate::node::pod::DebugPod;
use crate::node::wire::{Event, Word};
use crate::plan::new_run;
use crate::plan::pod_options::PodOptions;
use crate::plan::{Handle, compile_sweep};
use crate::problem::Reason;

/// From the first word of the agent to its last; each VM takes it a few milliseconds.
const SWEEP_LIMIT: Duration = Duration::from_secs(60);

/// Begins what tells a sweeping pod from the run's others.
pub(crate) const SUFFIX: &str = "sweep-";

/// VMs of one node to be looked into.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Label of the pod, so that it belongs to the run it looks after.
    pub run: String,
    pub fault: String,
    pub node: String,
    pub namespace: String,
    pub pod: PodOptions,
    pub targets: Vec<Target>,
    /// The handle of the one run whose objects go; `None` for those of every run.
    pub only: Option<Handle>,
}

/// What was found in one VM's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Swept {
    /// `namespace/name`
    pub key: String,
    /// Objects of this program that were there and are gone now, e.g. `tap0 netem 7a31:`.
    pub removed: Vec<String>,
    /// The VM's network namespace is gone, and everything in it.
    pub gone: bool,
}

impl Swept {
    /// What was found, in words.
    pub(crate) fn words(&self) -> String {
        if self.gone {
            format!("{} does not run any more", self.key)
        } else if self.removed.is_empty() {
            format!("{}: nothing of this program is there", self.key)
        } else {
            format!("{}: removed {}", self.key, self.removed.join(", "))
        }
    }
}

/// The pod that sweeps.
pub(crate) fn pod(job: &Job) -> Result<DebugPod, String> {
    let mut lines = Vec::new();
    for (index, target) in job.targets.iter().enumerate() {
        lines.extend(compile_sweep(target, index, job.only).map_err(|error| error.to_string())?);
    }
    Ok(DebugPod {
        run: job.run.clone(),
        suffix: format!("{SUFFIX}{}", new_run()),
        fault: job.fault.clone(),
        node: job.node.clone(),
        namespace: job.namespace.clone(),
        image: job.pod.images.on(&job.node).clone(),
        service_account: job.pod.service_account.clone(),
        tolerations: job.pod.tolerations(),
        annotations: job.pod.annotations.clone(),
        plan: lines.join("\n") + "\n",
        active_deadline: job.pod.start_limit + SWEEP_LIMIT * 2,
    })
}

/// Sweeps, and says of each target in its order what was found; the error says what may still be in place, or why nobody
/// could look.
pub(crate) async fn run(cluster: &Cluster, job: &Job) -> Vec<Result<Swept, String>> {
    let nobody = |why: String| job.targets.iter().map(|_| Err(why.clone())).collect();
    let pod = match pod(job) {
        Ok(pod) => pod,
        Err(why) => return nobody(why),
    };
    let one_shot = OneShotPod {
        cluster,
        pod,
        start_limit: job.pod.start_limit,
        answer_limit: SWEEP_LIMIT,
    };
    let mut dialogue = Dialogue::default();
    let (result, pod) = one_shot
        .run(pending(), |event| dialogue.hear(event, &job.targets))
        .await;
    pod.finish().await;
    let unsaid = result
        .err()
        .map_or_else(|| "the agent said nothing of it".to_owned(), |problem| problem.message);
    let said = |vm| dialogue.swept.remove(&vm).unwrap_or_else(|| Err(unsaid.clone()));
    (0..job.targets.len()).map(said).collect()
}

/// What the agent has said so far.
#[derive(Default)]
struct Dialogue {
    swept: BTreeMap<usize, Result<Swept, String>>,
    /// VMs whose namespace was found, until the agent is told to sweep them.
    found: usize,
}

impl Dialogue {
    /// The agent is told to sweep once, as soon as it has found every VM or said why not.
    fn hear(&mut self, event: Event, targets: &[Target]) -> Next<()> {
        if let Some((vm, result)) = answer(event, targets, &mut self.found) {
            self.swept.insert(vm, result);
        }
        if self.swept.len() == targets.len() {
            return Next::Done(());
        }
        if self.found + self.swept.len() == targets.len() {
            self.found = 0;
            return Next::Say(Word::Sweep);
        }
        Next::Listen
    }
}

/// What an event says about a VM, where it settles it. Counts the VMs whose namespace was found in `found`.
fn answer(event: Event, targets: &[Target], found: &mut usize) -> Option<(usize, Result<Swept, String>)> {
    let key = |vm: usize| targets.get(vm).map(Target::key);
    match event {
        Event::Found { .. } => {
            *found += 1;
            None
        }
        Event::Swept { vm, removed, left } if left.is_empty() => Some((
            vm,
            Ok(Swept {
                key: key(vm)?,
                removed,
                gone: false,
            }),
        )),
        Event::Swept { vm, left, .. } => Some((vm, Err(left.join(", ")))),
        Event::Gone { vm, .. } => Some((vm, Ok(gone(key(vm)?)))),
        // The launcher is not on the node any more: its namespace is gone, and everything in it.
        Event::Refused { vm, reason, .. } if Reason::of_node(&reason) == Reason::NoProcess => {
            Some((vm, Ok(gone(key(vm)?))))
        }
        Event::Refused {
            vm,
            reason,
            device,
            detail,
        } => {
            let problem = words::refused(&key(vm)?, &reason, device.as_deref(), &detail);
            Some((vm, Err(problem.message)))
        }
        _ => None,
    }
}

fn gone(key: String) -> Swept {
    Swept {
        key,
        removed: Vec::new(),
        gone: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{AgentImage, AgentImages, ImageSource, testing};

    fn targets() -> Vec<Target> {
        vec![testing::target(Vec::new())]
    }

    fn told(event: Event) -> Option<Result<Swept, String>> {
        answer(event, &targets(), &mut 0).map(|(_, result)| result)
    }

    #[test]
    fn a_namespace_that_is_gone_holds_nothing_of_ours() {
        let refused = |reason: &str| Event::Refused {
            vm: 0,
            reason: reason.into(),
            device: None,
            detail: String::new(),
        };
        assert!(told(refused("no-process")).unwrap().unwrap().gone);
        assert!(told(Event::Gone { vm: 0, held: None }).unwrap().unwrap().gone);
        assert!(told(refused("no-tool")).unwrap().is_err(), "not looked is not clean");
    }

    #[test]
    fn what_could_not_be_removed_is_an_error_that_says_what() {
        let swept = Event::Swept {
            vm: 0,
            removed: Vec::new(),
            left: vec!["tap0 netem 7a31:".into()],
        };
        assert_eq!(told(swept).unwrap().unwrap_err(), "tap0 netem 7a31:");
    }
    #[test]
    fn what_was_removed_is_told_and_nothing_left_is_no_error() {
        let swept = |removed: &[&str]| Event::Swept {
            vm: 0,
            removed: removed.iter().map(|&it| it.to_owned()).collect(),
            left: Vec::new(),
        };
        let words = |event| told(event).unwrap().unwrap().words();
        assert_eq!(words(swept(&[])), "shop/web-1: nothing of this program is there");
        assert_eq!(
            words(swept(&["tap0 netem 7a31:", "eth0 netem 7a31:"])),
            "shop/web-1: removed tap0 netem 7a31:, eth0 netem 7a31:"
        );
        let gone = Event::Gone { vm: 0, held: None };
        assert_eq!(words(gone), "shop/web-1 does not run any more");
    }

    #[test]
    fn the_agent_is_told_to_sweep_once_when_it_has_found_every_vm_or_said_why_not() {
        let two = [targets(), targets()].concat();
        let swept = |vm| Event::Swept {
            vm,
            removed: Vec::new(),
            left: Vec::new(),
        };
        let mut dialogue = Dialogue::default();
        assert_eq!(dialogue.hear(Event::Hb, &two), Next::Listen);
        assert_eq!(dialogue.hear(Event::Found { vm: 0 }, &two), Next::Listen);
        assert_eq!(dialogue.hear(Event::Found { vm: 1 }, &two), Next::Say(Word::Sweep));
        assert_eq!(dialogue.hear(Event::Hb, &two), Next::Listen);
        assert_eq!(dialogue.hear(swept(1), &two), Next::Listen);
        assert_eq!(dialogue.hear(swept(0), &two), Next::Done(()));

        let mut one_gone = Dialogue::default();
        assert_eq!(one_gone.hear(Event::Gone { vm: 0, held: None }, &two), Next::Listen);
        assert_eq!(one_gone.hear(Event::Found { vm: 1 }, &two), Next::Say(Word::Sweep));

        let mut none = Dialogue::default();
        assert_eq!(none.hear(Event::Gone { vm: 0, held: None }, &two), Next::Listen);
        assert_eq!(none.hear(Event::Gone { vm: 1, held: None }, &two), Next::Done(()));
    }

    #[test]
    fn kubernetes_ends_a_pod_that_sweeps_later_than_the_command_would() {
        let seconds = Duration::from_secs;
        let image = AgentImage::new("i", ImageSource::Flag);
        let job = Job {
            run: "k3f9ab".into(),
            fault: "halt".into(),
            node: "n".into(),
            namespace: "vmchaos".into(),
            pod: PodOptions {
                images: AgentImages::everywhere(image),
                namespace: None,
                service_account: None,
                tolerations: None,
                start_limit: seconds(30),
                annotations: BTreeMap::new(),
            },
            targets: targets(),
            only: None,
        };
        assert_eq!(pod(&job).unwrap().active_deadline, seconds(30) + seconds(60) * 2);
    }
}
