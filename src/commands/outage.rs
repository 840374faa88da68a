//! `kubectl vmchaos outage`: find, predict, confirm, keep the manifests, do it, watch, report.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use super::confirm::agree;
use super::debug_pods;
use super::document::Run;
use super::guards::{self, Guards};
use super::keyboard::{Keyboard, Words};
use super::outage_watcher::Shown;
use super::permitted::{Places, permitted};
use super::stop::Stop;
use super::targets::{self, Candidates, Chosen};
use super::{Context, document, manifest_files, outage_text};
use crate::cli::{DryRun, HowMany, OutageRequest};
use crate::cluster::events::{Recorder, Regarding};
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::outage::{candidates, launcher_of};
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::{
    Cluster, ClusterError, LauncherImages, VirtualMachineInstance, launcher_images, manifest, outage_rules,
};
use crate::fault::{Execution, Mode, OutageTarget};
use crate::plan::guards::{Facts, Lasts, counted};
use crate::plan::outages::{OutagePlan, PlannedOutage, Pods};
use crate::plan::recovery::predict;
use crate::report::{Ending, ExitCode};
use crate::run::outage::{begin, driver, kill};

/// `kubectl vmchaos outage`
pub(super) async fn outage(context: &mut Context, request: OutageRequest) -> ExitCode {
    for line in &request.ignored {
        context.printer.warn(line);
    }
    let (fault, wanted, writing) = (&request.spec, &request.wanted, &request.writing);
    let work = async |context: &mut Context, run: &mut Run| carry_out(context, &request, run).await;
    document::documented(context, fault, wanted, writing, &request.records, work).await
}

async fn carry_out(context: &mut Context, request: &OutageRequest, run: &mut Run) -> Result<Ending, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = document::connect(context, &mut run.report).await?;
    let selection = &request.wanted.selection;
    let search = guards::and_own(&cluster, candidates(&cluster, selection, &request.spec));
    let ((found, own), protection) = guards.search(context, &cluster, selection, search).await?;
    let images = match request.spec.mode {
        Mode::Pod | Mode::Kill => {
            let read = async { Ok(Some(launcher_images::read(&cluster, &found.kubevirt).await)) };
            context.unless_signalled(read).await?
        }
        _ => None,
    };
    let installed = found.kubevirt.as_ref().ok().and_then(Option::as_ref);
    let release = installed.and_then(KubeVirt::release);
    let vmis: Vec<VirtualMachineInstance> = found.rows.iter().map(|(vmi, _)| vmi.clone()).collect();
    let mut found: Candidates<OutageTarget> = found.into();
    found.around.own = own;
    guards.keep_off(&cluster, &mut found, protection);
    let chosen = targets::choose_from(context, &cluster, &request.wanted, found).await?;
    enough(request, &chosen)?;
    let around = chosen.around.clone();
    let launchers = Launchers {
        vmis: &vmis,
        images: images.as_ref(),
    };
    let pods = around.pod_namespaces(request.pod.namespace.as_deref());
    let planning = planned(&cluster, request, &guards, chosen, launchers, release, &run.report.id);
    let mut plan = context.unless_signalled(planning).await?;
    let facts = facts(&cluster, &plan);
    let passed = Box::pin(async {
        let look = guards.look(&cluster, &facts, &around, &pods);
        let asked = admitted(&cluster, request, &mut plan, &pods);
        let (verdict, admitted) = tokio::join!(look, asked);
        let verdict = verdict?;
        admitted.map(|()| verdict)
    });
    let verdict = context.unless_signalled(passed).await?;
    crate::run::outage::report::plan(&mut run.report, &plan, |command| cluster.again(command));
    run.planned(context);
    let is_dry = request.writing.dry_run != DryRun::None;
    let mut text = outage_text::plan_text(&plan, &cluster, is_dry);
    if plan.pods.is_some() {
        text = debug_pods::noted(text, &pods);
    }
    context.printer.line(&guards::shown(text, &verdict));
    if is_dry {
        let vmis = plan.vms.iter().map(|vm| &vm.target);
        let vmis = vmis.map(|vm| Regarding::new(&vm.namespace, &vm.name, &vm.uid));
        let how = (plan.run.as_str(), request.writing.dry_run);
        if plan.spec.mode == Mode::Reset && request.writing.dry_run == DryRun::Server {
            context
                .printer
                .line("the reset itself was not asked about: KubeVirt has no dry run of it");
        }
        return document::nothing_changed(context, &cluster, how, vmis.collect()).await;
    }
    let verb = outage_text::verb(plan.spec.mode);
    let question = format!("{verb} {}", counted(plan.vms.len()));
    let consent = agree(context, &request.writing, &cluster, question, &verdict.demands).await?;
    manifest_files::keep(&plan)?;
    let confirmed = consent.to(plan);
    run.begin()?;
    let recorder = Recorder::new(cluster.clone(), &confirmed.plan().run, context.warnings());
    let shown = Shown::new(&context.printer, confirmed.plan().vms.len(), recorder);
    let keyboard = Keyboard::open(
        &context.printer,
        shown.progress(),
        &context.signals,
        keys(confirmed.plan()),
    );
    let ran = driver::run(&cluster, &confirmed, &context.signals, &shown).await;
    keyboard.close().await;
    shown.finish().await;
    let ending = crate::run::outage::report::outcome(&mut run.report, &ran);
    run.closing = Some(Box::new(move |context| {
        outage_text::tell_end(context, &cluster, confirmed.plan(), &ran);
    }));
    Ok(ending)
}

fn facts(cluster: &Cluster, plan: &OutagePlan) -> Facts {
    let place = |target: &OutageTarget| guards::place(&target.namespace, &target.name, &target.node);
    let targets = plan.vms.iter().map(|vm| &vm.target);
    let vms = targets.map(|target| (&target.namespace, &target.name, &target.node));
    Facts {
        lasts: match plan.spec.mode {
            Mode::Reset => Lasts::Moment,
            _ => Lasts::For(plan.spec.duration()),
        },
        losing: plan.losing().map(place).collect(),
        ..guards::facts(cluster, "outage", vms, plan.matched)
    }
}

fn keys(plan: &OutagePlan) -> Words {
    let enough = match plan.spec.execution {
        Execution::Serial if plan.vms.len() > 1 => "brings this VM back, on to the next",
        _ => "brings back now",
    };
    Words {
        enough: Some(enough),
        enough_always: None,
        stop: "ends the run",
        stopping: "bringing back",
    }
}

/// An outage of fewer VMs than asked for would prove less than asked for.
fn enough(request: &OutageRequest, chosen: &Chosen<OutageTarget>) -> Result<(), Stop> {
    let (flag, matched) = (request.wanted.count_flag, chosen.matched);
    match request.wanted.how_many {
        HowMany::AtMost(count) if request.wanted.chosen && (count as usize) > matched => {
            let all = match matched {
                1 => "the one VMI that matches".to_owned(),
                _ => format!("the {matched} VMIs that match"),
            };
            let hint = format!("use {flag} {matched} or --all, or match more VMIs");
            Err(Stop::refused("count", format!("{flag} {count} is more than {all}")).hint(hint))
        }
        _ => Ok(()),
    }
}

/// What the launcher pods are found by.
#[derive(Clone, Copy)]
struct Launchers<'a> {
    vmis: &'a [VirtualMachineInstance],
    /// What they run; read for `pod` and `kill` alone.
    images: Option<&'a Result<LauncherImages, ClusterError>>,
}

/// Reads what is needed of each VMI: its manifest, and where it runs.
async fn planned(
    cluster: &Cluster,
    request: &OutageRequest,
    guards: &Guards,
    chosen: Chosen<OutageTarget>,
    launchers: Launchers<'_>,
    release: Option<(u32, u32)>,
    run: &str,
) -> Result<OutagePlan, Stop> {
    let spec = &request.spec;
    let pods = match launchers.images {
        Some(images) if spec.mode == Mode::Kill => Some(Pods {
            namespace: String::new(),
            options: debug_pods::options(
                &request.pod,
                debug_pods::images(guards, request.pod.image.as_ref(), images)?,
                BTreeMap::new(),
            ),
        }),
        _ => None,
    };
    let folder = manifest_files::folder()?;
    let planned = chosen.targets.into_iter().map(|mut target| {
        let folder = &folder;
        async move {
            let manifest = manifest::read(cluster, &target.namespace, &target.name, &target.uid).await?;
            let vmi = launchers.vmis.iter().find(|vmi| vmi.uid() == target.uid);
            if let (Some(images), Some(vmi)) = (launchers.images, vmi) {
                target.launcher = Some(launcher_of(cluster, vmi, images.as_ref().ok()).await?);
            }
            Ok::<_, Stop>(PlannedOutage {
                prediction: predict(spec, &target, release),
                file: manifest_files::path(folder, run, &target),
                manifest,
                target,
            })
        }
    });
    Ok(OutagePlan {
        run: run.to_owned(),
        spec: spec.clone(),
        vms: try_join_all(planned).await?,
        matched: chosen.matched,
        seed: chosen.seed,
        left_out: chosen.left_out,
        user: cluster.user.clone(),
        reason: request.writing.reason.clone(),
        pods,
    })
}

/// Whether we may do all of it, the way back too; a server dry run also asks about every request. Says where debug pods go.
async fn admitted(
    cluster: &Cluster,
    request: &OutageRequest,
    plan: &mut OutagePlan,
    namespaces: &PodNamespaces,
) -> Result<(), Stop> {
    let owners: Vec<_> = plan.vms.iter().map(|vm| &vm.target.owner).collect();
    let rules = outage_rules::needed(&plan.spec, &owners);
    let mut vmis: Vec<String> = plan.vms.iter().map(|vm| vm.target.namespace.clone()).collect();
    vmis.dedup();
    let places = Places {
        vmis: &vmis,
        pods: "",
        kubevirt: None,
    };
    permitted(cluster, "outage", &rules, places, "").await?;
    let dry_run = request.writing.dry_run;
    if let Some(pods) = &plan.pods {
        let killing = (plan.vms.iter().enumerate())
            .filter_map(|(index, vm)| Some(kill::pod(plan, pods, index, vm.target.launcher.as_ref()?)));
        let killing: Result<Vec<_>, String> = killing.collect();
        let killing = killing.map_err(|why| Stop::refused("plan", why))?;
        let namespace = debug_pods::place(cluster, namespaces, &killing, dry_run, "outage").await?;
        plan.pods = Some(Pods {
            namespace,
            ..pods.clone()
        });
    }
    if dry_run == DryRun::Server {
        for vm in &plan.vms {
            begin::rehearse(cluster, plan, vm).await?;
        }
    }
    Ok(())
}
