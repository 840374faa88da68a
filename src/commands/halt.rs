//! `kubectl vmchaos halt`, also `cleanup`: rolls back and removes what runs have in place, from any machine.

mod by_events;
mod choice;
mod outcome;
mod permitted;
mod vmis;

use std::collections::BTreeMap;

use self::outcome::Outcome;
use self::permitted::permitted;
use super::Context;
use super::confirm::{UNCHANGED, ask};
use super::guards::Guards;
use super::status::tell_uncounted;
use crate::cli::{DryRun, HaltRequest};
use crate::cluster::Cluster;
use crate::command_line::{CommandLine, flags};
use crate::fault::{AgentImage, ImageSource};
use crate::plan::pod_options::started_by;
use crate::problem::{Problem, Reason};
use crate::report::{ExitCode, Format, ListReport, RunItem};
use crate::run::words::vmi;
use crate::stop::Stop;
use crate::traces::events::tell_restored;
use crate::traces::halt::{How, halt as end};
use crate::traces::prove::Sweeping;
use crate::traces::{self, Trace};
use crate::ui::Confirm;

pub(super) async fn halt(context: &mut Context, request: HaltRequest) -> Result<ExitCode, Stop> {
    choice::must_choose(context, &request)?;
    let cluster = context.connect().await.map_err(nobody_looked)?;
    let only_vmis = request.runs.is_empty() && !request.all && !request.targets.names.is_empty();
    // Beside VMs alone -n is where those are; the debug pods of runs on them may be elsewhere.
    let namespace = request.namespace.as_deref().filter(|_| !only_vmis);
    let pod_namespace = request.pod_namespace.as_deref();
    let look = async { Ok(Box::pin(traces::look(&cluster, namespace, pod_namespace)).await?) };
    let found = context.unless_signalled(look).await.map_err(nobody_looked)?;
    tell_uncounted(context, &cluster, &found.now.uncounted);
    let sweeping = Sweeping {
        namespaces: found.namespaces.clone(),
        service_account: request.service_account.clone(),
        image: image(context, &request),
        annotations: started_by(&cluster.user, request.writing.reason.as_ref()),
    };
    let looked_into = namespace
        .iter()
        .flat_map(|namespace| ["-n".to_owned(), (*namespace).to_owned()]);
    let flags: Vec<String> = looked_into.chain(pod_flags(&request)).collect();
    let told = async { Ok(by_events::read(&cluster, &request, &found).await) };
    let told = context.unless_signalled(told).await?;
    let mut chosen = if only_vmis {
        choice::Chosen::default()
    } else {
        choice::choose(context, &cluster, &request, &found, &told).await?
    };
    let vms = request.targets.named(&cluster.namespace);
    let keys: Vec<String> = vms
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    chosen.add_changes_of(found.now.traces.iter().cloned(), &keys);
    let named_vms = async { Ok(traces::named(&cluster, &found, &vms).await?) };
    let seen = context.unless_signalled(named_vms).await.map_err(unanswered)?;
    if let Some((namespace, name)) = seen.missing.first() {
        return Err(vmis::missing(&cluster, namespace, name));
    }
    chosen.add_changes_of(
        seen.changes.into_iter().map(|change| Trace::Change(change.into())),
        &keys,
    );
    chosen.unseen.extend(vmis::unread(&cluster, &seen.unseen));
    context.unless_signalled(permitted(&cluster, &chosen.traces)).await?;
    // Who else has the VMs of these runs in hand is not known from one namespace.
    let everywhere = match namespace {
        Some(_) if chosen.has_pods() => everybodys(context, &cluster, pod_namespace).await?,
        _ => Vec::new(),
    };
    let others: Vec<&Trace> = found.now.traces.iter().chain(&everywhere).collect();
    let claimed = claimed(&others, &chosen.traces);
    let planned = async {
        let of_vms = if request.targets.names.is_empty() {
            None
        } else {
            Some(vmis::plan(&cluster, &request, &found, &sweeping).await?)
        };
        Ok((
            of_vms,
            by_events::plan(&cluster, &request, told, &claimed, &sweeping).await?,
        ))
    };
    let (of_vms, of_runs) = Box::pin(context.unless_signalled(planned)).await.map_err(unanswered)?;
    let vms = of_vms.as_ref().map_or(0, vmis::Looks::count);
    let looks: Vec<vmis::Looks> = of_vms.into_iter().chain(of_runs).collect();
    show(context, &chosen, &looks)?;
    if request.writing.dry_run != DryRun::None {
        return dry_run(context, &cluster, &request, &chosen, &looks).await;
    }
    // Whoever names a run has said which VMs.
    let asks = vms > 0 || (request.all && chosen.count() > 0);
    if !Context::confirmed_by_flag(&request.writing, &cluster)? && asks {
        confirm(context, &cluster, chosen.count(), vms).await?;
    }
    let warnings = context.warnings();
    let work = async {
        let how = How {
            claimed: &claimed,
            sweeping: &sweeping,
            flags: &flags,
        };
        let mut outcome = Outcome::of(&cluster, end(&cluster, chosen.traces, &how).await);
        for looks in looks {
            vmis::sweep(&cluster, looks, &mut outcome).await;
        }
        if !outcome.proven.is_empty() {
            tell_restored(&cluster, &outcome.proven, &warnings).await;
        }
        outcome
    };
    let names = chosen
        .ids
        .into_iter()
        .chain(request.targets.named(&cluster.namespace).into_iter().map(vmi_argument));
    let names: Vec<String> = names.collect();
    let Some(outcome) = unless_abandoned(context, work).await else {
        let again = cluster.again(CommandLine::new("kubectl vmchaos halt").args(names).args(&flags));
        return Err(
            Stop::leaked("left before it was verified; something may still be in place").hint(again.to("to finish: ")),
        );
    };
    finish(context, outcome, &chosen.unseen)
}

/// What there is in any namespace.
async fn everybodys(context: &Context, cluster: &Cluster, pod_namespace: Option<&str>) -> Result<Vec<Trace>, Stop> {
    let look = async { Ok(Box::pin(traces::look(cluster, None, pod_namespace)).await?) };
    let found = context.unless_signalled(look).await.map_err(nobody_looked)?;
    Ok(found.now.traces)
}

/// Whoever cannot look cannot say that nothing is in place.
fn nobody_looked(stop: Stop) -> Stop {
    if stop.exit == ExitCode::Interrupted {
        return stop;
    }
    let hint = stop
        .problem
        .hint
        .map(|hint| format!("{hint}; then repeat this command"));
    Stop::leaked(format!(
        "nobody could look for what may be in place: {}",
        stop.problem.message
    ))
    .hint(hint.unwrap_or_else(|| "repeat this command where the cluster can be reached".to_owned()))
}

/// A request that failed leaves it open what is in place; one that was refused is a refusal.
fn unanswered(stop: Stop) -> Stop {
    match stop.exit {
        ExitCode::Failed => nobody_looked(stop),
        _ => stop,
    }
}

fn vmi_argument((namespace, name): (String, String)) -> String {
    vmi(&format!("{namespace}/{name}"))
}

/// Does the work to its end, also after a first signal; `None` after a second.
async fn unless_abandoned<T>(context: &Context, work: impl Future<Output = T>) -> Option<T> {
    let first = context.signals.clone();
    let second = context.signals.clone();
    let printer = &context.printer;
    let notice = async {
        first.any().await;
        printer.line("interrupted: finishing what has begun; once more to leave it");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        outcome = work => Some(outcome),
        () = second.more_than(1) => None,
        () = notice => None,
    }
}

fn show(context: &Context, chosen: &choice::Chosen, looks: &[vmis::Looks]) -> Result<(), Stop> {
    if chosen.count() > 0 {
        let text = ListReport::new(chosen.items())
            .print(Format::Wide)
            .map_err(|error| Stop::broken(Reason::Output, &error))?;
        context.printer.line(text.trim_end());
    }
    for looks in looks {
        context.printer.line(&looks.words());
    }
    Ok(())
}

async fn dry_run(
    context: &Context,
    cluster: &Cluster,
    request: &HaltRequest,
    chosen: &choice::Chosen,
    looks: &[vmis::Looks],
) -> Result<ExitCode, Stop> {
    let server = request.writing.dry_run == DryRun::Server;
    if server {
        let asked = async {
            for trace in &chosen.traces {
                trace.would_halt(cluster).await?;
            }
            for looks in looks {
                looks.admitted(cluster).await?;
            }
            Ok(())
        };
        context.unless_signalled(asked).await?;
    }
    let how = if server { "server dry run" } else { "dry run" };
    print(context, chosen.items())?;
    context.printer.line(&format!("nothing was changed ({how})"));
    Ok(ExitCode::Done)
}

async fn confirm(context: &Context, cluster: &Cluster, runs: usize, vms: usize) -> Result<(), Stop> {
    let runs = (runs > 0).then(|| format!("halt {runs} run{}", if runs == 1 { "" } else { "s" }));
    let vms = (vms > 0).then(|| {
        let s = if vms == 1 { "" } else { "s" };
        format!("look into {vms} VM{s} and remove what is there")
    });
    let what: Vec<String> = runs.into_iter().chain(vms).collect();
    let mut question = format!("{} in {}?", what.join(", and "), cluster.place());
    if let Some(first) = question.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ask(context, Confirm::yes_no("", question), UNCHANGED).await
}

/// What the operator wants to look into VMs. A config file that cannot be read does not keep anybody from ending a run.
fn image(context: &Context, request: &HaltRequest) -> Option<AgentImage> {
    match Guards::read(&context.config) {
        Ok(guards) => guards.image(request.image.as_ref()),
        Err(stop) => {
            let instead = "its `image`, where it has one, is not used";
            context.printer.warn(&format!("{}: {instead}", stop.problem.message));
            request
                .image
                .as_ref()
                .map(|image| AgentImage::new(image, ImageSource::Flag))
        }
    }
}

/// VMs that live runs have which are not halted here.
fn claimed(all: &[&Trace], halted: &[Trace]) -> BTreeMap<String, String> {
    let others = all
        .iter()
        .filter(|one| !halted.iter().any(|chosen| chosen.is_like(one)));
    let runs = others.filter_map(|trace| match trace {
        Trace::Pods(run) => Some(run),
        _ => None,
    });
    let pods = runs.flat_map(|run| run.pods.iter().map(move |pod| (run, pod)));
    pods.filter(|(_, pod)| pod.may_change())
        .flat_map(|(run, pod)| pod.targets.iter().map(|target| (target.clone(), run.id.clone())))
        .collect()
}

fn print(context: &Context, items: Vec<RunItem>) -> Result<(), Stop> {
    let text = ListReport::new(items)
        .print(context.format)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)
}

fn finish(context: &Context, outcome: Outcome, unseen: &[Problem]) -> Result<ExitCode, Stop> {
    print(context, outcome.items)?;
    for problem in outcome.left.iter().chain(unseen) {
        context.printer.problem(problem);
    }
    let left = (!outcome.left.is_empty() || !unseen.is_empty()).then_some(ExitCode::Leaked);
    let interrupted = (context.signals.count() > 0).then_some(ExitCode::Interrupted);
    Ok(ExitCode::worst(left.into_iter().chain(interrupted)))
}

/// How debug pods were asked for, for a command that is printed for later.
fn pod_flags(request: &HaltRequest) -> Vec<String> {
    flags([
        ("--pod-namespace", &request.pod_namespace),
        ("--service-account", &request.service_account),
    ])
}
