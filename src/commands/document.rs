//! The document of a run: begun before anything is asked of the cluster, and printed whichever way the run ends.

use super::Context;
use super::records::Records;
use super::targets;
use crate::cli::{self, ReportFile, Wanted, Writing};
use crate::cluster::Cluster;
use crate::cluster::events::{Recorder, Regarding};
use crate::plan::new_run;
use crate::problem::Reason;
use crate::report::{AskedFault, DryRun, Ending, ExitCode, Format, RunReport};
use crate::stop::Stop;

/// A run with its document, from what was asked to the exit code; `fault` is what the command line made of it.
pub(super) async fn documented(
    context: &mut Context,
    fault: AskedFault,
    wanted: &Wanted,
    writing: &Writing,
    files: &[ReportFile],
    work: impl AsyncFnOnce(&mut Context, &mut Run) -> Result<Ending, Stop>,
) -> ExitCode {
    if let Err(stop) = targets::must_choose(context, wanted) {
        stop.print(&context.printer);
        return stop.exit;
    }
    let report = begin(fault, wanted, writing);
    let (records, refused) = match Records::open(files, &report) {
        Ok(records) => (records, None),
        Err(stop) => (Records::default(), Some(stop)),
    };
    records.listen(&context.printer);
    records.tell("begun", &report);
    let mut run = Run {
        report,
        records,
        closing: None,
    };
    let ended = match refused {
        None => Box::pin(work(context, &mut run)).await,
        Some(stop) => Err(stop),
    };
    finish(context, run, ended)
}

/// A run's document, and the files that keep it.
pub(super) struct Run {
    pub report: RunReport,
    records: Records,
    /// What is said last, below the document: what may be left, what failed, and what to do about it.
    pub closing: Option<Closing>,
}

/// Says what there is to say below a document.
type Closing = Box<dyn FnOnce(&Context)>;

/// A table of more rows than that has pushed off the screen what was said before it.
const SCREEN: usize = 20;

impl Run {
    /// All is agreed on, and something is done now.
    pub(super) fn begin(&mut self) -> Result<(), Stop> {
        self.records.begin()
    }

    /// Everything that is going to be done is in the document; `command` is what does the same again, with the seed where
    /// something but the VMs is drawn from it.
    pub(super) fn planned(&mut self, context: &Context, needs_seed: bool) {
        let report = &mut self.report;
        let (command, flags) = context.recorded.split_at(context.recorded.len().min(1));
        let targets = report
            .targets
            .iter()
            .map(|target| format!("vmi/{}/{}", target.name, target.namespace));
        report.command = command
            .iter()
            .cloned()
            .chain(targets)
            .chain(flags.iter().cloned())
            .collect();
        let said = flags.iter().any(|flag| flag == "--seed");
        if let Some(seed) = report.seed.filter(|_| needs_seed && !said) {
            report.command.extend(["--seed".to_owned(), seed.to_string()]);
        }
        self.records.tell("planned", &self.report);
    }
}

/// The document before anything is asked of the cluster.
fn begin(fault: AskedFault, wanted: &Wanted, writing: &Writing) -> RunReport {
    RunReport::new(
        new_run(),
        String::new(),
        None,
        writing.reason.clone(),
        wanted.seed,
        dry_run(writing.dry_run),
        fault,
    )
}

/// Connects, and writes down to what and as whom.
pub(super) async fn connect(context: &Context, report: &mut RunReport) -> Result<Cluster, Stop> {
    let cluster = context.connect().await?;
    report.context.clone_from(&cluster.context);
    report.server = Some(cluster.server.clone());
    report.user = Some(cluster.user.clone());
    if let Some(recorded) = &context.replays {
        recorded.is_here(&cluster, context.rehearsal.is_some())?;
    }
    Ok(cluster)
}

/// From how the run ended to the exit code; prints the error where there is one, and the document for every exit but 2.
fn finish(context: &Context, run: Run, ended: Result<Ending, Stop>) -> ExitCode {
    let Run {
        mut report,
        records,
        closing,
    } = run;
    let ending = match ended {
        Ok(ending) => ending,
        Err(stop) => {
            stop.print(&context.printer);
            if stop.exit == ExitCode::Usage {
                return stop.exit;
            }
            report.error = Some(stop.problem.clone());
            stop.ending()
        }
    };
    let mut exit = report.finish(ending);
    for failed in records.finish(&context.printer, &report) {
        context.printer.warn(&failed);
        exit = ExitCode::worst([exit, ExitCode::Failed]);
    }
    if let Err(stop) = print(context, &report) {
        stop.print(&context.printer);
        exit = ExitCode::worst([exit, stop.exit]);
    }
    if report.summary.targets > SCREEN && report.dry_run == DryRun::None {
        context.printer.line(&report.summary.words());
    }
    if let Some(closing) = closing {
        closing(context);
    }
    exit
}

/// Ends a dry run whose plan is shown. One of the server asks about the Events on the VMIs too; that none can be left stops no run.
pub(super) async fn nothing_changed(
    context: &Context,
    cluster: &Cluster,
    (run, fault, dry_run): (&str, &str, DryRun),
    vmis: Vec<Regarding>,
) -> Result<Ending, Stop> {
    if dry_run == DryRun::Server {
        let recorder = Recorder::new(cluster.clone(), run, fault, context.warnings());
        let asked = async {
            recorder.rehearse(&vmis).await;
            Ok(())
        };
        context.unless_signalled(asked).await?;
    }
    let how = if dry_run == DryRun::Client {
        "dry run"
    } else {
        "server dry run"
    };
    context.printer.line(&format!("nothing was changed ({how})"));
    Ok(Ending::Ran)
}

fn print(context: &Context, report: &RunReport) -> Result<(), Stop> {
    let structured = matches!(context.format, Format::Json | Format::Yaml);
    // Where nothing was begun, the reason on stderr says it all.
    if !structured && (report.targets.is_empty() || report.error.is_some()) {
        return Ok(());
    }
    // A dry run's plan is on the screen already; its table would say the same.
    if report.dry_run != DryRun::None && !structured && context.format != Format::Name {
        return Ok(());
    }
    let text = report
        .print(context.format)
        .map_err(|error| Stop::failed(Reason::Output, format!("{error:#}")))?;
    context.print(&text)
}

pub(super) fn dry_run(asked: cli::DryRun) -> DryRun {
    match asked {
        cli::DryRun::None => DryRun::None,
        cli::DryRun::Client => DryRun::Client,
        cli::DryRun::Server => DryRun::Server,
    }
}
