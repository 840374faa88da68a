//! Which runs are to be halted: by id, all, or picked.

use crate::cli::HaltRequest;
use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::report::{ExitCode, RunItem, Time};
use crate::traces::Found;
use crate::traces::changes::Changed;
use crate::traces::debug_pods::LiveRun;
use crate::traces::items::item;
use crate::traces::migrations::MigrationRun;
use crate::ui::{Pick, Picker, escape};

use super::super::Context;
use super::super::status::not_seen;
use super::by_events::Traces;
use crate::stop::Stop;

const INSTEAD: &str = "name runs (kubectl vmchaos status lists them), a VM as vmi/NAME, or use --all";

/// What was chosen.
#[derive(Default)]
pub(super) struct Chosen {
    pub runs: Vec<LiveRun>,
    pub migrations: Vec<MigrationRun>,
    /// What outages of these runs have changed.
    pub changes: Vec<Changed>,
    /// As they were asked for, for the command that is printed for later.
    pub ids: Vec<String>,
    /// What would have to be looked into to know that nothing was missed.
    pub unseen: Option<String>,
}

impl Chosen {
    pub(super) fn count(&self) -> usize {
        let changed: std::collections::BTreeSet<&str> = self.changes.iter().map(|change| change.run.as_str()).collect();
        self.runs.len() + self.migrations.len() + changed.len()
    }

    /// Adds what outages have left on VMIs, given as `namespace/name`.
    pub(super) fn add_changes_of(&mut self, changes: &[Changed], keys: &[String]) {
        for change in changes {
            if keys.contains(&change.key()) && !self.changes.contains(change) {
                self.changes.push(change.clone());
            }
        }
    }

    /// As lists show them.
    pub(super) fn items(&self) -> Vec<RunItem> {
        let now = Time::now();
        let runs = self.runs.iter().map(|run| item(run, now));
        let migrations = self.migrations.iter().map(|run| run.item(now));
        let changes = self.changes.iter().map(|change| change.item(now));
        runs.chain(migrations).chain(changes).collect()
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
    traces: &Traces,
) -> Result<Chosen, Stop> {
    let blind = not_seen(found, cluster);
    let now = Time::now();
    let live: Vec<MigrationRun> = found
        .migrations
        .iter()
        .filter(|run| run.is_live(now))
        .cloned()
        .collect();
    if request.all {
        if found.runs.is_empty() && live.is_empty() && found.changes.is_empty() {
            context.printer.line(&match &request.namespace {
                Some(namespace) => format!("no runs in namespace {namespace}"),
                None => "no runs".to_owned(),
            });
        }
        return Ok(Chosen {
            runs: found.runs.clone(),
            migrations: live,
            changes: found.changes.clone(),
            ids: vec!["--all".to_owned()],
            unseen: blind,
        });
    }
    if !request.runs.is_empty() {
        return Ok(named(context, cluster, request, (found, traces), blind));
    }
    picked(context, found, live, blind).await
}

/// Runs by id. One that is nowhere is done with, if everywhere could be looked.
fn named(
    context: &Context,
    cluster: &Cluster,
    request: &HaltRequest,
    (found, traces): (&Found, &Traces),
    blind: Option<String>,
) -> Chosen {
    let runs: Vec<LiveRun> = request
        .runs
        .iter()
        .filter_map(|id| found.runs.iter().find(|run| run.id == *id).cloned())
        .collect();
    let migrations: Vec<MigrationRun> = request
        .runs
        .iter()
        .filter_map(|id| found.migrations.iter().find(|run| run.id == *id).cloned())
        .collect();
    let changes = found.changes.iter().filter(|change| request.runs.contains(&change.run));
    let changes: Vec<Changed> = changes.cloned().collect();
    let known = |id: &str| {
        runs.iter().any(|run| run.id == id)
            || migrations.iter().any(|run| run.id == id)
            || changes.iter().any(|change| change.run == id)
    };
    let missing: Vec<&String> = request.runs.iter().filter(|id| !known(id)).collect();
    let mut uncounted = Vec::new();
    for id in &missing {
        let mut others = found.uncounted.iter().filter(|other| other.run.id == **id).peekable();
        if let Some(vms) = traces.of(id) {
            context.printer.line(&format!(
                "run {id}: no debug pod of it is there; its Events say that its fault was on {vms}, and not that it was removed"
            ));
        } else if others.peek().is_none() {
            context.printer.line(&format!(
                "run {id}: nothing of it is there in {}; nothing to halt",
                match (&request.namespace, &blind) {
                    (Some(namespace), _) => format!("namespace {namespace}"),
                    (None, Some(_)) => "the namespaces that could be looked into".to_owned(),
                    (None, None) => format!("any namespace of {}", cluster.context),
                }
            ));
        }
        // Whoever started it may have said where; nobody else knows whose these pods are.
        uncounted.extend(others.map(|other| {
            let namespace = escape(&other.namespace);
            format!(
                "run {id}: pods with its labels are in namespace {namespace}, where they do not count, and were left alone\n\
                 hint: if it was started there, with --pod-namespace {namespace}: {}",
                cluster.again(CommandLine::new("kubectl vmchaos halt").arg(id).flag("-n", &other.namespace))
            )
        }));
    }
    let elsewhere = || {
        request
            .namespace
            .as_ref()
            .map(|namespace| format!("only namespace {namespace} was looked into, because of -n\nhint: leave out -n"))
    };
    let unseen = if missing.is_empty() {
        None
    } else {
        let unseen = blind.or_else(elsewhere).into_iter().chain(traces.blind.clone());
        uncounted
            .into_iter()
            .chain(unseen)
            .reduce(|all, one| format!("{all}\n{one}"))
    };
    Chosen {
        runs,
        migrations,
        changes,
        ids: request.runs.clone(),
        unseen,
    }
}

async fn picked(
    context: &Context,
    found: &Found,
    live: Vec<MigrationRun>,
    blind: Option<String>,
) -> Result<Chosen, Stop> {
    if found.runs.is_empty() && live.is_empty() && found.changes.is_empty() {
        return match blind {
            None => Err(Stop::refused("no-match", "there are no runs")),
            Some(blind) => Err(Stop::refused(
                "no-match",
                format!("there are no runs where it could be looked; {blind}"),
            )),
        };
    }
    let headers = ["RUN", "FAULT", "EFFECT", "STATE", "OWNER", "REASON", "TARGETS"];
    let mut picker = Picker::new("Which runs?", headers, INSTEAD);
    let now = Time::now();
    let items = found.runs.iter().map(|run| item(run, now));
    let of_changes = found.changes.iter().map(|change| change.item(now));
    for item in items.chain(live.iter().map(|run| run.item(now))).chain(of_changes) {
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
    let signals = context.signals.clone();
    match picker.pick(&context.printer, signals.any()).await {
        Ok(Pick::Picked(rows)) => {
            let pods = found.runs.len();
            let runs: Vec<LiveRun> = rows.iter().filter_map(|row| found.runs.get(*row).cloned()).collect();
            let flights = rows.iter().filter_map(|row| live.get(row.checked_sub(pods)?).cloned());
            let migrations: Vec<MigrationRun> = flights.collect();
            let before = pods + live.len();
            let outages = rows
                .iter()
                .filter_map(|row| found.changes.get(row.checked_sub(before)?).cloned());
            let changes: Vec<Changed> = outages.collect();
            let ids = runs
                .iter()
                .map(|run| &run.id)
                .chain(migrations.iter().map(|run| &run.id))
                .chain(changes.iter().map(|change| &change.run));
            Ok(Chosen {
                ids: ids.cloned().collect(),
                runs,
                migrations,
                changes,
                unseen: None,
            })
        }
        Ok(Pick::Cancelled) => Err(Stop::refused(
            "nothing-picked",
            "nothing was picked; nothing was changed",
        )),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}
