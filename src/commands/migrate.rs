//! `kubectl vmchaos migrate`: find, plan, confirm, migrate, report.

use std::collections::BTreeMap;

use super::confirm::agree;
use super::document::Run;
use super::guards::{self, Guards};
use super::keyboard::{Keyboard, Words};
use super::migrate_watcher::Shown;
use super::permitted::{Places, permitted};
use super::stop::Stop;
use super::targets::{self, Candidates, Chosen};
use super::{Context, document, migrate_text};
use crate::cli::{DryRun, MigrateRequest};
use crate::cluster::Cluster;
use crate::cluster::events::{Recorder, Regarding};
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::migration;
use crate::cluster::migration_eligibility::Terrain;
use crate::cluster::pool::pool;
use crate::cluster::rules::MIGRATE;
use crate::fault::{Extent, Movable};
use crate::plan::draw::Draw;
use crate::plan::guards::{Facts, Lasts, counted};
use crate::plan::migrations::MigrationPlan;
use crate::plan::schedule::Schedule;
use crate::report::{Ending, ExitCode, MigrationSummary};
use crate::run::migrate::driver;
use crate::run::migrate::explain::Limits;
use crate::run::migrate::requests::new_migration;

/// Label by which a migration is sent to one node.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// `kubectl vmchaos migrate`
pub(super) async fn migrate(context: &mut Context, request: MigrateRequest) -> ExitCode {
    let (fault, wanted, writing) = (&request.spec, &request.wanted, &request.writing);
    let work = async |context: &mut Context, run: &mut Run| carry_out(context, &request, run).await;
    document::documented(context, fault, wanted, writing, &request.records, work).await
}

async fn carry_out(context: &mut Context, request: &MigrateRequest, run: &mut Run) -> Result<Ending, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = document::connect(context, &mut run.report).await?;
    let selection = &request.wanted.selection;
    let search = guards::and_own(&cluster, pool(&cluster, selection, &request.spec.destination));
    let ((found, own), protection) = guards.search(context, &cluster, selection, search).await?;
    let (kubevirt, terrain) = (found.kubevirt.clone(), found.terrain.clone());
    destination_exists(request, &terrain, &cluster)?;
    can_select_nodes(request, kubevirt.as_ref())?;
    let mut found: Candidates<Movable> = found.into();
    found.around.own = own;
    guards.keep_off(&cluster, &mut found, protection);
    let chosen = targets::choose_from(context, &cluster, &request.wanted, found).await?;
    let around = chosen.around.clone();
    let pods = around.pod_namespaces(None);
    let plan = planned(request, &cluster, &terrain, chosen, &run.report.id)?;
    let facts = facts(&cluster, &plan);
    let passed = Box::pin(async {
        let admitted = admitted(&cluster, request, &plan, kubevirt.is_some());
        let look = guards.look(&cluster, &facts, &around, &pods);
        let (verdict, admitted) = tokio::join!(look, admitted);
        let verdict = verdict?;
        admitted.map(|()| verdict)
    });
    let verdict = context.unless_signalled(passed).await?;
    crate::run::migrate::report::plan(&mut run.report, &plan);
    run.planned(context);
    let is_dry = request.writing.dry_run != DryRun::None;
    let limits = Limits::of(kubevirt.as_ref());
    let text = migrate_text::plan_text(&plan, &cluster, limits, is_dry);
    context.printer.line(&guards::shown(text, &verdict));
    if is_dry {
        let vmis = plan.pool.iter();
        let vmis = vmis.map(|vm| Regarding::new(&vm.namespace, &vm.name, &vm.uid));
        let how = (plan.run.as_str(), request.writing.dry_run);
        return document::nothing_changed(context, &cluster, how, vmis.collect()).await;
    }
    let question = format!("Migrate {}", counted(plan.pool.len()));
    let consent = agree(context, &request.writing, &cluster, question, &verdict.demands).await?;
    let confirmed = consent.to(plan);
    run.begin()?;
    let recorder = Recorder::new(cluster.clone(), &confirmed.plan().run, context.warnings());
    let shown = Shown::new(&context.printer, confirmed.plan(), recorder);
    let keyboard = Keyboard::open(
        &context.printer,
        shown.progress(),
        &context.signals,
        keys(confirmed.plan()),
    );
    let ran = driver::run(&cluster, &confirmed, limits, &context.signals, &shown).await;
    keyboard.close().await;
    shown.finish().await;
    let ending = crate::run::migrate::report::outcome(&mut run.report, &ran);
    if let Some(summary) = MigrationSummary::of(&run.report.migrations) {
        context.printer.line(summary.words().trim_end());
    }
    run.closing = Some(Box::new(move |context| {
        migrate_text::tell_end(context, &cluster, confirmed.plan(), &ran);
    }));
    Ok(ending)
}

fn keys(plan: &MigrationPlan) -> Words {
    Words {
        enough: None,
        enough_always: (plan.schedule.rounds() != Some(1)).then_some("begins no further round"),
        stop: "cancels those in flight",
        stopping: "cancelling",
    }
}

fn facts(cluster: &Cluster, plan: &MigrationPlan) -> Facts {
    let vms = plan.pool.iter().map(|vm| (&vm.namespace, &vm.name, &vm.node));
    Facts {
        lasts: match plan.spec.extent {
            Extent::For(time) => Lasts::For(time.as_duration()),
            Extent::Endless => Lasts::Endless,
            Extent::Once | Extent::Rounds(_) => Lasts::Pauses(plan.schedule.longest_pauses()),
        },
        ..guards::facts(cluster, driver::FAULT, vms, plan.matched)
    }
}

fn planned(
    request: &MigrateRequest,
    cluster: &Cluster,
    terrain: &Terrain,
    chosen: Chosen<Movable>,
    run: &str,
) -> Result<MigrationPlan, Stop> {
    let spec = request.spec.clone();
    let vms = chosen.targets.len();
    let parallel = spec.parallel as usize;
    if parallel > vms {
        return Err(Stop::refused(
            "parallel",
            if vms == 1 {
                format!("--parallel {parallel} is more than the one VM there is to migrate")
            } else {
                format!("--parallel {parallel} is more than the {vms} VMs there are to migrate")
            },
        )
        .hint(format!("use --parallel {vms}, or choose more VMs")));
    }
    if vms == 1 && spec.extent == Extent::Once && request.interval_given {
        return Err(Stop::refused(
            "interval",
            "an interval has no meaning for one VM that is migrated once",
        )
        .hint("leave out --interval-min and --interval-max, or add --rounds N or --duration TIME"));
    }
    let seed = chosen.seed.or(request.wanted.seed).unwrap_or_else(Draw::seed);
    let mut node_labels = spec.destination.selector.clone();
    if let Some(node) = &spec.destination.node {
        // The label need not be the node's name, where it is known.
        let known = terrain.nodes.iter().flatten().find(|known| known.name == *node);
        let hostname = known.and_then(|known| known.labels.get(HOSTNAME)).unwrap_or(node);
        node_labels = BTreeMap::from([(HOSTNAME.to_owned(), hostname.clone())]);
    }
    Ok(MigrationPlan {
        run: run.to_owned(),
        schedule: Schedule::new(&spec, vms, seed),
        spec,
        pool: chosen.targets,
        matched: chosen.matched,
        left_out: chosen.left_out,
        node_labels,
        user: cluster.user.clone(),
        reason: request.writing.reason.clone(),
    })
}

/// A node that is not there, or takes no VMs, would be said of every VM by itself.
fn destination_exists(request: &MigrateRequest, terrain: &Terrain, cluster: &Cluster) -> Result<(), Stop> {
    let (Some(wanted), Some(nodes)) = (&request.spec.destination.node, &terrain.nodes) else {
        return Ok(());
    };
    let why = match nodes.iter().find(|node| node.name == *wanted) {
        None => format!("nodes \"{wanted}\" not found"),
        Some(node) => match node.closed() {
            None => return Ok(()),
            Some(why) => format!("node {wanted} {why}"),
        },
    };
    Err(Stop::refused("node", crate::ui::escape(&why)).hint(format!(
        "to see the nodes: {}",
        cluster.again("kubectl get nodes -L kubevirt.io/schedulable")
    )))
}

/// Older versions drop what they do not know, and would migrate anywhere.
fn can_select_nodes(request: &MigrateRequest, kubevirt: Option<&KubeVirt>) -> Result<(), Stop> {
    let too_old = kubevirt.filter(|kubevirt| !kubevirt.selects_nodes() && request.spec.destination.is_asked());
    match too_old.and_then(KubeVirt::release) {
        None => Ok(()),
        Some((major, minor)) => Err(Stop::refused(
            "kubevirt-version",
            format!("a migration cannot be told where to go before KubeVirt 1.6; this is {major}.{minor}"),
        )
        .hint("leave out --to-node and --node-selector")),
    }
}

/// Whether we may migrate; a server dry run also asks about every VM, and so does a run that could be misunderstood.
async fn admitted(
    cluster: &Cluster,
    request: &MigrateRequest,
    plan: &MigrationPlan,
    version_known: bool,
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
    permitted(cluster, "migrate", MIGRATE, places, remark).await?;
    let server = request.writing.dry_run == DryRun::Server;
    let unsure = plan.spec.destination.is_asked() && !version_known && request.writing.dry_run == DryRun::None;
    let vms = if server { plan.pool.len() } else { usize::from(unsure) };
    for vm in plan.pool.iter().take(vms) {
        let new = new_migration(plan, 1, vm.namespace.clone(), vm.name.clone());
        let echoed = migration::create(cluster, &new, true)
            .await
            .map_err(|error| refused_for(vm, &Stop::of_cluster(&error)))?;
        if echoed.spec.added_node_selector != new.node_selector {
            return Err(Stop::refused(
                "kubevirt-version",
                "the server drops where a migration is to go: KubeVirt here is older than 1.6",
            )
            .hint("leave out --to-node and --node-selector"));
        }
    }
    Ok(())
}

fn refused_for(vm: &Movable, stop: &Stop) -> Stop {
    let mut told = Stop::refused(stop.reason, format!("{}: {}", vm.key(), stop.message));
    told.exit = stop.exit;
    match &stop.hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
