//! Proves that VMs hold nothing of this program any more, by looking into them: where nobody is left who could say so.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use super::sweep::{self, Job, Swept};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::cluster::{Cluster, ClusterError, Reach, survey};
use crate::fault::Target;
use crate::plan::run_plan::{FAULT, PodOptions, TARGETS};

/// How long a sweeping pod may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Where and as what sweeping pods are made.
#[derive(Debug, Clone)]
pub struct Order {
    /// The run they look after; they carry its label.
    pub run: String,
    pub namespace: String,
    /// Instead of the image of each node's launcher.
    pub image: Option<String>,
    /// Who and why.
    pub annotations: BTreeMap<String, String>,
}

/// Where a VM's guest is now.
#[derive(Debug, Clone)]
pub enum Place {
    Guest(Box<Target>),
    /// Nothing can be left in it, and why: it does not run, or has nothing that a fault could be on.
    Nothing(&'static str),
    /// It runs, and nobody can look into it.
    Hidden(&'static str),
}

/// Finds VMs, given by `namespace/name`, whatever state they are in.
pub async fn places(cluster: &Cluster, keys: &[String]) -> Result<Vec<(String, Place)>, ClusterError> {
    let mut namespaces: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for key in keys {
        let (namespace, _) = key.split_once('/').unwrap_or_default();
        namespaces.entry(namespace).or_default().push(key);
    }
    // Each of its own: one that is gone says nothing about the others.
    let places = namespaces.into_values().map(|keys| places_in_one(cluster, keys));
    let places: Vec<_> = join_all(places).await.into_iter().collect::<Result<_, _>>()?;
    Ok(places.into_iter().flatten().collect())
}

/// The same for VMs of one namespace.
async fn places_in_one(cluster: &Cluster, keys: Vec<&String>) -> Result<Vec<(String, Place)>, ClusterError> {
    let names: Vec<NamedTarget> = keys.iter().filter_map(|key| named(key)).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Selection {
        names,
        ..Selection::default()
    };
    let found = match survey(cluster, &selection, &[]).await {
        Ok(found) => found,
        // Its namespace is gone, and every VM in it.
        Err(error) if error.is_not_found() => {
            let nothing = |key: &String| (key.clone(), Place::Nothing(NOT_RUNNING));
            return Ok(keys.into_iter().map(nothing).collect());
        }
        Err(error) => return Err(error),
    };
    let place = |key: &String| {
        let row = found
            .rows
            .iter()
            .find(|row| *key == format!("{}/{}", row.namespace, row.name));
        (key.clone(), row.map_or(Place::Nothing(NOT_RUNNING), Place::of))
    };
    Ok(keys.into_iter().map(place).collect())
}

const NOT_RUNNING: &str = "is not running";

impl Place {
    fn of(row: &Reach) -> Self {
        match &row.placed {
            Some(target) => Self::Guest(Box::new(target.clone())),
            None if !matches!(row.phase.as_str(), "Running" | "Paused") => Self::Nothing(NOT_RUNNING),
            None if row.unreachable.len() == row.bindings.len() => {
                Self::Nothing("has no interface that a fault can be on")
            }
            None => Self::Hidden("it runs, and there is no launcher pod that is Running on its node and stays"),
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

/// One sweeping pod's work a node.
pub fn jobs(order: &Order, targets: Vec<Target>) -> Vec<Job> {
    let mut nodes: BTreeMap<String, Vec<Target>> = BTreeMap::new();
    for target in targets {
        nodes.entry(target.node.clone()).or_default().push(target);
    }
    nodes
        .into_iter()
        .map(|(node, targets)| {
            let mut annotations = order.annotations.clone();
            let keys: Vec<String> = targets.iter().map(Target::key).collect();
            annotations.insert(FAULT.to_owned(), "removes what a run left".to_owned());
            annotations.insert(TARGETS.to_owned(), keys.join(","));
            let image = order
                .image
                .clone()
                .or_else(|| targets.first().map(|target| target.launcher.image.clone()));
            Job {
                run: order.run.clone(),
                fault: "halt".to_owned(),
                node,
                namespace: order.namespace.clone(),
                image: image.unwrap_or_default(),
                pod: PodOptions {
                    image: order.image.clone(),
                    service_account: None,
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

/// Looks into all VMs, all nodes at once: what was removed from each, or what may be left in it and why.
pub async fn sweep(cluster: &Cluster, jobs: &[Job]) -> Vec<(String, Result<Swept, String>)> {
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
    use crate::fault::{Binding, Interface, Launcher};

    fn target(name: &str, node: &str) -> Target {
        let interface = Interface {
            network: "default".into(),
            tap: "tap0".into(),
            bridge: "k6t-eth0".into(),
            uplink: "eth0".into(),
            binding: Binding::Masquerade,
        };
        Target {
            namespace: "default".into(),
            name: name.into(),
            uid: "u".into(),
            node: node.into(),
            launcher: Launcher {
                name: "l".into(),
                uid: "0a1b2c3d-0000-4000-8000-000000000000".into(),
                container_id: None,
                image: format!("launcher-of-{name}"),
                pull_secrets: Vec::new(),
                address: None,
            },
            interfaces: vec![interface],
            probes: Vec::new(),
        }
    }

    #[test]
    fn one_pod_a_node_that_says_what_it_is_for() {
        let order = Order {
            run: "k3f9ab".into(),
            namespace: "vmchaos".into(),
            image: None,
            annotations: BTreeMap::new(),
        };
        let jobs = jobs(&order, vec![target("a", "n1"), target("b", "n2"), target("c", "n1")]);
        let nodes: Vec<_> = jobs.iter().map(|job| (job.node.as_str(), job.image.as_str())).collect();
        assert_eq!(nodes, [("n1", "launcher-of-a"), ("n2", "launcher-of-b")]);
        assert_eq!(jobs[0].pod.annotations[TARGETS], "default/a,default/c");
        let pod = sweep::pod(&jobs[0]).unwrap();
        assert!(pod.name().starts_with("vmchaos-k3f9ab-sweep-"), "{}", pod.name());
        assert_eq!(
            pod.plan.matches("sweep 1 ").count(),
            2,
            "tap and uplink of the second VM"
        );
    }
}
