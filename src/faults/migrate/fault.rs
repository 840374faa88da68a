//! What a command has to know of live migrations.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cancel::CANCEL_LIMIT;
use super::eligibility::{Terrain, unfit_now};
use super::explain::Limits;
use super::find::pool;
use super::plan::MigrationPlan;
use super::plan_text;
use super::report as document;
use super::requests::new_migration;
use super::schedule::Schedule;
use super::spec::{Destination, Eligible, Extent, MigrateSpec};
use super::{COMMAND, driver};
use crate::cluster::events::Regarding;
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::Rule;
use crate::cluster::{Cluster, ClusterError, Selection, VirtualMachineInstance, VmiRow, migration};
use crate::fault::Unfit;
use crate::faults::migrate::permissions::MIGRATE;
use crate::faults::permitted::{Places, permitted};
use crate::faults::registry::Ground;
use crate::faults::screen::Screen;
use crate::faults::{Candidate, Choice, Chosen, Fault, Found, Keys, Order, Takes, facts, regarding};
use crate::plan::consent::Confirmed;
use crate::plan::draw::Draw;
use crate::plan::guards::{Facts, Lasts, counted};
use crate::problem::Reason;
use crate::report::{AskedFault, Columns, DryRun, Ending, MigrationSummary, RunReport};
use crate::run::signals::Signals;
use crate::stop::Stop;
use crate::ui::Printer;

/// Label by which a migration is sent to one node.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// `migrate`, as it was asked for.
#[derive(Debug, Clone)]
pub struct MigrateFault {
    pub spec: MigrateSpec,
    /// An interval was given in so many words.
    pub interval_given: bool,
}

/// What the search has seen beside the VMIs.
pub(crate) struct Seen {
    kubevirt: Option<KubeVirt>,
    terrain: Terrain,
}

impl Fault for MigrateFault {
    type Target = Eligible;
    type Seen = Seen;
    type Plan = MigrationPlan;
    type Ran = driver::Ran;

    const PERMISSIONS: &'static [Rule] = MIGRATE;
    const DRAWS_A_SCHEDULE: bool = true;

    fn needs(&self, choice: Choice) -> Vec<Rule> {
        choice.of(Self::PERMISSIONS)
    }

    fn at_most(&self, vms: usize) -> Option<Duration> {
        Schedule::new(&self.spec, vms, 0).most(self.spec.timeout.as_duration())
    }

    fn back_within(&self) -> Duration {
        CANCEL_LIMIT
    }

    fn unfit_now(_: &VmiRow, vmi: &VirtualMachineInstance, ground: &Ground) -> Option<Unfit> {
        unfit_now(vmi, ground)
    }

    fn asked(&self) -> AskedFault {
        AskedFault::new(COMMAND, Columns::Migrations, &self.spec)
    }

    fn hasten(&mut self, by: u32) {
        if let Extent::For(time) = &mut self.spec.extent {
            *time = time.hastened(by);
        }
        let interval = self.spec.interval;
        self.spec.interval = interval.map(|(least, most)| (least.hastened(by), most.hastened(by)));
    }

    async fn find(&self, cluster: &Cluster, selection: &Selection) -> Result<(Found<Eligible>, Seen), ClusterError> {
        let pool = pool(cluster, selection, &self.spec.destination).await?;
        let rows = pool.rows.into_iter();
        let rows = rows.map(|(vmi, fault)| Candidate::of(&vmi, fault)).collect();
        let absent = (pool.stopped, pool.missing);
        let found = Found::new(rows, absent, pool.kubevirt.as_ref(), pool.terrain.cordoned());
        let seen = Seen {
            kubevirt: pool.kubevirt,
            terrain: pool.terrain,
        };
        Ok((found, seen))
    }

    fn allowed(&self, cluster: &Cluster, seen: &Seen) -> Result<(), Stop> {
        let destination = &self.spec.destination;
        destination_exists(destination, &seen.terrain, cluster)?;
        can_select_nodes(destination, seen.kubevirt.as_ref())
    }

    async fn plan(&self, order: Order<'_>, chosen: Chosen<Eligible>, seen: Seen) -> Result<MigrationPlan, Stop> {
        let spec = self.spec.clone();
        let vms = chosen.targets.len();
        let parallel = spec.parallel as usize;
        if parallel > vms {
            return Err(Stop::refused(
                Reason::Parallel,
                if vms == 1 {
                    format!("--parallel {parallel} is more than the one VM there is to migrate")
                } else {
                    format!("--parallel {parallel} is more than the {vms} VMs there are to migrate")
                },
            )
            .hint(format!("use --parallel {vms}, or choose more VMs")));
        }
        if vms == 1 && spec.extent == Extent::Once && self.interval_given {
            return Err(Stop::refused(
                Reason::Interval,
                "an interval has no meaning for one VM that is migrated once",
            )
            .hint("leave out --interval-min and --interval-max, or add --rounds N or --duration TIME"));
        }
        let number = chosen.seed.or(order.seed).unwrap_or_else(Draw::seed);
        let mut node_labels = spec.destination.selector.clone();
        if let Some(node) = &spec.destination.node {
            // The label need not be the node's name, where it is known.
            let known = seen.terrain.nodes.iter().flatten().find(|known| known.name == *node);
            let hostname = known.and_then(|known| known.labels.get(HOSTNAME)).unwrap_or(node);
            node_labels = BTreeMap::from([(HOSTNAME.to_owned(), hostname.clone())]);
        }
        Ok(MigrationPlan {
            run: order.run.to_owned(),
            schedule: Schedule::new(&spec, vms, number),
            spec,
            pool: chosen.targets,
            matched: chosen.matched,
            left_out: chosen.left_out,
            node_labels,
            limits: Limits::of(seen.kubevirt.as_ref()),
            is_version_known: seen.kubevirt.is_some(),
            user: order.cluster.user.clone(),
            reason: order.reason.cloned(),
        })
    }

    async fn preflight(
        &self,
        cluster: &Cluster,
        plan: &mut MigrationPlan,
        _: &PodNamespaces,
        dry_run: DryRun,
    ) -> Result<(), Stop> {
        let mut namespaces: Vec<String> = plan.pool.iter().map(|vm| vm.namespace.clone()).collect();
        namespaces.dedup();
        let places = Places {
            vmis: &namespaces,
            pods: "",
            kubevirt: None,
        };
        let remark =
            "; KubeVirt 1.5 and later grant it by the ClusterRole kubevirt.io:migrate, which admin does not contain";
        permitted(cluster, COMMAND, Self::PERMISSIONS, places, remark).await?;
        let server = dry_run == DryRun::Server;
        let unsure = plan.spec.destination.is_asked() && !plan.is_version_known && dry_run == DryRun::None;
        let vms = if server { plan.pool.len() } else { usize::from(unsure) };
        for vm in plan.pool.iter().take(vms) {
            let new = new_migration(plan, 1, vm.namespace.clone(), vm.name.clone());
            let echoed = migration::create(cluster, &new, true)
                .await
                .map_err(|error| refused_for(vm, Stop::of_cluster(&error)))?;
            if echoed.spec.added_node_selector != new.node_selector {
                return Err(Stop::refused(
                    Reason::KubevirtVersion,
                    "the server drops where a migration is to go: KubeVirt here is older than 1.6",
                )
                .hint("leave out --to-node and --node-selector"));
            }
        }
        Ok(())
    }

    fn facts(cluster: &Cluster, plan: &MigrationPlan) -> Facts {
        let vms = plan.pool.iter().map(|vm| (&vm.namespace, &vm.name, &vm.node));
        Facts {
            lasts: match plan.spec.extent {
                Extent::For(time) => Lasts::For(time.as_duration()),
                Extent::Endless => Lasts::Endless,
                Extent::Once | Extent::Rounds(_) => Lasts::Pauses(plan.schedule.longest_pauses()),
            },
            ..facts(cluster, COMMAND, vms, plan.matched)
        }
    }

    fn takes(plan: &MigrationPlan) -> Takes {
        let least = match plan.spec.extent {
            Extent::For(time) => time.as_duration(),
            _ => Duration::ZERO,
        };
        Takes {
            least,
            most: plan.schedule.most(plan.spec.timeout.as_duration()),
        }
    }

    fn vmis(plan: &MigrationPlan) -> Vec<Regarding> {
        regarding(plan.pool.iter().map(|vm| [&vm.namespace, &vm.name, &vm.uid]))
    }

    fn planned(_: &Cluster, plan: &MigrationPlan, report: &mut RunReport) {
        document::plan(report, plan);
    }

    fn describe(cluster: &Cluster, plan: &MigrationPlan, _: &PodNamespaces, all: bool) -> String {
        plan_text::plan_text(plan, cluster, all)
    }

    fn question(plan: &MigrationPlan) -> String {
        format!("Migrate {}", counted(plan.pool.len()))
    }

    fn size(plan: &MigrationPlan) -> usize {
        plan.pool.len()
    }

    fn keys(plan: &MigrationPlan) -> Keys {
        Keys {
            enough: None,
            enough_always: (plan.schedule.rounds() != Some(1)).then_some("begins no further round"),
            stop: "cancels those in flight",
            stopping: "cancelling",
        }
    }

    async fn run(
        cluster: &Cluster,
        plan: &Confirmed<MigrationPlan>,
        signals: &Signals,
        screen: &Screen,
    ) -> driver::Ran {
        driver::run(cluster, plan, signals, screen).await
    }

    fn outcome(_: &Cluster, ran: &mut driver::Ran, report: &mut RunReport) -> Ending {
        document::outcome(report, ran)
    }

    fn summary(report: &RunReport, _: bool) -> Vec<String> {
        let summary = MigrationSummary::of(&report.migrations);
        summary
            .map(|summary| summary.words().trim_end().to_owned())
            .into_iter()
            .collect()
    }

    fn close(printer: &Printer, cluster: &Cluster, plan: &MigrationPlan, ran: &driver::Ran) {
        plan_text::tell_end(printer, cluster, plan, ran);
    }
}

/// A node that is not there, or takes no VMs, would be said of every VM by itself.
fn destination_exists(destination: &Destination, terrain: &Terrain, cluster: &Cluster) -> Result<(), Stop> {
    let (Some(wanted), Some(nodes)) = (&destination.node, &terrain.nodes) else {
        return Ok(());
    };
    let why = match nodes.iter().find(|node| node.name == *wanted) {
        None => format!("nodes \"{wanted}\" not found"),
        Some(node) => match node.closed() {
            None => return Ok(()),
            Some(why) => format!("node {wanted} {why}"),
        },
    };
    Err(Stop::refused(Reason::Node, crate::ui::escape(&why)).hint(format!(
        "to see the nodes: {}",
        cluster.again("kubectl get nodes -L kubevirt.io/schedulable")
    )))
}

/// Older versions drop what they do not know, and would migrate anywhere.
fn can_select_nodes(destination: &Destination, kubevirt: Option<&KubeVirt>) -> Result<(), Stop> {
    let too_old = kubevirt.filter(|kubevirt| !kubevirt.selects_nodes() && destination.is_asked());
    match too_old.and_then(KubeVirt::release) {
        None => Ok(()),
        Some((major, minor)) => Err(Stop::refused(
            Reason::KubevirtVersion,
            format!("a migration cannot be told where to go before KubeVirt 1.6; this is {major}.{minor}"),
        )
        .hint("leave out --to-node and --node-selector")),
    }
}

fn refused_for(vm: &Eligible, stop: Stop) -> Stop {
    Stop {
        problem: stop.problem.context(vm.key()),
        ..stop
    }
}
