//! What a command has to know of a fault on a VM's packets.

use std::time::Duration;

use super::plan::Plan;
use super::{closing_lines, driver, plan_text, report as document};
use crate::cluster::events::Regarding;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::Rule;
use crate::cluster::{Cluster, ClusterError, LauncherImages, Selection, VirtualMachineInstance, VmiRow, survey};
use crate::fault::{Execution, Target, Unfit};
use crate::faults::debug_pods::{self, PodRequest};
use crate::faults::packets::permissions::VM_PACKETS;
use crate::faults::packets::spec::PacketSpec;
use crate::faults::packets::{filter, netem};
use crate::faults::registry::Ground;
use crate::faults::screen::Screen;
use crate::faults::{Candidate, Choice, Chosen, Fault, Found, Keys, NodeNeed, Order, Takes, facts, regarding};
use crate::plan::consent::Confirmed;
use crate::plan::guards::{Facts, Lasts, counted};
use crate::plan::pod_options::started_by;
use crate::problem::Reason;
use crate::report::{AskedFault, Columns, DryRun, Ending, RunReport, probe_chart};
use crate::run::signals::Signals;
use crate::stop::Stop;
use crate::ui::Printer;

/// From the end of a fault until it is proven gone, and its pods are: seconds, and more only on a node that does not answer.
const ROLLBACK: Duration = Duration::from_secs(30);

/// `netem` or `filter`, as it was asked for.
#[derive(Debug, Clone)]
pub struct PacketFault {
    pub spec: PacketSpec,
    pub pod: PodRequest,
}

impl Fault for PacketFault {
    type Target = Target;
    /// What KubeVirt's launchers run.
    type Seen = Result<LauncherImages, ClusterError>;
    type Plan = Plan;
    type Ran = driver::Ran;

    const PERMISSIONS: &'static [Rule] = VM_PACKETS;
    const ENTERS_VM: bool = true;

    fn node_needs(command: &str) -> Option<&'static [NodeNeed]> {
        Some(match command {
            netem::COMMAND => &[NodeNeed::Netem],
            filter::COMMAND => &[NodeNeed::Filter],
            _ => &[NodeNeed::Netem, NodeNeed::Filter],
        })
    }

    fn needs(&self, choice: Choice) -> Vec<Rule> {
        choice.of(Self::PERMISSIONS)
    }

    fn at_most(&self, vms: usize) -> Option<Duration> {
        let hold = self.spec.duration.as_duration();
        let turns = self.spec.execution.turns(vms);
        Some(hold.saturating_mul(turns) + self.pod.running_timeout.as_duration() + ROLLBACK)
    }

    fn back_within(&self) -> Duration {
        // Its end is told, and its pods are deleted.
        ROLLBACK * 2
    }

    fn unfit_now(row: &VmiRow, _: &VirtualMachineInstance, _: &Ground) -> Option<Unfit> {
        row.fault.as_ref().err().cloned()
    }

    fn asked(&self) -> AskedFault {
        AskedFault::new(self.spec.fault.kind(), Columns::Packets, &self.spec)
    }

    fn hasten(&mut self, by: u32) {
        self.spec.duration = self.spec.duration.hastened(by);
    }

    fn pods(&self) -> Option<&PodRequest> {
        Some(&self.pod)
    }

    async fn find(
        &self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<(Found<Target>, Self::Seen), ClusterError> {
        let survey = survey(cluster, selection, &self.spec.interfaces, Some(self.spec.fault.kind())).await?;
        let cordoned = survey.cordoned();
        let rows = survey.rows.into_iter();
        let rows = rows.map(|row| Candidate::in_reach(&row, row.fault.clone())).collect();
        let absent = (survey.stopped, survey.missing);
        let found = Found::new(rows, absent, survey.kubevirt.as_ref(), cordoned);
        Ok((found, survey.images))
    }

    async fn plan(&self, order: Order<'_>, chosen: Chosen<Target>, images: Self::Seen) -> Result<Plan, Stop> {
        let images = debug_pods::images(order.image, &images)?;
        let pod = debug_pods::options(&self.pod, images, started_by(&order.cluster.user, order.reason));
        let many = chosen.targets.len() > 1;
        if self.spec.detach && many && self.spec.execution == Execution::Serial {
            return Err(Stop::refused(
                Reason::Detach,
                "--detach cannot serve several VMs one after the other: nobody would be left to do it",
            )
            .hint("add --execution parallel, or name one VM"));
        }
        let plan = Plan::new(order.run.to_owned(), self.spec.clone(), chosen.targets, pod);
        let mut plan = plan.map_err(|error| match error.hint() {
            Some(hint) => Stop::refused(Reason::Plan, error.to_string()).hint(hint),
            None => Stop::refused(Reason::Plan, error.to_string()),
        })?;
        plan.matched = chosen.matched;
        plan.seed = chosen.seed;
        plan.left_out = chosen.left_out;
        Ok(plan)
    }

    async fn preflight(
        &self,
        cluster: &Cluster,
        plan: &mut Plan,
        namespaces: &PodNamespaces,
        dry_run: DryRun,
    ) -> Result<(), Stop> {
        let pods = (0..plan.nodes.len()).map(|node| plan.debug_pod(node, ""));
        let pods: Vec<_> = pods.collect();
        let kind = self.spec.fault.kind();
        plan.namespace = debug_pods::place(cluster, namespaces, &pods, dry_run, kind).await?;
        Ok(())
    }

    fn facts(cluster: &Cluster, plan: &Plan) -> Facts {
        let targets = plan.vms.iter().map(|vm| &vm.target);
        let vms = targets.map(|target| (&target.namespace, &target.name, &target.node));
        Facts {
            lasts: Lasts::For(plan.hold()),
            ..facts(cluster, plan.spec.fault.kind(), vms, plan.matched)
        }
    }

    fn takes(plan: &Plan) -> Takes {
        let least = plan.total_hold();
        Takes {
            least,
            most: Some(least + plan.pod.start_limit + ROLLBACK),
        }
    }

    fn vmis(plan: &Plan) -> Vec<Regarding> {
        let vmis = plan.vms.iter().map(|vm| &vm.target);
        regarding(vmis.map(|vm| [&vm.namespace, &vm.name, &vm.uid]))
    }

    fn planned(_: &Cluster, plan: &Plan, report: &mut RunReport) {
        document::plan(report, plan, &plan.namespace);
    }

    fn describe(cluster: &Cluster, plan: &Plan, namespaces: &PodNamespaces, all: bool) -> String {
        debug_pods::noted(plan_text::plan_text(plan, cluster, &plan.namespace, all), namespaces)
    }

    fn question(plan: &Plan) -> String {
        format!("Put this on {}", counted(plan.vms.len()))
    }

    fn size(plan: &Plan) -> usize {
        plan.vms.len()
    }

    fn keys(plan: &Plan) -> Keys {
        let one = ["rolls this VM back, on to the next", "rolls back now"];
        let keys = Keys::to_end(one, "rolling back", plan.spec.execution, plan.vms.len());
        Keys {
            enough: keys.enough.filter(|_| !plan.spec.detach),
            ..keys
        }
    }

    async fn run(cluster: &Cluster, plan: &Confirmed<Plan>, signals: &Signals, screen: &Screen) -> driver::Ran {
        driver::run(cluster, plan, signals, screen).await
    }

    fn outcome(cluster: &Cluster, ran: &mut driver::Ran, report: &mut RunReport) -> Ending {
        for problem in ran.vms.iter_mut().filter_map(|vm| vm.problem.as_mut()) {
            problem.hint = problem.hint.take().map(|hint| cluster.lead(hint));
        }
        document::outcome(report, ran)
    }

    fn summary(report: &RunReport, unicode: bool) -> Vec<String> {
        probe_chart::lines(&report.targets, unicode)
    }

    fn close(printer: &Printer, cluster: &Cluster, plan: &Plan, ran: &driver::Ran) {
        closing_lines::tell(printer, cluster, plan, ran);
    }
}
