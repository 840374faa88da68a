//! `run --as-job` and `--as-cronjob`: manifests with which the cluster runs a game day; and what a run asks for that nobody attends.
//!
//! ```text
//! file ── read ──> steps ──> needs (which verbs, where) ──> roles
//!                       └──> timeline ──> deadline     files, guards ──> ConfigMap     secrets ──> names of a Secret's keys
//! ```

mod bundle;
mod manifests;
mod permitted;
mod places;
mod secrets;

use std::time::Duration;

use self::bundle::Bundle;
use self::manifests::Manifests;
pub(super) use self::permitted::permitted;
use self::places::{Ground, ground};
use super::super::Context;
use super::super::guards::Guards;
use super::read::{Asked, read_texts};
use super::{files, judge, text};
use crate::cli::{GameDayRequest, ManifestsRequest};
use crate::cluster::rules::{Needed, PROBES, vmis};
use crate::escape::escape;
use crate::gameday::check::What;
use crate::gameday::file::GameDay;
use crate::gameday::file::Text;
use crate::permissions::least::{Least, Need};
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;

/// Until the first step: a node is found for the pod, and its image pulled.
const START: Duration = Duration::from_secs(300);
/// What is said and kept once everything is back.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// Prints the manifests; asks the cluster only for what the file and the flags do not say.
pub(super) async fn print(
    context: &Context,
    request: &GameDayRequest,
    asked_for: &ManifestsRequest,
) -> Result<ExitCode, Stop> {
    let guards = Guards::read(&context.config)?;
    let texts = files::all(&request.files)?;
    let (request, asked) = in_namespace(context, request, &texts).await?;
    allowed(&asked.day, &request)?;
    if request.writing.yes_context.is_some() {
        Context::confirmed_by_flag(&request.writing, &context.connect().await?)?;
    }
    let needs = needs(&asked, "", &guards);
    let secrets = secrets::of_day(&asked.day)?;
    let bundle = Bundle::new(&texts, &asked.named, guards.text())?;
    let back = asked.faults.iter().map(|fault| fault.back_within()).max();
    let grace = back.unwrap_or_default() + LAST_WORDS;
    let day = asked.day.clone();
    let programs = text::programs(&day);
    let Ground { pods, kubevirt, ends } = ground(context, &request, &guards, &needs, asked).await?;
    let manifests = Manifests {
        day: &day,
        asked_for,
        least: &Least::of(&needs, &pods, kubevirt.as_deref()),
        args: args(context, &request, asked_for, &bundle, &pods),
        namespace: pods,
        bundle: &bundle,
        secrets: &secrets,
        programs: &programs,
        ends,
        deadline: START + ends + grace,
        grace,
    };
    context.print(&manifests.text())?;
    Ok(ExitCode::Done)
}

/// The game day, and the request with the namespace of its VMs: a pod's own is another one than the context's.
async fn in_namespace(
    context: &Context,
    request: &GameDayRequest,
    texts: &[Text],
) -> Result<(GameDayRequest, Asked), Stop> {
    let asked = read_texts(request, texts)?;
    let of_check = |what: &What| what.vm().is_some_and(|vm| vm.namespace.is_none());
    let in_context = asked.faults.iter().any(|fault| fault.is_in_context())
        || asked.day.checks.iter().any(|check| of_check(&check.what));
    if asked.day.namespace.is_some() || !in_context {
        return Ok((request.clone(), asked));
    }
    let cluster = context.connect().await.map_err(|mut stop| {
        stop.problem = stop
            .problem
            .hint("the file names no namespace for its VMs: name it with -n NAMESPACE");
        stop
    })?;
    let mut request = request.clone();
    request.for_all.namespace = Some(cluster.namespace.clone());
    let asked = read_texts(&request, texts).map_err(|stop| {
        let namespace = escape(&cluster.namespace);
        let told = format!(
            "a Job has one namespace for VMs that name none, which would be the context's, {namespace}: {}",
            stop.problem.message
        );
        not_a_job(told).hint("name the namespace of every VM in the file, as NAMESPACE/NAME or `namespace`")
    })?;
    Ok((request, asked))
}

/// Programs of the file need their own word.
fn allowed(day: &GameDay, request: &GameDayRequest) -> Result<(), Stop> {
    if request.allow_commands {
        return Ok(());
    }
    match text::programs(day).as_slice() {
        [] => Ok(()),
        programs => Err(judge::programs_not_allowed(programs, "nobody is asked in the cluster")),
    }
}

/// What each step needs, and each check that looks at a VMI. `current` is where a VM is that names no namespace anywhere.
pub(super) fn needs(asked: &Asked, current: &str, guards: &Guards) -> Vec<Need> {
    let current = asked.day.namespace.as_deref().unwrap_or(current);
    let faults = asked.faults.iter().map(|fault| fault.need(current, guards));
    let checks = asked.day.checks.iter().filter_map(|check| match &check.what {
        What::Condition { vm, .. } => Some(Need {
            rules: vec![vmis("list", Needed::Required), vmis("watch", Needed::Required)],
            vmis: vec![vm.namespace.as_deref().unwrap_or(current).to_owned()],
        }),
        What::Tcp { vm, .. } => Some(Need {
            rules: PROBES.to_vec(),
            vmis: vec![vm.namespace.as_deref().unwrap_or(current).to_owned()],
        }),
        _ => None,
    });
    faults.chain(checks).collect()
}

/// What the Job gives this program.
fn args(
    context: &Context,
    request: &GameDayRequest,
    asked_for: &ManifestsRequest,
    bundle: &Bundle,
    pods: &str,
) -> Vec<String> {
    let mut args = vec!["run".to_owned()];
    for file in bundle.files() {
        args.extend(["-f".to_owned(), file]);
    }
    args.extend(asked_for.passed_on.iter().cloned());
    if let Some(namespace) = &request.for_all.namespace {
        args.extend(["-n".to_owned(), namespace.clone()]);
    }
    if request.for_all.pod_flag("pod-namespace").is_none() {
        // Where the role for them is.
        args.extend(["--pod-namespace".to_owned(), pods.to_owned()]);
    }
    match bundle.guards() {
        Some(file) => args.extend(["--config".to_owned(), file]),
        None => args.push("--no-config".to_owned()),
    }
    if let Some(output) = context.output {
        args.extend(["-o".to_owned(), output.name().to_owned()]);
    }
    if context.verbosity > 0 {
        args.extend(["-v".to_owned(), context.verbosity.to_string()]);
    }
    if let Some(limit) = context.connection.request_timeout {
        args.extend(["--request-timeout".to_owned(), format!("{}s", limit.as_secs_f64())]);
    }
    args.push("--unattended".to_owned());
    // A pod knows its cluster by this name.
    let yes = request
        .writing
        .yes_context
        .as_ref()
        .map_or("--yes", |_| "--yes=in-cluster");
    args.push(yes.to_owned());
    args
}

/// A Job cannot be had of this game day.
fn not_a_job(message: impl Into<String>) -> Stop {
    Stop {
        exit: ExitCode::Usage,
        ..Stop::refused(Reason::GameDay, message)
    }
}
