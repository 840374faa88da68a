//! `kubectl vmchaos status`: every live run, whoever started it, read off the debug pods and the changed VMs alone.

use futures::StreamExt;

use super::Context;
use super::stop::Stop;
use crate::cli::StatusRequest;
use crate::cluster::Cluster;
use crate::report::{ExitCode, Format, ListReport, RunItem, Time};
use crate::run::live::LiveRun;
use crate::run::live_report::item;
use crate::run::lookout::{self, Found, View};
use crate::run::outage::changes::Changed;

pub(super) async fn status(context: &mut Context, request: StatusRequest) -> Result<ExitCode, Stop> {
    let cluster = context.connect().await?;
    let namespace = request.namespace.as_deref();
    let look = async { Ok(lookout::look(&cluster, namespace).await?) };
    let Found { runs, changes, view } = Box::pin(context.unless_signalled(look)).await?;
    let first = items(&runs, &changes);
    let none = first.is_empty();
    print(context, first.clone())?;
    if none && !structured(context.format) {
        context.printer.line(&match namespace {
            Some(namespace) => format!("No runs found in {namespace} namespace."),
            None => "No runs found".to_owned(),
        });
    }
    let blind = view.blind_spots();
    if let Some(blind) = &blind {
        context
            .printer
            .error(&anyhow::anyhow!("{}", not_seen(blind, &view, &cluster)));
    }
    if request.watch {
        return watch(context, &cluster, &view, first).await;
    }
    Ok(if blind.is_some() {
        ExitCode::Failed
    } else {
        ExitCode::Done
    })
}

/// What could not be looked into, and what to do about it.
pub(super) fn not_seen(blind: &str, view: &View, cluster: &Cluster) -> String {
    let kinds = if view.kinds.is_empty() {
        "pods".to_owned()
    } else {
        view.kinds.join(", ")
    };
    let first = view.kinds.first().unwrap_or(&"pods");
    let can_i = cluster.again(&format!("kubectl auth can-i list {first} -A"));
    format!(
        "could not look for runs in {blind}: listing {kinds} is not permitted there\nhint: to see what is missing: {can_i}"
    )
}

fn items(runs: &[LiveRun], changes: &[Changed]) -> Vec<RunItem> {
    let now = Time::now();
    let of_pods = runs.iter().map(|run| item(run, now));
    of_pods.chain(changes.iter().map(|change| change.item(now))).collect()
}

fn structured(format: Format) -> bool {
    matches!(format, Format::Json | Format::Yaml)
}

fn print(context: &Context, items: Vec<RunItem>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print(context.format)
        .map_err(|error| Stop::failed("output", format!("{error:#}")))?;
    context.print(&text)
}

/// Prints what has changed until a signal: rows for a person, the whole list as one more document for a program.
async fn watch(context: &Context, cluster: &Cluster, view: &View, first: Vec<RunItem>) -> Result<ExitCode, Stop> {
    let mut stream = lookout::follow(cluster, view);
    let mut signals = context.signals.clone();
    let mut shown = first;
    let mut headed = !shown.is_empty();
    loop {
        let news = tokio::select! {
            biased;
            () = signals.any() => return Ok(ExitCode::Interrupted),
            news = stream.next() => news,
        };
        let Some(news) = news else {
            // Nothing may be looked into: nothing will ever change.
            signals.any().await;
            return Ok(ExitCode::Interrupted);
        };
        let (live, outages) = news?;
        let runs = items(&live, &outages);
        let changed = changed(&shown, &runs);
        if changed.is_empty() {
            continue;
        }
        if structured(context.format) {
            if context.format == Format::Yaml {
                context.print("---\n")?;
            }
            print(context, runs.clone())?;
        } else if headed {
            print_rows(context, changed)?;
        } else {
            headed = true;
            print(context, changed)?;
        }
        shown = runs;
    }
}

/// The rows without the header, which stands above them already; as `kubectl get --watch` does.
fn print_rows(context: &Context, items: Vec<RunItem>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print(context.format)
        .map_err(|error| Stop::failed("output", format!("{error:#}")))?;
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
            state: "gone".to_owned(),
            left_seconds: None,
            ..item.clone()
        });
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run(id: &str, state: &str, left: u64) -> RunItem {
        RunItem {
            id: id.into(),
            fault: "netem".into(),
            effect: None,
            state: state.into(),
            user: None,
            reason: None,
            started_at: None,
            duration_seconds: None,
            left_seconds: Some(Duration::from_secs(left).into()),
            targets: vec![],
            nodes: vec![],
            pods: vec![],
            detail: None,
        }
    }

    fn changes(shown: &[RunItem], now: &[RunItem]) -> Vec<(String, String)> {
        changed(shown, now)
            .into_iter()
            .map(|item| (item.id, item.state))
            .collect()
    }

    #[test]
    fn only_what_is_new_changed_or_gone_is_shown_again() {
        let shown = [run("a", "running", 9), run("b", "running", 9), run("c", "running", 9)];
        let now = [run("a", "running", 5), run("b", "ending", 5), run("d", "starting", 20)];
        let told = [("b", "ending"), ("d", "starting"), ("c", "gone")];
        assert_eq!(
            changes(&shown, &now),
            told.map(|(id, state)| (id.to_owned(), state.to_owned()))
        );
        assert!(changes(&now, &now).is_empty());
    }
}
