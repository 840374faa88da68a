//! Which runs are to be halted: by id, all, or picked.

use crate::cli::HaltRequest;
use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::problem::{Problem, Reason};
use crate::report::{ExitCode, RunItem, Time};
use crate::traces::events::EventSeen;
use crate::traces::{Found, Trace, TraceKind};
use crate::ui::{Pick, Picker, escape};

use super::super::Context;
use super::super::status::{no_runs, not_seen};
use super::by_events::Told;
use crate::stop::Stop;

const INSTEAD: &str = "name runs (kubectl vmchaos status lists them), a VM as vmi/NAME, or use --all";

/// What was chosen.
#[derive(Default)]
pub(super) struct Chosen {
    pub traces: Vec<Trace>,
    /// As they were asked for, for the command that is printed for later.
    pub ids: Vec<String>,
    /// What the runs' Events say, as far as they could be read.
    pub events: Vec<EventSeen>,
    /// What would have to be looked into to know that nothing was missed.
    pub unseen: Vec<Problem>,
}

impl Chosen {
    /// How many runs: an outage of several VMs is one.
    pub(super) fn count(&self) -> usize {
        let all = self.traces.iter().enumerate();
        all.filter(|(n, trace)| !self.traces.iter().take(*n).any(|before| before.is_like(trace)))
            .count()
    }

    pub(super) fn has_pods(&self) -> bool {
        self.traces.iter().any(|trace| trace.kind() == TraceKind::Pods)
    }

    /// Adds what outages have left on VMIs, given as `namespace/name`.
    pub(super) fn add_changes_of(&mut self, traces: impl IntoIterator<Item = Trace>, keys: &[String]) {
        for trace in traces {
            let is_wanted = matches!(&trace, Trace::Change(change) if keys.contains(&change.key()));
            if is_wanted && !self.traces.contains(&trace) {
                self.traces.push(trace);
            }
        }
    }

    /// As lists show them.
    pub(super) fn items(&self) -> Vec<RunItem> {
        let now = Time::now();
        self.traces.iter().map(|trace| trace.item(&self.events, now)).collect()
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
    events: &Told,
) -> Result<Chosen, Stop> {
    let blind = not_seen(found, cluster);
    if !request.runs.is_empty() {
        return Ok(named(context, cluster, request, (found, events), blind));
    }
    let now = Time::now();
    let live: Vec<Trace> = found
        .now
        .traces
        .iter()
        .filter(|trace| trace.is_live(now))
        .cloned()
        .collect();
    if !request.all {
        return picked(context, live, events, blind).await;
    }
    if live.is_empty() {
        context.printer.line(&no_runs(request.namespace.as_deref()));
    }
    Ok(Chosen {
        traces: live,
        ids: vec!["--all".to_owned()],
        events: events.all.clone(),
        unseen: blind.into_iter().collect(),
    })
}

/// Runs by id. One that is nowhere is done with, if everywhere could be looked.
fn named(
    context: &Context,
    cluster: &Cluster,
    request: &HaltRequest,
    (found, events): (&Found, &Told),
    blind: Option<Problem>,
) -> Chosen {
    let all = request
        .runs
        .iter()
        .flat_map(|id| found.now.traces.iter().filter(move |trace| trace.run() == id));
    let all: Vec<Trace> = all.cloned().collect();
    let known = |id: &str| all.iter().any(|trace| trace.run() == id);
    let missing: Vec<&String> = request.runs.iter().filter(|id| !known(id)).collect();
    let mut uncounted = Vec::new();
    for id in &missing {
        let mut others = found
            .now
            .uncounted
            .iter()
            .filter(|other| other.run.id == **id)
            .peekable();
        if let Some(vms) = events.of(id) {
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
            let halt = cluster.again(CommandLine::new("kubectl vmchaos halt").arg(id).flag("-n", &other.namespace));
            let message = format!(
                "run {id}: pods with its labels are in namespace {namespace}, where they do not count, and were left alone"
            );
            Problem::new(Reason::Leaked, message).hint(format!(
                "if it was started there, with --pod-namespace {namespace}: {halt}"
            ))
        }));
    }
    let elsewhere = || {
        let namespace = request.namespace.as_ref()?;
        let message = format!("only namespace {namespace} was looked into, because of -n");
        Some(Problem::new(Reason::Leaked, message).hint("leave out -n"))
    };
    let unseen = if missing.is_empty() {
        Vec::new()
    } else {
        let unseen = blind.or_else(elsewhere).into_iter().chain(events.blind.clone());
        uncounted.into_iter().chain(unseen).collect()
    };
    Chosen {
        traces: all,
        ids: request.runs.clone(),
        events: events.all.clone(),
        unseen,
    }
}

async fn picked(context: &Context, live: Vec<Trace>, events: &Told, blind: Option<Problem>) -> Result<Chosen, Stop> {
    if live.is_empty() {
        return match blind {
            None => Err(Stop::refused(Reason::NoMatch, "there are no runs")),
            Some(blind) => Err(Stop {
                exit: ExitCode::Refused,
                problem: Problem {
                    reason: Reason::NoMatch,
                    message: format!("there are no runs where it could be looked; {blind}"),
                    ..blind
                },
            }),
        };
    }
    let headers = ["RUN", "FAULT", "EFFECT", "STATE", "OWNER", "REASON", "TARGETS"];
    let mut picker = Picker::new("Which runs?", headers, INSTEAD);
    let now = Time::now();
    for item in live.iter().map(|trace| trace.item(&events.all, now)) {
        let cells = [
            item.id,
            item.fault,
            item.effect.unwrap_or_default(),
            item.state.to_string(),
            item.user.unwrap_or_default(),
            item.reason.unwrap_or_default(),
            item.targets.join(", "),
        ];
        picker.row(cells, None);
    }
    let signals = context.signals.clone();
    match picker.pick(&context.printer, signals.any()).await {
        Ok(Pick::Picked(rows)) => {
            let traces: Vec<Trace> = rows.iter().filter_map(|row| live.get(*row).cloned()).collect();
            let mut ids: Vec<String> = traces.iter().map(|trace| trace.run().to_owned()).collect();
            ids.dedup();
            Ok(Chosen {
                ids,
                traces,
                events: events.all.clone(),
                unseen: Vec::new(),
            })
        }
        Ok(Pick::Cancelled) => Err(Stop::refused(
            Reason::NothingPicked,
            "nothing was picked; nothing was changed",
        )),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}
