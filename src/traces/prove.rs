//! Proves that nothing of a run is left in VMs whose debug pod is gone without a verdict: finds where each VM runs now, and has a
//! sweep look into its network namespace and remove what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::{DEBUG_PODS, FOLLOWED};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::cluster::{Cluster, ClusterError, ErrorKind, LauncherImages, VmiRow, pod_admission, survey};
use crate::fault::{AgentImage, AgentImages, Target};
use crate::faults::permitted::{Places, missing, words};
use crate::node::script::SCRIPT;
use crate::plan::pod_options::{FAULT, PodOptions, TARGETS};
use crate::run::sweep::{self, Job, Swept};

/// How long a sweeping pod may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How sweeping pods are made, whatever they look after: by the flags and the cluster, by nothing that a pod says.
#[derive(Debug, Clone)]
pub(crate) struct Sweeping {
    pub namespaces: PodNamespaces,
    pub service_account: Option<String>,
    /// Instead of KubeVirt's own. Never what a pod that was found runs: whoever could make it would choose.
    pub image: Option<AgentImage>,
    /// Who and why.
    pub annotations: BTreeMap<String, String>,
}

/// Where a VM's guest is now.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Guest(Box<Guest>),
    /// Nothing can be left in it, and why: it does not run, or has nothing that a fault could be on.
    Nothing(&'static str),
    /// It runs, and nobody can look into it, and why.
    Hidden(String),
}

/// A VM that can be looked into.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub target: Target,
    /// What is to look into it.
    pub image: AgentImage,
}

/// Finds VMs, given by `namespace/name`, whatever state they are in. `image` is the one that the operator named instead of
/// KubeVirt's own.
pub(crate) async fn places(
    cluster: &Cluster,
    keys: &[String],
    image: Option<&AgentImage>,
) -> Result<Vec<(String, Place)>, ClusterError> {
    let mut namespaces: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for key in keys {
        let (namespace, _) = key.split_once('/').unwrap_or_default();
        namespaces.entry(namespace).or_default().push(key);
    }
    // Each of its own: one that is gone says nothing about the others.
    let places = namespaces.into_values().map(|keys| places_in_one(cluster, keys, image));
    let places: Vec<_> = join_all(places).await.into_iter().collect::<Result<_, _>>()?;
    Ok(places.into_iter().flatten().collect())
}

/// The same for VMs of one namespace.
async fn places_in_one(
    cluster: &Cluster,
    keys: Vec<&String>,
    image: Option<&AgentImage>,
) -> Result<Vec<(String, Place)>, ClusterError> {
    let names: Vec<NamedTarget> = keys.iter().filter_map(|key| named(key)).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Selection {
        names,
        ..Selection::default()
    };
    let found = match survey(cluster, &selection, &[], None).await {
        Ok(found) => found,
        // Its namespace is gone, and every VM in it.
        Err(error) if error.is_not_found() => {
            let nothing = |key: &String| (key.clone(), Place::Nothing(NOT_RUNNING));
            return Ok(keys.into_iter().map(nothing).collect());
        }
        Err(error) => return Err(error),
    };
    let images = LauncherImages::choose(image.cloned(), &found.images);
    let place = |key: &String| {
        let row = found
            .rows
            .iter()
            .find(|row| *key == format!("{}/{}", row.namespace, row.name));
        (
            key.clone(),
            row.map_or(Place::Nothing(NOT_RUNNING), |row| Place::of(row, &images)),
        )
    };
    Ok(keys.into_iter().map(place).collect())
}

const NOT_RUNNING: &str = "is not running";

impl Place {
    fn of(row: &VmiRow, images: &Result<AgentImages, ClusterError>) -> Self {
        match (&row.placed, images) {
            (Ok(target), Ok(images)) => Self::Guest(Box::new(Guest {
                image: images.on(&target.node).clone(),
                target: target.clone(),
            })),
            // Unknown is a guest whose node does not answer, and may well run.
            _ if !matches!(row.phase.as_str(), "Running" | "Paused" | "Unknown") => Self::Nothing(NOT_RUNNING),
            _ if row.holds_none => Self::Nothing("has no interface that a fault can be on"),
            (Err(why), _) => Self::Hidden(format!("it {why}")),
            (Ok(_), Err(unknown)) => Self::Hidden(match &unknown.hint {
                Some(hint) => format!("{}; {hint}", unknown.message),
                None => unknown.message.clone(),
            }),
        }
    }
}

fn named(key: &str) -> Option<NamedTarget> {
    let (namespace, name) = key.split_once('/')?;
    Some(NamedTarget {
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    })
}

/// One sweeping pod's work a node, for `run`, whose label they carry; [`place`] says in which namespace.
pub(crate) fn jobs(run: &str, how: &Sweeping, guests: Vec<Guest>) -> Vec<Job> {
    let mut nodes: BTreeMap<String, (AgentImage, Vec<Target>)> = BTreeMap::new();
    for Guest { target, image } in guests {
        let (_, targets) = nodes.entry(target.node.clone()).or_insert_with(|| (image, Vec::new()));
        targets.push(target);
    }
    nodes
        .into_iter()
        .map(|(node, (image, targets))| {
            let mut annotations = how.annotations.clone();
            let keys: Vec<String> = targets.iter().map(Target::key).collect();
            annotations.insert(FAULT.to_owned(), "removes what a run left".to_owned());
            annotations.insert(TARGETS.to_owned(), keys.join(","));
            Job {
                run: run.to_owned(),
                fault: "halt".to_owned(),
                node,
                namespace: String::new(),
                pod: PodOptions {
                    images: AgentImages::everywhere(image),
                    namespace: None,
                    service_account: how.service_account.clone(),
                    tolerations: None,
                    start_limit: START_LIMIT,
                    annotations,
                },
                targets,
                only: None,
            }
        })
        .collect()
}

/// Puts the pods where they are admitted, asked by a dry run that writes nothing, and where we may do with them what it takes.
pub(crate) async fn place(cluster: &Cluster, how: &Sweeping, jobs: &mut [Job]) -> Result<(), ClusterError> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    let pod = sweep::pod(first).map_err(|why| ClusterError::new(ErrorKind::Invalid, why))?;
    let namespace = pod_admission::choose(cluster, &pod.object(SCRIPT), &how.namespaces).await?;
    let places = Places {
        vmis: &[],
        pods: &namespace,
        kubevirt: None,
    };
    if let Some(missing) = missing(cluster, &[&DEBUG_PODS[..], &FOLLOWED].concat(), places).await {
        let can_i = cluster.again(missing.can_i()).to("to ask again: ");
        return Err(ClusterError::new(ErrorKind::Forbidden, words(&missing)).hint(can_i));
    }
    for job in jobs {
        job.namespace.clone_from(&namespace);
    }
    Ok(())
}

/// Looks into all VMs, all nodes at once: what was removed from each, or what may be left in it and why.
pub(crate) async fn sweep(cluster: &Cluster, jobs: &[Job]) -> Vec<(String, Result<Swept, String>)> {
    let swept = join_all(jobs.iter().map(|job| sweep::run(cluster, job))).await;
    let mut all = Vec::new();
    for (job, result) in jobs.iter().zip(swept) {
        for (target, swept) in job.targets.iter().zip(result) {
            let key = target.key();
            let swept = swept.map_err(|why| format!("{key}: {why}"));
            all.push((key, swept));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::pod_namespace::Own;
    use crate::fault::{ImageSource, Unfit, testing};

    #[test]
    fn a_guest_of_which_nothing_is_known_may_hold_something() {
        let unfit = || Unfit {
            namespace: "default".into(),
            name: "web-1".into(),
            reason: "r".into(),
            hint: None,
        };
        let row = |phase: &str, holds_none| VmiRow {
            namespace: "default".into(),
            name: "web-1".into(),
            phase: phase.into(),
            ip: None,
            node: Some("n1".into()),
            bindings: vec!["plugin corp".into()],
            unreachable: Vec::new(),
            uid: "u".into(),
            created_at: None,
            placed: Err("has no running virt-launcher pod on node n1".into()),
            holds_none,
            fault: Err(unfit()),
            unfit: BTreeMap::new(),
            protected: false,
            evacuating: false,
        };
        let image = AgentImage::new("i", ImageSource::Flag);
        let images = Ok(AgentImages::everywhere(image));
        for phase in ["Running", "Paused", "Unknown"] {
            assert!(
                matches!(Place::of(&row(phase, false), &images), Place::Hidden(_)),
                "{phase}"
            );
            assert!(
                matches!(Place::of(&row(phase, true), &images), Place::Nothing(_)),
                "{phase}"
            );
        }
        for phase in ["Pending", "Scheduling", "Scheduled", "Succeeded", "Failed"] {
            assert!(
                matches!(Place::of(&row(phase, false), &images), Place::Nothing(_)),
                "{phase}"
            );
        }
    }

    fn guest(name: &str, node: &str) -> Guest {
        Guest {
            target: target(name, node),
            image: AgentImage::new(format!("image-of-{node}"), ImageSource::VirtHandler("kubevirt".into())),
        }
    }

    fn target(name: &str, node: &str) -> Target {
        Target {
            name: name.into(),
            node: node.into(),
            ..testing::target(vec![testing::masquerade()])
        }
    }

    #[test]
    fn one_pod_a_node_that_says_what_it_is_for() {
        let how = Sweeping {
            namespaces: PodNamespaces::new(None, Own::Labelled, Ok(None)),
            service_account: Some("chaos".into()),
            image: None,
            annotations: BTreeMap::new(),
        };
        let jobs = jobs(
            "k3f9ab",
            &how,
            vec![guest("a", "n1"), guest("b", "n2"), guest("c", "n1")],
        );
        let image = |job: &Job| sweep::pod(job).unwrap().image.image().to_owned();
        let nodes: Vec<_> = jobs.iter().map(|job| (job.node.as_str(), image(job))).collect();
        assert_eq!(
            nodes,
            [("n1", "image-of-n1".to_owned()), ("n2", "image-of-n2".to_owned())]
        );
        assert_eq!(jobs[0].pod.annotations[TARGETS], "shop/a,shop/c");
        let pod = sweep::pod(&jobs[0]).unwrap();
        assert_eq!(pod.service_account.as_deref(), Some("chaos"));
        assert_eq!(
            pod.active_deadline,
            Duration::from_secs(180),
            "60 s to start, and twice as long as it may take"
        );
        assert!(pod.name().starts_with("vmchaos-k3f9ab-sweep-"), "{}", pod.name());
        assert_eq!(
            pod.plan.matches("sweep 1 ").count(),
            2,
            "tap and uplink of the second VM"
        );
    }
}
