//! Proves that VMs hold nothing of this program any more, by looking into them: where nobody is left who could say so.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use super::sweep::{self, Job, Swept};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::cluster::{Cluster, ClusterError, survey};
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

/// A VM by `namespace/name`, and where its guest is now: nowhere when it does not run, and then nothing can be left of it.
pub type Place = (String, Option<Target>);

/// Finds VMs whatever state they are in.
pub async fn places(cluster: &Cluster, keys: &[String]) -> Result<Vec<Place>, ClusterError> {
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
        Err(error) if error.is_not_found() => return Ok(keys.iter().map(|key| (key.clone(), None)).collect()),
        Err(error) => return Err(error),
    };
    let place = |key: &String| {
        let row = found
            .rows
            .iter()
            .find(|row| *key == format!("{}/{}", row.namespace, row.name));
        (key.clone(), row.and_then(|row| row.placed.clone()))
    };
    Ok(keys.iter().map(place).collect())
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
            }
        })
        .collect()
}

/// Looks into all VMs, all nodes at once: what was removed from each, or what may be left in it and why.
pub async fn sweep(cluster: &Cluster, jobs: &[Job]) -> Vec<(String, Result<Swept, String>)> {
    let swept = join_all(jobs.iter().map(|job| sweep::run(cluster, job))).await;
    let mut all = Vec::new();
    for (job, result) in jobs.iter().zip(swept) {
        match result {
            Ok(swept) => all.extend(swept.into_iter().map(|one| (one.key.clone(), Ok(one)))),
            Err(why) => all.extend(job.targets.iter().map(|target| (target.key(), Err(why.clone())))),
        }
    }
    all
}
