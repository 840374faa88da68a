//! `halt vmi/NAME`: looks inside VMs' network namespaces for whatever this program left there, also when no pod is left.

use std::fmt::Write as _;

use crate::cli::{DryRun, HaltRequest};
use crate::cluster::{Cluster, ClusterError, pod_admission};
use crate::command_line::CommandLine;
use crate::node::pod::service_account;
use crate::node::script::SCRIPT;
use crate::plan::new_run;
use crate::problem::{Problem, Reason};
use crate::report::{RunItem, RunState};
use crate::run::sweep::{self, Job};
use crate::run::words::vmi;
use crate::traces::Found;
use crate::traces::prove::{self, Place, Sweeping};
use crate::ui::escape;

use super::outcome::{LEFT, Outcome};
use super::pod_flags;
use crate::stop::Stop;

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
    /// It is looked for what this run left, not for what is on VMs that were named.
    of_run: bool,
    /// Flags for the same command once more.
    flags: Vec<String>,
}

/// A name of which there is nothing, which is most likely mistyped.
pub(super) fn missing(cluster: &Cluster, namespace: &str, name: &str) -> Stop {
    let (namespace, name) = (escape(namespace), escape(name));
    let what = format!(
        "there is neither a VMI nor a VM \"{name}\" in namespace \"{namespace}\", nor a run on it; nothing was changed"
    );
    Stop::refused(Reason::NotFound, what).hint(format!(
        "to see the VMIs: {}; to see the runs: {}",
        cluster.again("kubectl vmchaos list -A"),
        cluster.again("kubectl vmchaos status")
    ))
}

/// What to say of VMs that may be changed by an outage, which could not be read.
pub(super) fn unread(cluster: &Cluster, keys: &[String]) -> Option<Problem> {
    let (namespace, _) = keys.first()?.split_once('/')?;
    let can_i = CommandLine::new("kubectl auth can-i get virtualmachines.kubevirt.io").flag("-n", namespace);
    let keys: Vec<String> = keys.iter().map(|key| escape(key)).collect();
    let message = format!(
        "could not look for what an outage has changed on {}: reading it is not permitted",
        keys.join(", ")
    );
    Some(Problem::new(Reason::Forbidden, message).hint(cluster.again(can_i).to("to see what is missing: ")))
}

/// Finds the VMs and a namespace for the pods.
pub(super) async fn plan(
    cluster: &Cluster,
    request: &HaltRequest,
    found: &Found,
    how: &Sweeping,
) -> Result<Looks, Stop> {
    let named = request.targets.named(&cluster.namespace);
    let keys: Vec<String> = named
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    let places = prove::places(cluster, &keys, how.image.as_ref()).await?;
    let hit = found
        .pods()
        .filter(|run| {
            run.pods
                .iter()
                .any(|pod| pod.may_change() && pod.targets.iter().any(|key| keys.contains(key)))
        })
        .map(|run| run.id.clone())
        .collect();
    looks(cluster, request, new_run(), places, hit, how).await
}

/// What is to be looked into in the name of a run, and a namespace for the pods.
pub(super) async fn looks(
    cluster: &Cluster,
    request: &HaltRequest,
    run: String,
    places: Vec<(String, Place)>,
    hit: Vec<String>,
    how: &Sweeping,
) -> Result<Looks, Stop> {
    let (mut there, mut empty, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
    for (key, place) in places {
        match place {
            Place::Guest(guest) => there.push(*guest),
            Place::Nothing(why) => empty.push((key, why)),
            Place::Hidden(why) => hidden.push((key, why)),
        }
    }
    let mut looks = Looks {
        jobs: prove::jobs(&run, how, there),
        run,
        empty,
        hidden,
        hit,
        of_run: false,
        flags: pod_flags(request),
    };
    if looks.jobs.is_empty() {
        return Ok(looks);
    }
    let answer = match request.writing.dry_run {
        DryRun::Client => read_place(cluster, how, &mut looks.jobs).await,
        DryRun::None | DryRun::Server => prove::place(cluster, how, &mut looks.jobs).await,
    };
    match answer {
        Ok(()) => {}
        Err(error) if request.writing.dry_run != DryRun::None => return Err(error.into()),
        // What needs no pod is done all the same.
        Err(error) => {
            let jobs = std::mem::take(&mut looks.jobs);
            let targets = jobs.iter().flat_map(|job| &job.targets);
            let why = match &error.hint {
                Some(next) => format!("{}; {next}", error.message),
                None => error.message.clone(),
            };
            let hidden = targets.map(|target| (target.key(), why.clone()));
            looks.hidden.extend(hidden);
        }
    }
    Ok(looks)
}

/// Where the pods would go, as far as reading alone tells.
async fn read_place(cluster: &Cluster, how: &Sweeping, jobs: &mut [Job]) -> Result<(), ClusterError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let namespace = pod_admission::existing(cluster, &how.namespaces).await?;
    for job in jobs {
        job.namespace.clone_from(&namespace);
    }
    Ok(())
}

/// Looks, and notes what was found.
pub(super) async fn sweep(cluster: &Cluster, looks: Looks, outcome: &mut Outcome) {
    let mut item = RunItem {
        id: looks.run.clone(),
        fault: "halt".to_owned(),
        state: RunState::Finished,
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
    let mut proven: Vec<String> = looks.empty.iter().map(|(key, _)| key.clone()).collect();
    let hidden = looks.hidden.iter();
    let hidden = hidden.map(|(key, why)| (key.clone(), Err(format!("{key}: nobody could look into it: {why}"))));
    for (key, swept) in hidden.chain(prove::sweep(cluster, &looks.jobs).await) {
        item.targets.push(key.clone());
        match swept {
            Ok(swept) => {
                told.push(swept.words());
                proven.push(key);
            }
            Err(why) => {
                item.state = RunState::Leaked;
                told.push(why.clone());
                // Named by itself the VM would be looked into whoever's fault is there.
                let what = if looks.of_run { looks.run.clone() } else { vmi(&key) };
                let halt = CommandLine::new("kubectl vmchaos halt").arg(what).args(&looks.flags);
                let left = Problem::new(Reason::Leaked, why).hint(cluster.again(halt));
                outcome.left.push(left.context(LEFT));
            }
        }
    }
    if looks.of_run {
        let of_run = proven.into_iter().map(|key| (looks.run.clone(), key));
        outcome.proven.extend(of_run);
    }
    item.detail = Some(told.join("; "));
    outcome.items.push(item);
}

// === impl Looks ===

impl Looks {
    /// In the name of a run that is to be halted.
    #[must_use]
    pub(super) fn of_run(self) -> Self {
        Self { of_run: true, ..self }
    }

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
            if let Ok(pod) = sweep::pod(job) {
                pod_admission::admits(cluster, &pod.object(SCRIPT), &job.namespace).await?;
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
                "looks into {} on {} by a debug pod in namespace {} as service account {}, and removes every qdisc and nft table this program left there",
                keys.join(", "),
                escape(&job.node),
                escape(&job.namespace),
                escape(service_account(job.pod.service_account.as_deref()))
            );
            let image = job.pod.images.on(&job.node);
            let _ = writeln!(text, "  image {}", escape(&image.to_string()));
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
