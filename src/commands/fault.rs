//! The commands that put a fault on a VM's packets: find, plan, confirm, run, report.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stop::Stop;
use super::targets::{self, Chosen};
use super::watcher::Shown;
use super::{Context, ended, plan_text};
use crate::cli::{DryRun, FaultRequest};
use crate::cluster::access;
use crate::cluster::events::Recorder;
use crate::cluster::rules::VM_PACKETS;
use crate::cluster::{Cluster, pod_namespace};
use crate::fault::Execution;
use crate::node::script::SCRIPT;
use crate::plan::run_plan::{Confirmed, Consent, Plan, PodOptions, REASON, USER};
use crate::report::{self, ExitCode, Format, RunReport};
use crate::run::{driver, follow};
use crate::ui::{Answer, Confirm, Progress};

/// From the request to the exit code; the document is printed whichever way it ends.
pub(super) async fn fault(context: &mut Context, request: FaultRequest) -> ExitCode {
    for line in &request.ignored {
        context.printer.warn(line);
    }
    if let Err(stop) = targets::must_choose(context, &request.wanted) {
        stop.print(&context.printer);
        return stop.exit;
    }
    let mut report = RunReport::new(
        Plan::new_run(),
        String::new(),
        None,
        request.writing.reason.clone(),
        request.wanted.seed,
        dry_run(request.writing.dry_run),
        serde_json::to_value(&request.spec).unwrap_or_default(),
    );
    let ending = match carry_out(context, &request, &mut report).await {
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

async fn carry_out(
    context: &mut Context,
    request: &FaultRequest,
    report: &mut RunReport,
) -> Result<report::Ending, Stop> {
    let cluster = context.connect().await?;
    report.context.clone_from(&cluster.context);
    report.user = Some(cluster.user.clone());
    let interfaces = &request.spec.interfaces;
    // Not raced against signals here: the picker ends itself and puts the terminal back.
    let chosen = if request.wanted.chosen {
        context
            .unless_signalled(targets::choose(context, &cluster, &request.wanted, interfaces))
            .await?
    } else {
        targets::choose(context, &cluster, &request.wanted, interfaces).await?
    };
    let kubevirt = chosen.kubevirt.clone();
    let plan = planned(request, &cluster, chosen, &report.id)?;
    let namespace = context
        .unless_signalled(admitted(&cluster, request, &plan, kubevirt.as_deref()))
        .await?;
    crate::run::report::plan(report, &plan, &namespace);
    let is_dry = request.writing.dry_run != DryRun::None;
    context
        .printer
        .line(&plan_text::plan_text(&plan, &cluster, &namespace, is_dry));
    if is_dry {
        let how = if request.writing.dry_run == DryRun::Client {
            "dry run"
        } else {
            "server dry run"
        };
        context.printer.line(&format!("nothing was changed ({how})"));
        return Ok(report::Ending::Ran);
    }
    let consent = confirm(context, request, &cluster, &plan).await?;
    let confirmed = plan.confirmed(consent);
    Ok(execute(context, &cluster, &confirmed, &namespace, report).await)
}

fn planned(request: &FaultRequest, cluster: &Cluster, chosen: Chosen, run: &str) -> Result<Plan, Stop> {
    let mut annotations = BTreeMap::from([(USER.to_owned(), cluster.user.clone())]);
    if let Some(reason) = &request.writing.reason {
        annotations.insert(REASON.to_owned(), reason.clone());
    }
    let pod = PodOptions {
        image: request.pod.image.clone(),
        service_account: request.pod.service_account.clone(),
        tolerations: request.pod.tolerations.clone(),
        start_limit: Duration::from_secs_f64(request.pod.running_timeout.as_secs_f64()),
        annotations,
    };
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

/// Where the debug pods go, and whether we may make, attach to and delete them there. A client dry run only reads.
async fn admitted(
    cluster: &Cluster,
    request: &FaultRequest,
    plan: &Plan,
    kubevirt: Option<&str>,
) -> Result<String, Stop> {
    let vm_namespace = plan.vms.first().map_or("default", |vm| vm.target.namespace.as_str());
    let candidates = pod_namespace::candidates(request.pod.namespace.as_deref(), kubevirt, vm_namespace);
    let namespace = if request.writing.dry_run == DryRun::Client {
        pod_namespace::existing(cluster, &candidates).await?
    } else {
        let pod = |node| follow::debug_pod(plan, node, vm_namespace).object(SCRIPT);
        let namespace = pod_namespace::choose(cluster, &pod(0), &candidates).await?;
        if request.writing.dry_run == DryRun::Server {
            // Asked about every object, not only the first.
            let only = std::slice::from_ref(&namespace);
            for node in 1..plan.nodes.len() {
                pod_namespace::choose(cluster, &pod(node), only).await?;
            }
        }
        namespace
    };
    let rules: Vec<_> = VM_PACKETS
        .iter()
        .filter(|rule| rule.is_for_debug_pods())
        .copied()
        .collect();
    let reviewed = access::review(cluster, &rules, &[], &namespace).await;
    match reviewed.iter().find(|access| access.blocks()) {
        None => Ok(namespace),
        Some(access) => Err(Stop::refused(
            "forbidden",
            format!(
                "not permitted in namespace {namespace}: {} {}",
                access.rule.verb,
                access.rule.qualified()
            ),
        )
        .hint(format!(
            "kubectl vmchaos check {} prints the rules that are missing; to ask again: {}",
            request.spec.fault.kind(),
            cluster.again(&access.can_i())
        ))),
    }
}

async fn confirm(context: &Context, request: &FaultRequest, cluster: &Cluster, plan: &Plan) -> Result<Consent, Stop> {
    if context.signals.count() > 0 {
        return Err(Stop::interrupted());
    }
    if let Some(consent) = Consent::by_flag(Context::agreed(&request.writing, cluster)?) {
        return Ok(consent);
    }
    let vms = plan.vms.len();
    let question = format!("Put this on {vms} VM{}?", if vms == 1 { "" } else { "s" });
    let mut signals = context.signals.clone();
    let answer = Confirm::yes_no("", question).ask(&context.printer, signals.any()).await;
    match answer {
        Ok(Answer::Yes) => Consent::by_answer(true).ok_or_else(Stop::interrupted),
        Ok(Answer::No) => Err(Stop::refused("declined", "not confirmed; nothing was changed")),
        Ok(Answer::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Refused)),
    }
}

async fn execute(
    context: &mut Context,
    cluster: &Cluster,
    confirmed: &Confirmed,
    namespace: &str,
    report: &mut RunReport,
) -> report::Ending {
    let run = &confirmed.plan().run;
    let progress = Progress::new(&context.printer, confirmed.plan().vms.len());
    let recorder = Recorder::new(cluster.clone(), run, context.warnings());
    let shown = Shown::new(progress, recorder);
    let mut ran = driver::run(cluster, confirmed, namespace, &mut context.signals, &shown).await;
    shown.finish().await;
    for trouble in ran.vms.iter_mut().filter_map(|vm| vm.trouble.as_mut()) {
        trouble.hint = trouble.hint.take().map(|hint| cluster.lead(hint));
    }
    let ending = crate::run::report::outcome(report, &ran);
    ended::tell(context, cluster, confirmed.plan(), &ran);
    ending
}

fn dry_run(asked: DryRun) -> report::DryRun {
    match asked {
        DryRun::None => report::DryRun::None,
        DryRun::Client => report::DryRun::Client,
        DryRun::Server => report::DryRun::Server,
    }
}
