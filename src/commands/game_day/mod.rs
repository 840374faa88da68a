//! `kubectl vmchaos run -f FILE`: read, plan, ask, run, report.

mod checks;
mod driver;
mod files;
mod foreseen;
mod judge;
mod plan;
mod probes;
mod read;
mod save;
mod screen;
mod step_fault;
mod telling;
mod text;
mod unattended;

use std::sync::Arc;

use serde_json::json;

use self::plan::{GameDayPlan, PlannedFault};
use self::step_fault::{Closing, Desk};
use self::telling::Telling;
use super::Context;
use super::confirm::confirm;
use super::guards::Guards;
use super::history;
use super::keyboard::Keyboard;
use super::records::Records;
use crate::cli::{self, GameDayRequest};
use crate::faults::Keys;
use crate::faults::registry::FAULTS;
use crate::gameday::EXAMPLES;
use crate::gameday::engine::Cut;
use crate::gameday::file::game_day::Occasion;
use crate::gameday::look::Looker;
use crate::plan::consent::Agreed;
use crate::plan::draw::Draw;
use crate::plan::guards::counted;
use crate::plan::new_run;
use crate::problem::Reason;
use crate::report::{DryRun, ExitCode, Format, GameDayHead, GameDayReport, json, yaml};
use crate::run::probe_pods::ProbePods;
use crate::stop::Stop;
use crate::ui::{Progress, escape};

pub(super) use self::save::save;

/// The JSON Schema of game days, on stdout.
pub(super) fn schema(context: &Context) -> Result<ExitCode, Stop> {
    let faults: Vec<_> = FAULTS.iter().map(|kind| cli::step_keys(kind.command)).collect();
    let schema = crate::gameday::file::schema(&faults);
    let text = json(&schema).map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)?;
    Ok(ExitCode::Done)
}

/// An example of a game day, on stdout.
pub(super) fn example(context: &Context, name: &str) -> Result<ExitCode, Stop> {
    let Some((_, text)) = EXAMPLES.iter().find(|(known, _)| *known == name) else {
        let all: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        let stop = Stop::usage(format!("there is no example {}", escape(name)));
        return Err(stop.hint(format!("there is: {}", all.join(", "))));
    };
    context.print(text)?;
    Ok(ExitCode::Done)
}

/// From the file to the exit code; the document is printed whichever way it ends.
pub(super) async fn game_day(context: &Context, mut request: GameDayRequest) -> ExitCode {
    request.for_all.seed = request.seed.unwrap_or_else(Draw::seed);
    let request = &request;
    for line in &request.ignored {
        context.printer.warn(line);
    }
    if let Some(manifests) = &request.manifests {
        let printed = unattended::print(context, request, manifests).await;
        return printed.unwrap_or_else(|stop| {
            stop.print(&context.printer);
            stop.exit
        });
    }
    let read = match (request.speed, &context.rehearsal) {
        (Some(_), None) => {
            let stop = Stop::usage("--speed is for the practice cluster: on a real one things take the time they take");
            Err(stop.hint("kubectl vmchaos rehearse -- run -f FILE --speed 10"))
        }
        _ => read::read(request),
    };
    let asked = match read {
        Ok(asked) => asked,
        Err(stop) => {
            stop.print(&context.printer);
            return stop.exit;
        }
    };
    let dry_run = DryRun::from(request.writing.dry_run);
    let head = GameDayHead {
        id: new_run(),
        name: asked.day.name.clone(),
        file: asked.day.files(),
        owner: asked.day.owner.clone(),
        hypothesis: asked.day.hypothesis.clone(),
        reason: request.writing.reason.clone(),
        seed: request.for_all.seed,
    };
    let mut report = GameDayReport::new(head, dry_run);
    let mut closings = Vec::new();
    let (mut records, opened) = match Records::open(&request.records, &report.id) {
        Ok(records) => (records, Ok(())),
        Err(stop) => (Records::default(), Err(stop)),
    };
    records.listen(&context.printer);
    records.tell("begun", &report);
    let ended = match opened {
        Ok(()) => {
            Box::pin(carry_out(
                context,
                request,
                asked,
                &mut report,
                (&mut records, &mut closings),
            ))
            .await
        }
        Err(stop) => Err(stop),
    };
    let whole = match ended {
        Ok(exit) => exit,
        Err(stop) => {
            stop.print(&context.printer);
            report.error = Some(stop.problem.clone());
            stop.exit
        }
    };
    let exit = report.finish(whole);
    if records.began() {
        history::keep(context, &report);
    }
    let mut exits = vec![exit];
    for failed in records.finish(&context.printer, &report) {
        context.printer.warn(&failed);
        exits.push(ExitCode::Failed);
    }
    if let Err(stop) = print(context, &report) {
        stop.print(&context.printer);
        exits.push(stop.exit);
    }
    if let Some(verdict) = text::verdict(&report) {
        context.printer.line(&verdict);
    }
    for closing in closings {
        closing(context);
    }
    ExitCode::worst(exits)
}

async fn carry_out(
    context: &Context,
    request: &GameDayRequest,
    asked: read::Asked,
    report: &mut GameDayReport,
    (records, closings): (&mut Records, &mut Vec<Closing>),
) -> Result<ExitCode, Stop> {
    let dry_run = report.dry_run;
    let guards = Guards::read(&context.config)?;
    let cluster = context.connect().await?;
    report.context.clone_from(&cluster.context);
    report.server = Some(cluster.server.clone());
    report.user = Some(cluster.user.clone());
    let desk = Desk {
        context,
        cluster: &cluster,
        guards: &guards,
    };
    if request.unattended {
        unattended::permitted(context, &cluster, request, &guards, &asked).await?;
    }
    // All faults are planned on one look at the cluster.
    let seen = cluster.remembered();
    let planning = Desk { cluster: &seen, ..desk };
    let plan = Box::pin(plan::plan(&planning, asked)).await?;
    let probes = Box::pin(probes::plan(&planning, request, &plan, (&report.id, dry_run)));
    let probes = context.unless_signalled(probes).await?;
    drop(seen);
    report.checks = plan.day.checks.iter().map(checks::report).collect();
    report.steps = plan.faults.iter().map(PlannedFault::report).collect();
    records.tell("planned", report);
    let is_dry = dry_run != DryRun::None;
    let words = text::plan(&plan, probes.as_ref(), &cluster, context.printer.look().unicode, is_dry);
    context.printer.line(&words);
    if is_dry {
        for (step, fault) in report.steps.iter_mut().zip(&plan.faults) {
            step.runs.push(fault.fault.document(&desk));
        }
        let how = match dry_run {
            DryRun::Server => "server dry run",
            _ => "dry run",
        };
        context.printer.line(&format!("nothing was changed ({how})"));
        return Ok(ExitCode::Done);
    }
    let demands = judge::demands(&plan, request)?;
    let question = format!("Run {} on {}", steps(plan.faults.len()), counted(plan.count()));
    let consent = confirm(context, &request.writing, &cluster, question, &demands).await?;
    let agreed = consent.for_game_day(plan.vms());
    let pods = probes.map(|probes| (ProbePods::start(&cluster, &probes), probes));
    let performed = async {
        let lookers = probes::lookers(&cluster, &plan, pods.as_ref())?;
        context.unless_signalled(judge::steady(&lookers, report)).await?;
        records.begin()?;
        Ok::<_, Stop>(perform(&desk, &plan, &agreed, &lookers, report).await)
    };
    let ended = performed.await;
    if let Some((pods, _)) = pods {
        // What they leave ends by itself: nobody has to wait for it who wants to go.
        let seen = context.signals.count();
        tokio::select! {
            () = pods.finish() => {}
            () = context.signals.more_than(seen) => {}
        }
    }
    let (whole, last_words) = ended?;
    *closings = last_words;
    Ok(whole)
}

/// Does what was confirmed, looks at the checks once more, and judges the hypothesis.
async fn perform(
    desk: &Desk<'_>,
    plan: &GameDayPlan,
    agreed: &Agreed,
    lookers: &[Arc<Looker>],
    report: &mut GameDayReport,
) -> (ExitCode, Vec<Closing>) {
    let context = desk.context;
    let told = json!({"gameDay": report.name, "id": report.id, "context": report.context, "owner": report.owner});
    let telling = Telling::new(&plan.day.notify, &told);
    telling.tell(Occasion::Begin, None, json!({"hypothesis": report.hypothesis}));
    let vms = plan.faults.iter().map(|fault| fault.planned.vms.len()).sum();
    let progress = Progress::new(&context.printer, vms);
    let keys = Keys {
        enough: None,
        enough_always: Some("ends the step under way"),
        stop: "ends the game day",
        stopping: "rolling back",
    };
    let keyboard = Keyboard::open(&context.printer, &progress, &context.signals, &keys);
    let ended = driver::run(desk, plan, agreed, lookers, &progress, &telling, report).await;
    keyboard.close().await;
    progress.finish();
    // What was rolled back by a signal is not looked at again; a signal during the looks ends them.
    let last = if ended.signals == 0 {
        tokio::select! {
            () = context.signals.any() => Vec::new(),
            last = checks::at_the_end(lookers) => last,
        }
    } else {
        Vec::new()
    };
    for looked in last {
        checks::add(&mut report.checks, looked);
    }
    report.verdict = judge::judge(plan, report, ended.cut);
    let whole = match ended.cut {
        Some(Cut::Signal) => ExitCode::Interrupted,
        Some(Cut::Step) => ExitCode::Failed,
        Some(Cut::Abort) | None => ExitCode::Done,
    };
    report.finish(whole);
    let told = json!({"verdict": report.verdict, "outcome": report.outcome, "exitCode": report.exit_code});
    telling.tell(Occasion::End, None, told);
    report.not_told = telling.finish().await;
    for told in &report.not_told {
        context.printer.warn(&format!("not told: {told}"));
    }
    (whole, ended.closings)
}

fn steps(count: usize) -> String {
    match count {
        1 => "one step".to_owned(),
        count => format!("{count} steps"),
    }
}

fn print(context: &Context, report: &GameDayReport) -> Result<(), Stop> {
    let text = match context.format {
        Format::Json => json(report),
        Format::Yaml => yaml(report),
        Format::Name => {
            let runs = report.steps.iter().flat_map(|step| &step.runs);
            Ok(runs.fold(String::new(), |text, run| text + &run.id + "\n"))
        }
        Format::Table | Format::Wide if report.dry_run != DryRun::None || report.error.is_some() => return Ok(()),
        Format::Table | Format::Wide => Ok(text::result(report)),
    };
    let text = text.map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)
}
