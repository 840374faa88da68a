//! `halt vmi/NAME`: looks inside VMs' network namespaces for whatever this program left there, also when no pod is left.

use std::fmt::Write as _;

use crate::cli::{DryRun, HaltRequest};
use crate::cluster::kubevirt::{self, KubeVirt};
use crate::cluster::{Cluster, ClusterError, pod_namespace};
use crate::command_line::CommandLine;
use crate::node::script::SCRIPT;
use crate::plan::run_plan::Plan;
use crate::report::RunItem;
use crate::run::halt::vmi;
use crate::run::live::LiveRun;
use crate::run::prove::{self, Order, Place};
use crate::run::sweep::{self, Job};
use crate::ui::escape;

use super::super::stop::Stop;
use super::{Outcome, annotations};

/// What is to be looked into.
pub(super) struct Looks {
    run: String,
    jobs: Vec<Job>,
    /// VMs in which nothing can be left, and why.
    empty: Vec<(String, &'static str)>,
    /// VMs that run and cannot be looked into, and why.
    hidden: Vec<(String, String)>,
    /// Live runs that have one of the VMs: their fault goes too.
    hit: Vec<String>,
}

/// A name of which there is nothing, which is most likely mistyped.
pub(super) fn missing(cluster: &Cluster, namespace: &str, name: &str) -> Stop {
    let (namespace, name) = (escape(namespace), escape(name));
    let what = format!(
        "there is neither a VMI nor a VM \"{name}\" in namespace \"{namespace}\", nor a run on it; nothing was changed"
    );
    Stop::refused("not-found", what).hint(format!(
        "to see the VMIs: {}; to see the runs: {}",
        cluster.again("kubectl vmchaos list -A"),
        cluster.again("kubectl vmchaos status")
    ))
}

/// What to say of VMs that may be changed by an outage, which could not be read.
pub(super) fn unread(cluster: &Cluster, keys: &[String]) -> Option<String> {
    let (namespace, _) = keys.first()?.split_once('/')?;
    let can_i = CommandLine::new("kubectl auth can-i get virtualmachines.kubevirt.io").flag("-n", namespace);
    let keys: Vec<String> = keys.iter().map(|key| escape(key)).collect();
    Some(format!(
        "could not look for what an outage has changed on {}: reading it is not permitted\nhint: to see what is missing: {}",
        keys.join(", "),
        cluster.again(can_i)
    ))
}

/// Finds the VMs and a namespace for the pods.
pub(super) async fn plan(cluster: &Cluster, request: &HaltRequest, runs: &[LiveRun]) -> Result<Looks, Stop> {
    let named = request.targets.named(&cluster.namespace);
    let keys: Vec<String> = named
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    let places = prove::places(cluster, &keys).await?;
    let hit = runs
        .iter()
        .filter(|run| {
            run.pods
                .iter()
                .any(|pod| pod.may_change() && pod.targets.iter().any(|key| keys.contains(key)))
        })
        .map(|run| run.id.clone())
        .collect();
    looks(cluster, request, Plan::new_run(), places, hit).await
}

/// What is to be looked into in the name of a run, and a namespace for the pods.
pub(super) async fn looks(
    cluster: &Cluster,
    request: &HaltRequest,
    run: String,
    places: Vec<(String, Place)>,
    hit: Vec<String>,
) -> Result<Looks, Stop> {
    let (mut there, mut empty, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
    for (key, place) in places {
        match place {
            Place::Guest(target) => there.push(*target),
            Place::Nothing(why) => empty.push((key, why)),
            Place::Hidden(why) => hidden.push((key, why.to_owned())),
        }
    }
    let order = Order {
        run,
        namespace: String::new(),
        image: None,
        annotations: annotations(cluster, &request.writing),
    };
    let mut looks = Looks {
        run: order.run.clone(),
        jobs: prove::jobs(&order, there),
        empty,
        hidden,
        hit,
    };
    let Some(job) = looks.jobs.first() else {
        return Ok(looks);
    };
    match namespace_for(cluster, job, request.writing.dry_run).await {
        Ok(namespace) => {
            let jobs = looks.jobs.iter_mut();
            jobs.for_each(|job| job.namespace.clone_from(&namespace));
        }
        Err(stop) if request.writing.dry_run != DryRun::None => return Err(stop),
        // What needs no pod is done all the same.
        Err(stop) => {
            let jobs = std::mem::take(&mut looks.jobs);
            let targets = jobs.iter().flat_map(|job| &job.targets);
            let why = match &stop.hint {
                Some(next) => format!("{}; {next}", stop.message),
                None => stop.message.clone(),
            };
            let hidden = targets.map(|target| (target.key(), why.clone()));
            looks.hidden.extend(hidden);
        }
    }
    Ok(looks)
}

/// The namespace that takes the debug pods.
async fn namespace_for(cluster: &Cluster, job: &Job, dry_run: DryRun) -> Result<String, Stop> {
    let installed = kubevirt::installed(cluster).await.ok().flatten();
    let vm = job
        .targets
        .first()
        .map_or("default", |target| target.namespace.as_str());
    let candidates = pod_namespace::candidates(None, installed.as_ref().map(KubeVirt::namespace), vm);
    if dry_run == DryRun::Client {
        return Ok(pod_namespace::existing(cluster, &candidates).await?);
    }
    let pod = sweep::pod(job).map_err(|why| Stop::refused("plan", why))?;
    Ok(pod_namespace::choose(cluster, &pod.object(SCRIPT), &candidates).await?)
}

/// Looks, and notes what was found.
pub(super) async fn sweep(cluster: &Cluster, looks: Looks, outcome: &mut Outcome) {
    let mut item = RunItem {
        id: looks.run,
        fault: "halt".to_owned(),
        state: "finished".to_owned(),
        user: Some(cluster.user.clone()),
        targets: looks.empty.iter().map(|(key, _)| key.clone()).collect(),
        nodes: looks.jobs.iter().map(|job| job.node.clone()).collect(),
        ..RunItem::default()
    };
    let mut told: Vec<String> = looks
        .empty
        .iter()
        .map(|(key, why)| format!("VMI {key} {why}"))
        .collect();
    let hidden = looks.hidden.iter();
    let hidden = hidden.map(|(key, why)| (key.clone(), Err(format!("{key}: nobody could look into it: {why}"))));
    for (key, swept) in hidden.chain(prove::sweep(cluster, &looks.jobs).await) {
        item.targets.push(key.clone());
        match swept {
            Ok(swept) => told.push(swept.words()),
            Err(why) => {
                "leaked".clone_into(&mut item.state);
                told.push(why.clone());
                let again = cluster.again(CommandLine::new("kubectl vmchaos halt").arg(vmi(&key)));
                outcome.left.push((why, again.into()));
            }
        }
    }
    item.detail = Some(told.join("; "));
    outcome.items.push(item);
}

// === impl Looks ===

impl Looks {
    pub(super) fn count(&self) -> usize {
        self.jobs.iter().map(|job| job.targets.len()).sum()
    }

    /// Adds a VM that runs and cannot be looked into, and why.
    pub(super) fn hide(&mut self, key: &str, why: String) {
        self.hidden.push((key.to_owned(), why));
    }

    /// Asks the API server whether it would take every pod; nothing is written.
    pub(super) async fn admitted(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        for job in &self.jobs {
            let only = std::slice::from_ref(&job.namespace);
            if let Ok(pod) = sweep::pod(job) {
                pod_namespace::choose(cluster, &pod.object(SCRIPT), only).await?;
            }
        }
        Ok(())
    }

    /// The plan for a person.
    pub(super) fn words(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        for job in &self.jobs {
            let keys: Vec<String> = job.targets.iter().map(|target| escape(&target.key())).collect();
            let _ = writeln!(
                text,
                "looks into {} on {} by a debug pod in namespace {}, and removes every qdisc this program left there",
                keys.join(", "),
                escape(&job.node),
                escape(&job.namespace)
            );
        }
        for (key, why) in &self.empty {
            let _ = writeln!(text, "VMI {} {why}, so that nothing can be left in it", escape(key));
        }
        for (key, why) in &self.hidden {
            let _ = writeln!(text, "nobody can look into {}: {why}", escape(key));
        }
        for run in &self.hit {
            let _ = writeln!(
                text,
                "warning: run {} is live on one of these VMs: its fault goes too, and it will fail; halting it by its id ends all of it",
                escape(run)
            );
        }
        text.trim_end().to_owned()
    }
}
