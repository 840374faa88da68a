//! Which runs are to be halted: by id, all, or picked.

use crate::cli::HaltRequest;
use crate::cluster::Cluster;
use crate::report::{ExitCode, RunItem, Time};
use crate::run::live::LiveRun;
use crate::run::live_report::item;
use crate::run::lookout::Found;
use crate::run::outage::changes::Changed;
use crate::ui::{Pick, Picker};

use super::super::Context;
use super::super::status::not_seen;
use super::super::stop::Stop;

const INSTEAD: &str = "name runs (kubectl vmchaos status lists them), a VM as vmi/NAME, or use --all";

/// What was chosen.
#[derive(Default)]
pub(super) struct Chosen {
    pub runs: Vec<LiveRun>,
    /// What outages of these runs have changed.
    pub changes: Vec<Changed>,
    /// As they were asked for, for the command that is printed for later.
    pub ids: Vec<String>,
    /// What would have to be looked into to know that nothing was missed.
    pub unseen: Option<String>,
}

// === impl Chosen ===

impl Chosen {
    /// Runs, each once, whatever there is of it.
    pub(super) fn count(&self) -> usize {
        let ids = self.runs.iter().map(|run| run.id.as_str());
        let changed = self.changes.iter().map(|change| change.undo.run.as_str());
        ids.chain(changed).collect::<std::collections::BTreeSet<_>>().len()
    }

    pub(super) fn items(&self) -> Vec<RunItem> {
        let now = Time::now();
        let of_pods = self.runs.iter().map(|run| item(run, now));
        of_pods
            .chain(self.changes.iter().map(|change| change.item(now)))
            .collect()
    }
}

/// Off a terminal something has to be named; found out before anything is read from the cluster.
pub(super) fn must_choose(context: &Context, request: &HaltRequest) -> Result<(), Stop> {
    let said = request.all || !request.runs.is_empty() || !request.targets.names.is_empty();
    if said || (context.printer.interactive() && context.printer.look().live) {
        return Ok(());
    }
    Err(Stop::usage("no run named, and this is not a terminal to pick one on").hint(INSTEAD))
}

pub(super) async fn choose(
    context: &Context,
    cluster: &Cluster,
    request: &HaltRequest,
    found: &Found,
) -> Result<Chosen, Stop> {
    let blind = found.view.blind_spots();
    if request.all {
        if found.runs.is_empty() && found.changes.is_empty() {
            context.printer.line(&match &request.namespace {
                Some(namespace) => format!("no runs in namespace {namespace}"),
                None => "no runs".to_owned(),
            });
        }
        return Ok(Chosen {
            runs: found.runs.clone(),
            changes: found.changes.clone(),
            ids: vec!["--all".to_owned()],
            unseen: blind.map(|blind| not_seen(&blind, &found.view, cluster)),
        });
    }
    if !request.runs.is_empty() {
        return Ok(named(context, cluster, request, found, blind));
    }
    let ids = picked(context, found).await?;
    let is_it = |id: &String| ids.contains(id);
    Ok(Chosen {
        runs: found.runs.iter().filter(|run| is_it(&run.id)).cloned().collect(),
        changes: found
            .changes
            .iter()
            .filter(|one| is_it(&one.undo.run))
            .cloned()
            .collect(),
        ids,
        unseen: None,
    })
}

/// Runs by id. One that is nowhere is done with, if everywhere could be looked.
fn named(context: &Context, cluster: &Cluster, request: &HaltRequest, found: &Found, blind: Option<String>) -> Chosen {
    let runs: Vec<LiveRun> = request
        .runs
        .iter()
        .filter_map(|id| found.runs.iter().find(|run| run.id == *id).cloned())
        .collect();
    let changes = found.changes.iter().filter(|one| request.runs.contains(&one.undo.run));
    let changes: Vec<Changed> = changes.cloned().collect();
    let missing: Vec<&String> = request
        .runs
        .iter()
        .filter(|id| found.runs.iter().all(|run| run.id != **id))
        .filter(|id| changes.iter().all(|one| one.undo.run != **id))
        .collect();
    for id in &missing {
        context.printer.line(&format!(
            "run {id}: nothing of it is there in {}; nothing to halt",
            match (&request.namespace, &blind) {
                (Some(namespace), _) => format!("namespace {namespace}"),
                (None, Some(_)) => "the namespaces that could be looked into".to_owned(),
                (None, None) => format!("any namespace of {}", cluster.context),
            }
        ));
    }
    let elsewhere = || {
        request
            .namespace
            .as_ref()
            .map(|namespace| format!("only namespace {namespace} was looked into, because of -n\nhint: leave out -n"))
    };
    Chosen {
        runs,
        changes,
        ids: request.runs.clone(),
        unseen: if missing.is_empty() {
            None
        } else {
            blind
                .map(|blind| not_seen(&blind, &found.view, cluster))
                .or_else(elsewhere)
        },
    }
}

/// Ids of the runs that were picked.
async fn picked(context: &Context, found: &Found) -> Result<Vec<String>, Stop> {
    if found.runs.is_empty() && found.changes.is_empty() {
        return match found.view.blind_spots() {
            None => Err(Stop::refused("no-match", "there are no runs")),
            Some(blind) => Err(Stop::refused(
                "no-match",
                format!("there are no runs where it could be looked; not looked into: {blind}"),
            )),
        };
    }
    let headers = ["RUN", "FAULT", "EFFECT", "STATE", "OWNER", "REASON", "TARGETS"];
    let mut picker = Picker::new("Which runs?", headers, INSTEAD);
    let now = Time::now();
    let of_pods = found.runs.iter().map(|run| item(run, now));
    let of_changes = found.changes.iter().map(|change| change.item(now));
    let mut ids = Vec::new();
    for item in of_pods.chain(of_changes) {
        ids.push(item.id.clone());
        let cells = [
            item.id,
            item.fault,
            item.effect.unwrap_or_default(),
            item.state,
            item.user.unwrap_or_default(),
            item.reason.unwrap_or_default(),
            item.targets.join(", "),
        ];
        picker.row(cells, None);
    }
    let mut signals = context.signals.clone();
    match picker.pick(&context.printer, signals.any()).await {
        Ok(Pick::Picked(rows)) => {
            let mut chosen: Vec<String> = rows.into_iter().map(|row| ids[row].clone()).collect();
            chosen.dedup();
            Ok(chosen)
        }
        Ok(Pick::Cancelled) => Err(Stop::refused(
            "nothing-picked",
            "nothing was picked; nothing was changed",
        )),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}
