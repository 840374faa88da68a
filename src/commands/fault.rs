//! The commands that put a fault on VMs: find, choose, plan, ask the guards, confirm, run, report. The document of a run is begun
//! before anything is asked of the cluster, and printed whichever way the run ends.

use super::confirm::confirm;
use super::guards::{self, Guards};
use super::history;
use super::keyboard::Keyboard;
use super::prepare::{Prepared, prepare};
use super::records::Records;
use super::{Context, targets};
use crate::cli::Request;
use crate::cluster::Cluster;
use crate::cluster::events::{Recorder, Regarding};
use crate::faults::Fault;
use crate::faults::screen::Screen;
use crate::plan::new_run;
use crate::problem::Reason;
use crate::report::{DryRun, Ending, ExitCode, Format, RunReport};
use crate::stop::Stop;

/// A run's document, and the files that keep it.
struct Run {
    report: RunReport,
    records: Records,
    /// What is said last, below the document: what may be left, what failed, and what to do about it.
    closing: Option<Closing>,
}

/// Says what there is to say below a document.
type Closing = Box<dyn FnOnce(&Context)>;

/// A table of more rows than that has pushed off the screen what was said before it.
const SCREEN: usize = 20;

/// From the request to the exit code; the document is printed whichever way it ends.
pub(super) async fn fault<F: Fault + 'static>(context: &mut Context, request: Request<F>) -> ExitCode {
    for line in &request.ignored {
        context.printer.warn(line);
    }
    if let Err(stop) = targets::must_choose(context, &request.wanted) {
        stop.print(&context.printer);
        return stop.exit;
    }
    let (mut run, opened) = Run::new(context, &request);
    let ended = match opened {
        Ok(()) => Box::pin(carry_out(context, &request, &mut run)).await,
        Err(stop) => Err(stop),
    };
    run.finish(context, ended)
}

async fn carry_out<F: Fault + 'static>(
    context: &mut Context,
    request: &Request<F>,
    run: &mut Run,
) -> Result<Ending, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = connect(context, &mut run.report).await?;
    let Prepared {
        plan,
        facts,
        verdict,
        namespaces,
        ..
    } = Box::pin(prepare(context, &cluster, &guards, request, &run.report.id)).await?;
    let dry_run = DryRun::from(request.writing.dry_run);
    F::planned(&cluster, &plan, &mut run.report);
    run.planned(context, F::DRAWS_A_SCHEDULE);
    let is_dry = dry_run != DryRun::None;
    let text = F::describe(&cluster, &plan, &namespaces, is_dry);
    context.printer.line(&guards::shown(text, &verdict));
    if is_dry {
        if let Some(line) = F::not_asked(&plan).filter(|_| dry_run == DryRun::Server) {
            context.printer.line(line);
        }
        let how = (run.report.id.as_str(), facts.fault, dry_run);
        return nothing_changed(context, &cluster, how, F::vmis(&plan)).await;
    }
    let question = F::question(&plan);
    let consent = confirm(context, &request.writing, &cluster, question, &verdict.demands).await?;
    F::keep(&plan)?;
    let confirmed = consent.to(plan);
    run.records.begin()?;
    let recorder = Recorder::new(cluster.clone(), &run.report.id, facts.fault, context.warnings());
    let screen = Screen::new(&context.printer, F::size(confirmed.plan()), recorder);
    let keys = F::keys(confirmed.plan());
    let keyboard = Keyboard::open(&context.printer, &screen.progress, &context.signals, &keys);
    let mut ran = F::run(&cluster, &confirmed, &context.signals, &screen).await;
    keyboard.close().await;
    screen.finish().await;
    let ending = F::outcome(&cluster, &mut ran, &mut run.report);
    for line in F::summary(&run.report, context.printer.look().unicode) {
        context.printer.line(&line);
    }
    run.closing = Some(Box::new(move |context| {
        F::close(&context.printer, &cluster, confirmed.plan(), &ran);
    }));
    Ok(ending)
}

/// Connects, and writes down to what and as whom.
async fn connect(context: &Context, report: &mut RunReport) -> Result<Cluster, Stop> {
    let cluster = context.connect().await?;
    report.context.clone_from(&cluster.context);
    report.server = Some(cluster.server.clone());
    report.user = Some(cluster.user.clone());
    if let Some(recorded) = &context.replays {
        recorded.is_here(&cluster, context.rehearsal.is_some())?;
    }
    Ok(cluster)
}

/// Ends a dry run whose plan is shown. One of the server asks about the Events on the VMIs too; that none can be left stops no run.
async fn nothing_changed(
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
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)
}

// === impl Run ===

impl Run {
    /// Begins the document, before anything is asked of the cluster, and opens the files; the error says which cannot be.
    fn new<F: Fault>(context: &Context, request: &Request<F>) -> (Self, Result<(), Stop>) {
        let report = RunReport::new(
            new_run(),
            String::new(),
            None,
            request.writing.reason.clone(),
            request.wanted.seed,
            request.writing.dry_run.into(),
            request.fault.asked(),
        );
        let (records, opened) = match Records::open(&request.records, &report.id) {
            Ok(records) => (records, Ok(())),
            Err(stop) => (Records::default(), Err(stop)),
        };
        records.listen(&context.printer);
        records.tell("begun", &report);
        let run = Self {
            report,
            records,
            closing: None,
        };
        (run, opened)
    }

    /// Everything that is going to be done is in the document; `command` is what does the same again, with the seed where
    /// something but the VMs is drawn from it.
    fn planned(&mut self, context: &Context, needs_seed: bool) {
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

    /// From how the run ended to the exit code; prints the error where there is one, and the document for every exit but 2.
    fn finish(self, context: &Context, ended: Result<Ending, Stop>) -> ExitCode {
        let Self {
            mut report,
            records,
            closing,
        } = self;
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
        if records.began() {
            history::keep(context, &report);
        }
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
}
