//! What a command has to know of outages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use super::find::{candidates, launcher_of, unfit_now};
use super::plan::{OutagePlan, PlannedOutage, Pods};
use super::recovery::predict;
use super::spec::{Mode, OutageSpec, OutageTarget};
use super::{COMMAND, begin, driver, kill, manifest_files, plan_text, report as document};
use crate::cluster::events::Regarding;
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::{FOLLOWED, Rule};
use crate::cluster::{
    Cluster, ClusterError, LauncherImages, Selection, VirtualMachineInstance, VmiRow, launcher_images, manifest,
};
use crate::fault::Unfit;
use crate::faults::debug_pods::{self, PodRequest};
use crate::faults::outage::permissions;
use crate::faults::permitted::{Places, permitted};
use crate::faults::registry::Ground;
use crate::faults::screen::Screen;
use crate::faults::{Candidate, Choice, Chosen, Fault, Found, Keys, NodeNeed, Order, Takes, facts, place, regarding};
use crate::plan::consent::Confirmed;
use crate::plan::guards::{Facts, Lasts, counted};
use crate::problem::Reason;
use crate::report::{AskedFault, Columns, DryRun, Ending, RunReport};
use crate::run::signals::Signals;
use crate::stop::Stop;
use crate::ui::Printer;

/// After a signal: what is under way has a minute, the way back half of one, and a last look 10 s.
const BACK_WITHIN: Duration = Duration::from_secs(100);

/// `outage`, as it was asked for.
#[derive(Debug, Clone)]
pub struct OutageFault {
    pub spec: OutageSpec,
    /// For `kill`.
    pub pod: PodRequest,
    /// How many VMs were asked for in so many words, and by which flag.
    pub count: Option<(u32, &'static str)>,
}

/// What the search has seen beside what an outage would be done to.
pub(crate) struct Seen {
    vmis: Vec<Arc<VirtualMachineInstance>>,
    /// What launchers run; read for `pod` and `kill` alone.
    images: Option<Result<LauncherImages, ClusterError>>,
    /// The installation, where it may be known.
    kubevirt: Option<KubeVirt>,
}

impl Fault for OutageFault {
    type Target = OutageTarget;
    type Seen = Seen;
    type Plan = OutagePlan;
    type Ran = driver::Ran;

    const PERMISSIONS: &'static [Rule] = permissions::OUTAGE;

    /// `--mode kill` has a debug pod, and needs its tools.
    fn node_needs(_: &str) -> Option<&'static [NodeNeed]> {
        Some(&[])
    }

    fn needs(&self, choice: Choice) -> Vec<Rule> {
        permissions::of_mode(&self.spec, choice)
    }

    fn at_most(&self, vms: usize) -> Option<Duration> {
        Some(self.spec.most().saturating_mul(self.spec.execution.turns(vms)))
    }

    fn back_within(&self) -> Duration {
        BACK_WITHIN
    }

    fn unfit_now(_: &VmiRow, vmi: &VirtualMachineInstance, ground: &Ground) -> Option<Unfit> {
        unfit_now(vmi, &ground.flags)
    }

    fn asked(&self) -> AskedFault {
        AskedFault::new(COMMAND, Columns::Recovery, &self.spec)
    }

    /// What the platform needs it needs.
    fn hasten(&mut self, by: u32) {
        if matches!(self.spec.mode, Mode::Pause | Mode::Stop) || self.spec.disable_auto_restart {
            self.spec.duration = self.spec.duration.hastened(by);
        }
    }

    fn pods(&self) -> Option<&PodRequest> {
        Some(&self.pod)
    }

    async fn find(
        &self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<(Found<OutageTarget>, Seen), ClusterError> {
        let found = candidates(cluster, selection, &self.spec).await?;
        let images = match self.spec.mode {
            Mode::Pod | Mode::Kill => Some(launcher_images::read(cluster, &found.kubevirt).await),
            _ => None,
        };
        let installed = found.kubevirt.as_ref().ok().and_then(Option::as_ref);
        let seen = Seen {
            vmis: found.rows.iter().map(|(vmi, _)| vmi.clone()).collect(),
            images,
            kubevirt: installed.cloned(),
        };
        let rows = found.rows.iter();
        let rows = rows.map(|(vmi, fault)| Candidate::of(vmi, fault.clone())).collect();
        let absent = (found.stopped, found.missing);
        Ok((Found::new(rows, absent, installed, found.cordoned), seen))
    }

    /// Reads what is needed of each VMI: its manifest, and where it runs.
    async fn plan(&self, order: Order<'_>, chosen: Chosen<OutageTarget>, seen: Seen) -> Result<OutagePlan, Stop> {
        self.count_matches(chosen.matched)?;
        let spec = &self.spec;
        can_reset(spec, seen.kubevirt.as_ref())?;
        let release = seen.kubevirt.as_ref().and_then(KubeVirt::release);
        let pods = match seen.images.as_ref() {
            Some(images) if spec.mode == Mode::Kill => Some(Pods {
                namespace: String::new(),
                options: debug_pods::options(&self.pod, debug_pods::images(order.image, images)?, BTreeMap::new()),
            }),
            _ => None,
        };
        let (folder, seen) = (manifest_files::folder()?, &seen);
        let planned = chosen.targets.into_iter().map(|mut target| {
            let (folder, cluster, run) = (&folder, order.cluster, order.run);
            async move {
                let manifest = manifest::read(cluster, &target.namespace, &target.name, &target.uid).await?;
                let vmi = seen.vmis.iter().find(|vmi| vmi.uid() == target.uid);
                if let (Some(images), Some(vmi)) = (seen.images.as_ref(), vmi) {
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
            run: order.run.to_owned(),
            spec: spec.clone(),
            vms: try_join_all(planned).await?,
            matched: chosen.matched,
            seed: chosen.seed,
            left_out: chosen.left_out,
            user: order.cluster.user.clone(),
            reason: order.reason.cloned(),
            pods,
            release,
        })
    }

    async fn preflight(
        &self,
        cluster: &Cluster,
        plan: &mut OutagePlan,
        namespaces: &PodNamespaces,
        dry_run: DryRun,
    ) -> Result<(), Stop> {
        let owners: Vec<_> = plan.vms.iter().map(|vm| &vm.target.owner).collect();
        let rules = permissions::needed(&plan.spec, &owners);
        let mut vmis: Vec<String> = plan.vms.iter().map(|vm| vm.target.namespace.clone()).collect();
        vmis.dedup();
        let places = Places {
            vmis: &vmis,
            pods: "",
            kubevirt: None,
        };
        permitted(cluster, COMMAND, &rules, places, "").await?;
        if let Some(pods) = &plan.pods {
            let killing = (plan.vms.iter().enumerate())
                .filter_map(|(index, vm)| Some(kill::pod(plan, pods, index, vm.target.launcher.as_ref()?)));
            let killing: Result<Vec<_>, String> = killing.collect();
            let killing = killing.map_err(|why| Stop::refused(Reason::Plan, why))?;
            let namespace = debug_pods::place(cluster, namespaces, &killing, dry_run, COMMAND).await?;
            let places = Places {
                pods: &namespace,
                ..places
            };
            permitted(cluster, COMMAND, &FOLLOWED, places, "").await?;
            plan.pods = Some(Pods {
                namespace,
                ..pods.clone()
            });
        }
        if dry_run == DryRun::Server {
            for vm in &plan.vms {
                begin::dry_run(cluster, plan, vm).await?;
            }
        }
        Ok(())
    }

    fn facts(cluster: &Cluster, plan: &OutagePlan) -> Facts {
        let place = |target: &OutageTarget| place(&target.namespace, &target.name, &target.node);
        let targets = plan.vms.iter().map(|vm| &vm.target);
        let vms = targets.map(|target| (&target.namespace, &target.name, &target.node));
        Facts {
            lasts: match plan.spec.mode {
                Mode::Reset => Lasts::Moment,
                _ => Lasts::For(plan.spec.duration()),
            },
            losing: plan.losing().map(place).collect(),
            ..facts(cluster, COMMAND, vms, plan.matched)
        }
    }

    fn takes(plan: &OutagePlan) -> Takes {
        let turns = plan.spec.execution.turns(plan.vms.len());
        Takes {
            least: plan.spec.least().saturating_mul(turns),
            most: Some(plan.spec.most().saturating_mul(turns)),
        }
    }

    fn vmis(plan: &OutagePlan) -> Vec<Regarding> {
        let vmis = plan.vms.iter().map(|vm| &vm.target);
        regarding(vmis.map(|vm| [&vm.namespace, &vm.name, &vm.uid]))
    }

    fn planned(cluster: &Cluster, plan: &OutagePlan, report: &mut RunReport) {
        document::plan(report, plan, |command| cluster.again(command));
    }

    fn describe(cluster: &Cluster, plan: &OutagePlan, namespaces: &PodNamespaces, all: bool) -> String {
        let text = plan_text::plan_text(plan, cluster, all);
        match plan.pods {
            Some(_) => debug_pods::noted(text, namespaces),
            None => text,
        }
    }

    fn not_asked(plan: &OutagePlan) -> Option<&'static str> {
        let reset = plan.spec.mode.boots_in_place();
        reset.then_some("the reset itself was not asked about: KubeVirt has no dry run of it")
    }

    fn question(plan: &OutagePlan) -> String {
        format!("{} {}", plan_text::verb(plan.spec.mode), counted(plan.vms.len()))
    }

    fn keep(plan: &OutagePlan) -> Result<(), Stop> {
        manifest_files::keep(plan)
    }

    fn size(plan: &OutagePlan) -> usize {
        plan.vms.len()
    }

    fn keys(plan: &OutagePlan) -> Keys {
        let one = ["brings this VM back, on to the next", "brings back now"];
        Keys::to_end(one, "bringing back", plan.spec.execution, plan.vms.len())
    }

    async fn run(cluster: &Cluster, plan: &Confirmed<OutagePlan>, signals: &Signals, screen: &Screen) -> driver::Ran {
        driver::run(cluster, plan, signals, screen).await
    }

    fn outcome(_: &Cluster, ran: &mut driver::Ran, report: &mut RunReport) -> Ending {
        document::outcome(report, ran)
    }

    fn close(printer: &Printer, cluster: &Cluster, plan: &OutagePlan, ran: &driver::Ran) {
        plan_text::tell_end(printer, cluster, plan, ran);
    }
}

impl OutageFault {
    /// An outage of fewer VMs than asked for would prove less than asked for.
    fn count_matches(&self, matched: usize) -> Result<(), Stop> {
        let Some((count, flag)) = self.count.filter(|(count, _)| *count as usize > matched) else {
            return Ok(());
        };
        let all = match matched {
            1 => "the one VMI that matches".to_owned(),
            _ => format!("the {matched} VMIs that match"),
        };
        let hint = format!("use {flag} {matched} or --all, or match more VMIs");
        Err(Stop::refused(Reason::Count, format!("{flag} {count} is more than {all}")).hint(hint))
    }
}

/// Older versions answer that there is no such page.
fn can_reset(spec: &OutageSpec, kubevirt: Option<&KubeVirt>) -> Result<(), Stop> {
    let too_old = kubevirt.filter(|kubevirt| spec.mode == Mode::Reset && !kubevirt.resets());
    match too_old.and_then(KubeVirt::release) {
        None => Ok(()),
        Some((major, minor)) => Err(Stop::refused(
            Reason::KubevirtVersion,
            format!("a guest cannot be reset before KubeVirt 1.5; this is {major}.{minor}"),
        )
        .hint("take another --mode: kill crashes the guest, delete shuts it down")),
    }
}
