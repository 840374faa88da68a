//! `kubectl vmchaos status`: every live run, whoever started it, read off debug pods, migrations and changed VMs alone.

use futures::StreamExt;
use futures::stream::pending;

use super::Context;
use super::stop::Stop;
use crate::cli::StatusRequest;
use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::report::{ExitCode, Format, ListReport, RunItem, Time};
use crate::run::in_place::{Heard, told};
use crate::run::live::LiveRun;
use crate::run::live_report::item;
use crate::run::lookout::{self, Found, View};
use crate::run::migrate::live::MigrationRun;
use crate::run::outage::changes::Changed;

pub(super) async fn status(context: &mut Context, request: StatusRequest) -> Result<ExitCode, Stop> {
    let cluster = context.connect().await?;
    let namespace = request.namespace.as_deref();
    let look = async {
        let (found, events) = tokio::join!(lookout::look(&cluster, namespace), lookout::events(&cluster));
        // Without Events it is not known which faults are in place, and nothing else is lost.
        Ok((found?, events.ok()))
    };
    let (found, events) = Box::pin(context.unless_signalled(look)).await?;
    let (heard, events_view) = events.unzip();
    let mut seen = Seen {
        runs: found.runs.clone(),
        migrations: found.migrations.clone(),
        changes: found.changes.clone(),
        heard: heard.unwrap_or_default(),
    };
    let items = seen.items();
    let mut columns = Vec::new();
    print(context, items.clone(), &mut columns)?;
    if items.is_empty() && !structured(context.format) {
        context.printer.line(&match namespace {
            Some(namespace) => format!("No runs found in {namespace} namespace."),
            None => "No runs found".to_owned(),
        });
    }
    let blind = not_seen(&found, &cluster);
    if let Some(blind) = &blind {
        context.printer.error(&anyhow::anyhow!("{blind}"));
    }
    if request.watch {
        let events_view = events_view.as_ref();
        return watch(context, &cluster, (&found, events_view), (&mut seen, items, columns)).await;
    }
    Ok(if blind.is_some() {
        ExitCode::Failed
    } else {
        ExitCode::Done
    })
}

/// What could not be looked into, and what to do about it; `None` when that is nothing.
pub(super) fn not_seen(found: &Found, cluster: &Cluster) -> Option<String> {
    let told = |view: &View, what: &str, resource: &str| {
        let blind = view.blind_spots()?;
        let can_i = cluster.again(CommandLine::new("kubectl auth can-i list").arg(resource).own("-A"));
        Some((
            format!("could not look for {what} in {blind}: listing {resource} is not permitted there"),
            format!("to see what is missing: {can_i}"),
        ))
    };
    let all = [
        told(&found.view, "runs", "pods"),
        told(
            &found.migrations_view,
            "runs of migrations",
            "virtualmachineinstancemigrations.kubevirt.io",
        ),
        told(&found.changes_views[0], "outages", "virtualmachines.kubevirt.io"),
        told(
            &found.changes_views[1],
            "outages of VMIs without a VM",
            "virtualmachineinstances.kubevirt.io",
        ),
    ];
    let (what, hints): (Vec<String>, Vec<String>) = all.into_iter().flatten().unzip();
    (!what.is_empty()).then(|| format!("{}\nhint: {}", what.join("; "), hints.join("\nhint: ")))
}

/// What was last seen of everything.
struct Seen {
    runs: Vec<LiveRun>,
    migrations: Vec<MigrationRun>,
    changes: Vec<Changed>,
    heard: Vec<Heard>,
}

impl Seen {
    /// Every run of debug pods, those of migrations that are not over (what is left of those is KubeVirt's history), and what
    /// outages have changed.
    fn items(&self) -> Vec<RunItem> {
        let now = Time::now();
        let migrations = self.migrations.iter().filter(|run| run.is_live(now));
        let migrations = migrations.map(|run| run.item(now));
        let runs = self.runs.iter().map(|run| told(item(run, now), &self.heard, now));
        let mut items: Vec<RunItem> = runs.chain(migrations).collect();
        items.extend(self.changes.iter().map(|change| change.item(now)));
        items.sort_by(|a, b| a.id.cmp(&b.id));
        items
    }
}

fn structured(format: Format) -> bool {
    matches!(format, Format::Json | Format::Yaml)
}

/// `columns` are as wide as they have been, so that later rows stand under earlier ones.
fn print(context: &Context, items: Vec<RunItem>, columns: &mut Vec<u16>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print_under(context.format, columns)
        .map_err(|error| Stop::failed("output", format!("{error:#}")))?;
    context.print(&text)
}

/// Prints what has changed until a signal: rows for a person, the whole list as one more document for a program.
async fn watch(
    context: &Context,
    cluster: &Cluster,
    (found, events): (&Found, Option<&View>),
    (seen, mut shown, mut columns): (&mut Seen, Vec<RunItem>, Vec<u16>),
) -> Result<ExitCode, Stop> {
    // Where nothing may be looked into, nothing will ever change.
    let mut pods = lookout::follow(cluster, &found.view).chain(pending());
    let mut flights = lookout::follow_migrations(cluster, &found.migrations_view).chain(pending());
    let mut news = lookout::follow_changes(cluster, &found.changes_views).chain(pending());
    let said = events.map(|view| lookout::follow_events(cluster, view));
    let mut said = said.unwrap_or_else(|| pending().boxed()).chain(pending());
    let signals = context.signals.clone();
    let mut headed = !shown.is_empty();
    loop {
        tokio::select! {
            biased;
            () = signals.any() => return Ok(ExitCode::Interrupted),
            Some(now) = pods.next() => seen.runs = now?,
            Some(now) = flights.next() => seen.migrations = now?,
            Some(now) = news.next() => seen.changes = now?,
            Some(now) = said.next() => seen.heard = now,
        }
        let runs = seen.items();
        let changed = changed(&shown, &runs);
        if changed.is_empty() {
            continue;
        }
        if structured(context.format) {
            if context.format == Format::Yaml {
                context.print("---\n")?;
            }
            print(context, runs.clone(), &mut columns)?;
        } else if headed {
            print_rows(context, changed, &mut columns)?;
        } else {
            headed = true;
            print(context, changed, &mut columns)?;
        }
        shown = runs;
    }
}

/// The rows without the header, which stands above them already; as `kubectl get --watch` does.
fn print_rows(context: &Context, items: Vec<RunItem>, columns: &mut Vec<u16>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print_under(context.format, columns)
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
            state: state.into(),
            left_seconds: Some(Duration::from_secs(left).into()),
            ..RunItem::default()
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
