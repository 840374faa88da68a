//! The document of a run: begun before anything is asked of the cluster, and printed whichever way the run ends.

use serde::Serialize;

use super::Context;
use super::stop::Stop;
use super::targets;
use crate::cli::{DryRun, Wanted, Writing};
use crate::cluster::Cluster;
use crate::plan::run_plan::Plan;
use crate::report::{self, Ending, ExitCode, Format, RunReport};

/// A run with its document, from what was asked to the exit code; `fault` is what the command line made of it.
pub(super) async fn documented(
    context: &mut Context,
    fault: &impl Serialize,
    wanted: &Wanted,
    writing: &Writing,
    work: impl AsyncFnOnce(&mut Context, &mut RunReport) -> Result<Ending, Stop>,
) -> ExitCode {
    if let Err(stop) = targets::must_choose(context, wanted) {
        stop.print(&context.printer);
        return stop.exit;
    }
    let mut report = begin(fault, wanted, writing);
    let ended = Box::pin(work(context, &mut report)).await;
    finish(context, report, ended)
}

/// The document before anything is asked of the cluster.
fn begin(fault: &impl Serialize, wanted: &Wanted, writing: &Writing) -> RunReport {
    RunReport::new(
        Plan::new_run(),
        String::new(),
        None,
        writing.reason.clone(),
        wanted.seed,
        dry_run(writing.dry_run),
        serde_json::to_value(fault).unwrap_or_default(),
    )
}

/// Connects, and writes down to what and as whom.
pub(super) async fn connect(context: &Context, report: &mut RunReport) -> Result<Cluster, Stop> {
    let cluster = context.connect().await?;
    report.context.clone_from(&cluster.context);
    report.user = Some(cluster.user.clone());
    Ok(cluster)
}

/// From how the run ended to the exit code; prints the error where there is one, and the document for every exit but 2.
fn finish(context: &Context, mut report: RunReport, ended: Result<Ending, Stop>) -> ExitCode {
    let ending = match ended {
        Ok(ending) => ending,
        Err(stop) => {
            stop.print(&context.printer);
            if stop.exit == ExitCode::Usage {
                return stop.exit;
            }
            report.error = Some(stop.report());
            stop.ending()
        }
    };
    let exit = report.finish(ending);
    match print(context, &report) {
        Ok(()) => exit,
        Err(stop) => {
            stop.print(&context.printer);
            ExitCode::worst([exit, stop.exit])
        }
    }
}

/// The last line of a dry run.
pub(super) fn nothing_changed(context: &Context, dry_run: DryRun) {
    let how = if dry_run == DryRun::Client {
        "dry run"
    } else {
        "server dry run"
    };
    context.printer.line(&format!("nothing was changed ({how})"));
}

fn print(context: &Context, report: &RunReport) -> Result<(), Stop> {
    let structured = matches!(context.format, Format::Json | Format::Yaml);
    // Where nothing was begun, the reason on stderr says it all.
    if !structured && (report.targets.is_empty() || report.error.is_some()) {
        return Ok(());
    }
    // A dry run's plan is on the screen already; its table would say the same.
    if report.dry_run != report::DryRun::None && !structured && context.format != Format::Name {
        return Ok(());
    }
    let text = report
        .print(context.format)
        .map_err(|error| Stop::failed("output", format!("{error:#}")))?;
    context.print(&text)
}

fn dry_run(asked: DryRun) -> report::DryRun {
    match asked {
        DryRun::None => report::DryRun::None,
        DryRun::Client => report::DryRun::Client,
        DryRun::Server => report::DryRun::Server,
    }
}
