//! The commands that put a fault on VMs: find, choose, plan, ask the guards, confirm, run, report.

use super::confirm::agree;
use super::document::{self, Run};
use super::guards::{self, Guards};
use super::keyboard::Keyboard;
use super::{Context, targets};
use crate::cli::Request;
use crate::cluster::events::Recorder;
use crate::faults::screen::Screen;
use crate::faults::{Fault, Order};
use crate::report::{DryRun, Ending, ExitCode};
use crate::stop::Stop;

/// From the request to the exit code; the document is printed whichever way it ends.
pub(super) async fn fault<F: Fault + 'static>(context: &mut Context, request: Request<F>) -> ExitCode {
    for line in &request.ignored {
        context.printer.warn(line);
    }
    let work = async |context: &mut Context, run: &mut Run| carry_out(context, &request, run).await;
    let (wanted, writing) = (&request.wanted, &request.writing);
    document::documented(context, request.fault.asked(), wanted, writing, &request.records, work).await
}

async fn carry_out<F: Fault + 'static>(
    context: &mut Context,
    request: &Request<F>,
    run: &mut Run,
) -> Result<Ending, Stop> {
    let fault = &request.fault;
    let guards = Guards::read(&context.config)?;
    let cluster = document::connect(context, &mut run.report).await?;
    let selection = &request.wanted.selection;
    let search = guards::and_own(&cluster, fault.find(&cluster, selection));
    let (((mut found, seen), own), protection) = guards.search(context, &cluster, selection, search).await?;
    fault.allowed(&cluster, &seen)?;
    found.around.own = own;
    guards.keep_off(&cluster, &mut found, protection);
    let chosen = targets::choose(context, &cluster, &request.wanted, found).await?;
    let around = chosen.around.clone();
    let pods = fault.pods();
    let namespaces = around.pod_namespaces(pods.and_then(|pods| pods.namespace.as_deref()));
    let order = Order {
        cluster: &cluster,
        run: &run.report.id,
        image: guards.image(pods.and_then(|pods| pods.image.as_ref())),
        reason: request.writing.reason.as_ref(),
        seed: request.wanted.seed,
    };
    let mut plan = context.unless_signalled(fault.plan(order, chosen, seen)).await?;
    let facts = F::facts(&cluster, &plan);
    let dry_run = document::dry_run(request.writing.dry_run);
    let passed = Box::pin(async {
        let look = guards.look(&cluster, &facts, &around, &namespaces);
        let asked = fault.preflight(&cluster, &mut plan, &namespaces, dry_run);
        let (verdict, asked) = tokio::join!(look, asked);
        let verdict = verdict?;
        asked.map(|()| verdict)
    });
    let verdict = context.unless_signalled(passed).await?;
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
        return document::nothing_changed(context, &cluster, how, F::vmis(&plan)).await;
    }
    let question = F::question(&plan);
    let consent = agree(context, &request.writing, &cluster, question, &verdict.demands).await?;
    F::keep(&plan)?;
    let confirmed = consent.to(plan);
    run.begin()?;
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
