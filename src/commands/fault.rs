//! The commands that put a fault on a VM's packets: find, plan, confirm, run, report.

use std::collections::BTreeMap;

use super::confirm::agree;
use super::document::Run;
use super::guards::{self, Guards};
use super::keyboard::{Keyboard, Words};
use super::stop::Stop;
use super::targets::{self, Chosen};
use super::watcher::Shown;
use super::{Context, closing_lines, debug_pods, document, plan_text};
use crate::cli::{DryRun, FaultRequest};
use crate::cluster::Cluster;
use crate::cluster::events::{Recorder, Regarding};
use crate::cluster::pod_namespace::PodNamespaces;
use crate::fault::{AgentImages, Execution};
use crate::plan::guards::{Facts, Lasts, counted};
use crate::plan::run_plan::{Confirmed, Plan, REASON, USER};
use crate::report::{self, ExitCode, probe_chart};
use crate::run::{driver, follow};
use crate::ui::Progress;

/// From the request to the exit code; the document is printed whichever way it ends.
pub(super) async fn fault(context: &mut Context, request: FaultRequest) -> ExitCode {
    for line in &request.ignored {
        context.printer.warn(line);
    }
    let (fault, wanted, writing) = (&request.spec, &request.wanted, &request.writing);
    let work = async |context: &mut Context, run: &mut Run| carry_out(context, &request, run).await;
    document::documented(context, fault, wanted, writing, &request.records, work).await
}

async fn carry_out(context: &mut Context, request: &FaultRequest, run: &mut Run) -> Result<report::Ending, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = document::connect(context, &mut run.report).await?;
    let interfaces = &request.spec.interfaces;
    let (chosen, images) = targets::choose(context, &cluster, &request.wanted, interfaces, &guards).await?;
    let images = debug_pods::images(&guards, request.pod.image.as_ref(), &images)?;
    let around = chosen.around.clone();
    let pods = around.pod_namespaces(request.pod.namespace.as_deref());
    let plan = planned(request, &cluster, chosen, images, &run.report.id)?;
    let facts = facts(&cluster, &plan);
    let passed = Box::pin(async {
        let admitted = admitted(&cluster, request, &plan, &pods);
        let (verdict, namespace) = tokio::join!(guards.look(&cluster, &facts, &around, &pods), admitted);
        Ok((verdict?, namespace?))
    });
    let (verdict, namespace) = context.unless_signalled(passed).await?;
    crate::run::report::plan(&mut run.report, &plan, &namespace);
    run.planned(context);
    let is_dry = request.writing.dry_run != DryRun::None;
    let text = plan_text::plan_text(&plan, &cluster, &namespace, is_dry);
    let text = debug_pods::noted(text, &pods);
    context.printer.line(&guards::shown(text, &verdict));
    if is_dry {
        let vmis = plan.vms.iter().map(|vm| &vm.target);
        let vmis = vmis.map(|vm| Regarding::new(&vm.namespace, &vm.name, &vm.uid));
        let how = (plan.run.as_str(), request.writing.dry_run);
        return document::nothing_changed(context, &cluster, how, vmis.collect()).await;
    }
    let question = format!("Put this on {}", counted(plan.vms.len()));
    let consent = agree(context, &request.writing, &cluster, question, &verdict.demands).await?;
    let confirmed = consent.to(plan);
    run.begin()?;
    Ok(execute(context, &cluster, confirmed, &namespace, run).await)
}

fn facts(cluster: &Cluster, plan: &Plan) -> Facts {
    let targets = plan.vms.iter().map(|vm| &vm.target);
    let vms = targets.map(|target| (&target.namespace, &target.name, &target.node));
    Facts {
        lasts: Lasts::For(plan.hold()),
        ..guards::facts(cluster, plan.spec.fault.kind(), vms, plan.matched)
    }
}

fn planned(
    request: &FaultRequest,
    cluster: &Cluster,
    chosen: Chosen,
    images: AgentImages,
    run: &str,
) -> Result<Plan, Stop> {
    let mut annotations = BTreeMap::from([(USER.to_owned(), cluster.user.clone())]);
    if let Some(reason) = &request.writing.reason {
        annotations.insert(REASON.to_owned(), reason.clone());
    }
    let pod = debug_pods::options(&request.pod, images, annotations);
    let many = chosen.targets.len() > 1;
    if request.spec.detach && many && request.spec.execution == Execution::Serial {
        return Err(Stop::refused(
            "detach",
            "--detach cannot serve several VMs one after the other: nobody would be left to do it",
        )
        .hint("add --execution parallel, or name one VM"));
    }
    let mut plan =
        Plan::new(run.to_owned(), request.spec.clone(), chosen.targets, pod).map_err(|error| match error.hint() {
            Some(hint) => Stop::refused("plan", error.to_string()).hint(hint),
            None => Stop::refused("plan", error.to_string()),
        })?;
    plan.matched = chosen.matched;
    plan.seed = chosen.seed;
    plan.left_out = chosen.left_out;
    Ok(plan)
}

/// Where the debug pods go.
async fn admitted(
    cluster: &Cluster,
    request: &FaultRequest,
    plan: &Plan,
    namespaces: &PodNamespaces,
) -> Result<String, Stop> {
    let pods = (0..plan.nodes.len()).map(|node| follow::debug_pod(plan, node, ""));
    let pods: Vec<_> = pods.collect();
    let kind = request.spec.fault.kind();
    debug_pods::place(cluster, namespaces, &pods, request.writing.dry_run, kind).await
}

fn keys(plan: &Plan) -> Words {
    let enough = match plan.spec.execution {
        Execution::Serial if plan.vms.len() > 1 => "rolls this VM back, on to the next",
        _ => "rolls back now",
    };
    Words {
        enough: Some(enough).filter(|_| !plan.spec.detach),
        enough_always: None,
        stop: "ends the run",
        stopping: "rolling back",
    }
}

async fn execute(
    context: &mut Context,
    cluster: &Cluster,
    confirmed: Confirmed,
    namespace: &str,
    run: &mut Run,
) -> report::Ending {
    let progress = Progress::new(&context.printer, confirmed.plan().vms.len());
    let recorder = Recorder::new(cluster.clone(), &confirmed.plan().run, context.warnings());
    let keyboard = Keyboard::open(&context.printer, &progress, &context.signals, keys(confirmed.plan()));
    let shown = Shown::new(progress, recorder);
    let mut ran = driver::run(cluster, &confirmed, namespace, &context.signals, &shown).await;
    keyboard.close().await;
    shown.finish().await;
    for trouble in ran.vms.iter_mut().filter_map(|vm| vm.trouble.as_mut()) {
        trouble.hint = trouble.hint.take().map(|hint| cluster.lead(hint));
    }
    let ending = crate::run::report::outcome(&mut run.report, &ran);
    for line in probe_chart::lines(&run.report.targets, context.printer.look().unicode) {
        context.printer.line(&line);
    }
    let cluster = cluster.clone();
    run.closing = Some(Box::new(move |context| {
        closing_lines::tell(context, &cluster, confirmed.plan(), &ran);
    }));
    ending
}
