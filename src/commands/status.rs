//! `kubectl vmchaos status`: every live run, whoever started it, read off debug pods, migrations and changed VMs alone.

use futures::stream::pending;
use futures::{Stream, StreamExt};

use super::Context;
use crate::cli::StatusRequest;
use crate::cluster::{Cluster, ClusterError};
use crate::command_line::CommandLine;
use crate::problem::{Problem, Reason};
use crate::report::{ExitCode, Format, ListReport, RunItem, RunState, Time};
use crate::stop::Stop;
use crate::traces::uncounted::Uncounted;
use crate::traces::{self, Found, Snapshot, View};

pub(super) async fn status(context: &mut Context, request: StatusRequest) -> Result<ExitCode, Stop> {
    let cluster = context.connect().await?;
    let namespace = request.namespace.as_deref();
    let look = traces::look(&cluster, namespace, request.pod_namespace.as_deref());
    let look = async {
        let (found, events) = tokio::join!(look, traces::events(&cluster));
        // Without Events it is not known which faults are in place, and nothing else is lost.
        Ok((found?, events.ok()))
    };
    let (mut found, events) = Box::pin(context.unless_signalled(look)).await?;
    let (events, events_view) = events.unzip();
    found.now.events = events.unwrap_or_default();
    let items = found.now.items(Time::now());
    let mut columns = Vec::new();
    print(context, &found.now, items.clone(), &mut columns)?;
    if items.is_empty() && !structured(context.format) {
        context.printer.line(&no_runs(namespace));
    }
    tell_uncounted(context, &cluster, &found.now.uncounted);
    let blind = not_seen(&found, &cluster);
    if let Some(blind) = &blind {
        context.printer.problem(blind);
    }
    if request.watch {
        // Where nothing may be looked into, nothing will ever change.
        let changes = traces::follow(&cluster, &found, events_view.as_ref()).chain(pending());
        return watch(context, &cluster, changes, (found.now.uncounted, items, columns)).await;
    }
    Ok(if blind.is_some() {
        ExitCode::Failed
    } else {
        ExitCode::Done
    })
}

/// That there is nothing to show, as `kubectl get` says it.
pub(super) fn no_runs(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("No runs found in {namespace} namespace."),
        None => "No runs found".to_owned(),
    }
}

/// What could not be looked into, and what to do about it; `None` when that is nothing.
pub(super) fn not_seen(found: &Found, cluster: &Cluster) -> Option<Problem> {
    let told = |view: &View, what: &str, resource: &str| {
        let blind = view.blind_spots()?;
        let can_i = cluster.again(CommandLine::new("kubectl auth can-i list").arg(resource).own("-A"));
        Some((
            format!("could not look for {what} in {blind}: listing {resource} is not permitted there"),
            format!("to see what is missing: {can_i}"),
        ))
    };
    let all = [
        told(&found.views.pods, "runs", "pods"),
        told(
            &found.views.migrations,
            "runs of migrations",
            "virtualmachineinstancemigrations.kubevirt.io",
        ),
        told(&found.views.machines, "outages", "virtualmachines.kubevirt.io"),
        told(
            &found.views.instances,
            "outages of VMIs without a VM",
            "virtualmachineinstances.kubevirt.io",
        ),
    ];
    let unknown = found.now.uncounted.iter().find_map(|one| one.unknown.clone());
    let unknown = unknown.map(|why| {
        let check = cluster.again("kubectl vmchaos check");
        (
            format!("whether all pods that may be a run's are, is not known: {why}"),
            format!("to see what is missing: {check}"),
        )
    });
    let (what, hints): (Vec<String>, Vec<String>) = all.into_iter().flatten().chain(unknown).unzip();
    (!what.is_empty()).then(|| Problem::new(Reason::Forbidden, what.join("; ")).hint(hints.join("\n")))
}

/// Shows what has a run's labels and does not count; everybody may make any number of them.
pub(super) fn tell_uncounted(context: &Context, cluster: &Cluster, uncounted: &[Uncounted]) {
    const SHOWN: usize = 5;
    for one in uncounted.iter().take(SHOWN) {
        context.printer.warn(&one.words());
    }
    if uncounted.len() > SHOWN {
        let more = uncounted.len() - SHOWN;
        context.printer.warn(&format!("and {more} more like these"));
    }
    if let Some(first) = uncounted.first() {
        let look = CommandLine::new("kubectl vmchaos status").flag("-n", &first.namespace);
        context.printer.line(&format!(
            "hint: to count the pods of a namespace, if you know them: {}",
            cluster.again(look)
        ));
    }
}

fn structured(format: Format) -> bool {
    matches!(format, Format::Json | Format::Yaml)
}

/// `columns` are as wide as they have been, so that later rows stand under earlier ones.
fn print(context: &Context, seen: &Snapshot, items: Vec<RunItem>, columns: &mut Vec<u16>) -> Result<(), Stop> {
    let now = Time::now();
    let text = ListReport::new(items)
        .not_counted(seen.uncounted.iter().map(|one| one.item(now)).collect())
        .print_under(context.format, columns)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)
}

/// Prints what has changed until a signal: rows for a person, the whole list as one more document for a program.
async fn watch(
    context: &Context,
    cluster: &Cluster,
    mut snapshots: impl Stream<Item = Result<Snapshot, ClusterError>> + Unpin,
    (mut told, mut shown, mut columns): (Vec<Uncounted>, Vec<RunItem>, Vec<u16>),
) -> Result<ExitCode, Stop> {
    let signals = context.signals.clone();
    let mut headed = !shown.is_empty();
    loop {
        let now = tokio::select! {
            biased;
            () = signals.any() => return Ok(ExitCode::Interrupted),
            Some(now) = snapshots.next() => now?,
        };
        let new = now
            .uncounted
            .iter()
            .filter(|one| !told.iter().any(|old| old.words() == one.words()));
        tell_uncounted(context, cluster, &new.cloned().collect::<Vec<_>>());
        told.clone_from(&now.uncounted);
        let runs = now.items(Time::now());
        let changed = changed(&shown, &runs);
        if changed.is_empty() {
            continue;
        }
        if structured(context.format) {
            if context.format == Format::Yaml {
                context.print("---\n")?;
            }
            print(context, &now, runs.clone(), &mut columns)?;
        } else if headed {
            print_rows(context, changed, &mut columns)?;
        } else {
            headed = true;
            print(context, &now, changed, &mut columns)?;
        }
        shown = runs;
    }
}

/// The rows without the header, which stands above them already; as `kubectl get --watch` does.
fn print_rows(context: &Context, items: Vec<RunItem>, columns: &mut Vec<u16>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print_under(context.format, columns)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    let rows = match context.format {
        Format::Name => text.as_str(),
        _ => text.split_once('\n').map_or("", |(_, rows)| rows),
    };
    context.print(rows)
}

/// Runs that are new or not as they were shown, and those that are gone; time passing is no change.
fn changed(shown: &[RunItem], now: &[RunItem]) -> Vec<RunItem> {
    let still = |item: &RunItem| RunItem {
        left_seconds: None,
        ..item.clone()
    };
    let known = |of: &[RunItem], id: &str| of.iter().find(|item| item.id == id).map(still);
    let new = now
        .iter()
        .filter(|item| known(shown, &item.id).as_ref() != Some(&still(item)))
        .cloned();
    let gone = shown
        .iter()
        .filter(|item| known(now, &item.id).is_none())
        .map(|item| RunItem {
            state: RunState::Gone,
            left_seconds: None,
            ..item.clone()
        });
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run(id: &str, state: RunState, left: u64) -> RunItem {
        RunItem {
            id: id.into(),
            fault: "netem".into(),
            state,
            left_seconds: Some(Duration::from_secs(left).into()),
            ..RunItem::default()
        }
    }

    fn changes(shown: &[RunItem], now: &[RunItem]) -> Vec<(String, RunState)> {
        changed(shown, now)
            .into_iter()
            .map(|item| (item.id, item.state))
            .collect()
    }

    #[test]
    fn only_what_is_new_changed_or_gone_is_shown_again() {
        let shown = [
            run("a", RunState::Running, 9),
            run("b", RunState::Running, 9),
            run("c", RunState::Running, 9),
        ];
        let now = [
            run("a", RunState::Running, 5),
            run("b", RunState::Ending, 5),
            run("d", RunState::Starting, 20),
        ];
        let told = [
            ("b", RunState::Ending),
            ("d", RunState::Starting),
            ("c", RunState::Gone),
        ];
        assert_eq!(changes(&shown, &now), told.map(|(id, state)| (id.to_owned(), state)));
        assert!(changes(&now, &now).is_empty());
    }
}
