//! From what was typed to the VMs of a run: find, pick or draw, and say why when there is none.

use super::guards::{self, Around, Guards};
use super::stop::Stop;
use super::{Context, same_again};
use crate::cli::{HowMany, Wanted};
use crate::cluster::outage;
use crate::cluster::pool::Pool;
use crate::cluster::{Cluster, ClusterError, LauncherImages, Reach, Survey, VirtualMachineInstance, survey};
use crate::fault::{Movable, OutageTarget, Target, Unfit};
use crate::plan::draw::Draw;
use crate::plan::guards::Place;
use crate::report::ExitCode;
use crate::ui::{Pick, Picker};

/// The flags that choose where nothing can be picked.
const FLAGS: &str =
    "name VMIs (web-1 or vmi/web-1/NAMESPACE), or use --target REGEX, --namespaces REGEX or -l SELECTOR";

/// VMs that were chosen.
pub(super) struct Chosen<T = Target> {
    pub targets: Vec<T>,
    /// How many match and can take the fault.
    pub matched: usize,
    /// The seed, where something was drawn.
    pub seed: Option<u64>,
    pub left_out: Vec<Unfit>,
    pub around: Around,
}

/// What matched a selection, for a fault of any kind.
pub(super) struct Candidates<T> {
    pub rows: Vec<Candidate<T>>,
    /// Named VMIs that do not exist but whose VM does.
    pub stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub missing: Vec<String>,
    pub around: Around,
}

/// A VMI, and what a fault would be done to, or why it cannot.
pub(super) struct Candidate<T> {
    /// As the picker shows it: namespace, name, node, phase, address, bindings.
    pub cells: [String; 6],
    pub fault: Result<T, Unfit>,
    /// The VMI carries the annotation that keeps faults off.
    pub protected: bool,
}

/// Off a terminal something has to choose; found out before anything is read from the cluster.
pub(super) fn must_choose(context: &Context, wanted: &Wanted) -> Result<(), Stop> {
    if wanted.chosen || (context.printer.interactive() && context.printer.look().live) {
        return Ok(());
    }
    Err(Stop::usage("no VMI chosen, and this is not a terminal to pick one on").hint(FLAGS))
}

/// Finds the VMs for a fault on their network, and what KubeVirt's launchers run; asks with a picker where nothing was said
/// that chooses.
pub(super) async fn choose(
    context: &Context,
    cluster: &Cluster,
    wanted: &Wanted,
    interfaces: &[String],
    guards: &Guards,
) -> Result<(Chosen, Result<LauncherImages, ClusterError>), Stop> {
    let search = guards::and_own(cluster, survey(cluster, &wanted.selection, interfaces));
    let ((survey, own), protection) = guards.search(context, cluster, &wanted.selection, search).await?;
    let images = survey.images.clone();
    let mut found: Candidates<Target> = survey.into();
    found.around.own = own;
    guards.keep_off(cluster, &mut found, protection);
    Ok((choose_from(context, cluster, wanted, found).await?, images))
}

/// Draws from what was found; asks with a picker where nothing was said that chooses.
pub(super) async fn choose_from<T: Clone>(
    context: &Context,
    cluster: &Cluster,
    wanted: &Wanted,
    found: Candidates<T>,
) -> Result<Chosen<T>, Stop> {
    if wanted.chosen {
        drawn(cluster, wanted, found)
    } else {
        // Not raced against signals: the picker ends itself and puts the terminal back.
        picked(context, cluster, found).await
    }
}

fn drawn<T>(cluster: &Cluster, wanted: &Wanted, survey: Candidates<T>) -> Result<Chosen<T>, Stop> {
    let named = !wanted.selection.names.is_empty();
    if let Some(missing) = survey.missing.first() {
        return Err(Stop::refused("not-found", missing)
            .hint(format!("to see the VMIs: {}", cluster.again("kubectl vmchaos list -A"))));
    }
    let (mut fit, mut left_out) = (Vec::new(), survey.stopped);
    for row in survey.rows {
        match row.fault {
            Ok(target) => fit.push(target),
            Err(unfit) => left_out.push(unfit),
        }
    }
    if let Some((first, others)) = left_out.split_first().filter(|_| named) {
        return Err(cannot(first, others));
    }
    if fit.is_empty() {
        return Err(nothing(cluster, wanted, &left_out));
    }
    let matched = fit.len();
    let (targets, seed) = match wanted.how_many {
        HowMany::AtMost(count) if (count as usize) < matched => {
            let seed = wanted.seed.unwrap_or_else(Draw::seed);
            (Draw::new(seed).some(fit, count as usize), Some(seed))
        }
        _ => (fit, None),
    };
    Ok(Chosen {
        targets,
        matched,
        seed,
        left_out,
        around: survey.around,
    })
}

/// Of every VM that was named and cannot take it, why; the hint is that of the first that has one.
fn cannot(unfit: &Unfit, others: &[Unfit]) -> Stop {
    let all = || std::iter::once(unfit).chain(others);
    let words: Vec<String> = all()
        .map(|unfit| format!("{}/{} {}", unfit.namespace, unfit.name, unfit.reason))
        .collect();
    let stop = Stop::refused("unfit", words.join("; "));
    match all().find_map(|unfit| unfit.hint.as_ref()) {
        Some(hint) => stop.hint(hint),
        None => stop,
    }
}

fn nothing(cluster: &Cluster, wanted: &Wanted, left_out: &[Unfit]) -> Stop {
    let place = match (&wanted.selection.namespace, &wanted.selection.namespaces) {
        (_, Some(_)) => "in the namespaces that match".to_owned(),
        _ if wanted.selection.all_namespaces => "in any namespace".to_owned(),
        (Some(namespace), _) => format!("in namespace {namespace}"),
        _ => format!("in namespace {} (the context's)", cluster.namespace),
    };
    if left_out.is_empty() {
        return Stop::refused("no-match", format!("no VMI matches {place}")).hint(format!(
            "--target must match the whole name; to see all VMIs: {}",
            cluster.again("kubectl vmchaos list -A")
        ));
    }
    let reasons: Vec<String> = left_out
        .iter()
        .take(5)
        .map(|unfit| format!("{}/{} {}", unfit.namespace, unfit.name, unfit.reason))
        .collect();
    let more = if left_out.len() > 5 {
        format!("; and {} more", left_out.len() - 5)
    } else {
        String::new()
    };
    Stop::refused(
        "no-match",
        format!(
            "no VMI that matches {place} can take the fault: {}{more}",
            reasons.join("; ")
        ),
    )
}

async fn picked<T: Clone>(context: &Context, cluster: &Cluster, survey: Candidates<T>) -> Result<Chosen<T>, Stop> {
    let headers = ["NAMESPACE", "NAME", "NODE", "PHASE", "IP", "BINDINGS"];
    let mut picker = Picker::new("Which VMIs?", headers, FLAGS);
    for row in &survey.rows {
        let refused = row.fault.as_ref().err().map(|unfit| unfit.reason.as_str());
        picker.row(row.cells.clone(), refused);
    }
    let matched = survey.rows.iter().filter(|row| row.fault.is_ok()).count();
    if matched == 0 {
        return Err(
            Stop::refused("no-match", "there is no VMI here that could take the fault")
                .hint("to see all VMIs and what they can take: kubectl vmchaos list -A"),
        );
    }
    let signals = context.signals.clone();
    match picker.pick(&context.printer, signals.any()).await {
        Ok(Pick::Picked(rows)) => {
            let names = rows.iter().map(|row| &survey.rows[*row].cells);
            let names: Vec<_> = names
                .map(|[namespace, name, ..]| (namespace.clone(), name.clone()))
                .collect();
            same_again::tell(context, cluster, &names, &context.given);
            let targets = rows
                .into_iter()
                .filter_map(|row| survey.rows[row].fault.clone().ok())
                .collect();
            Ok(Chosen {
                targets,
                matched,
                seed: None,
                left_out: Vec::new(),
                around: survey.around,
            })
        }
        Ok(Pick::Cancelled) => Err(Stop::refused(
            "nothing-picked",
            "nothing was picked; nothing was changed",
        )),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}

// === impl Candidates ===

impl From<Survey> for Candidates<Target> {
    fn from(survey: Survey) -> Self {
        let mut around = Around::at(survey.kubevirt.as_ref(), survey.cordoned);
        let leaving = survey.rows.iter().filter(|row| row.evacuating);
        let place = |row: &Reach| guards::place(&row.namespace, &row.name, row.node.as_deref().unwrap_or_default());
        around.evacuating = leaving.map(place).collect();
        let row = |row: Reach| Candidate {
            cells: cells(&row),
            protected: row.protected,
            fault: row.fault,
        };
        Self {
            rows: survey.rows.into_iter().map(row).collect(),
            stopped: survey.stopped,
            missing: survey.missing,
            around,
        }
    }
}

/// A VMI as the picker shows it.
pub(super) fn cells(row: &Reach) -> [String; 6] {
    [
        row.namespace.clone(),
        row.name.clone(),
        row.node.clone().unwrap_or_default(),
        row.phase.clone(),
        row.ip.clone().unwrap_or_default(),
        row.bindings.join(","),
    ]
}

/// A VMI as the picker shows it, for a fault that leaves its interfaces alone.
fn row<T>((vmi, fault): (VirtualMachineInstance, Result<T, Unfit>)) -> Candidate<T> {
    Candidate {
        cells: [
            vmi.namespace().to_owned(),
            vmi.name().to_owned(),
            vmi.status.node_name.clone(),
            vmi.shown_phase().to_owned(),
            vmi.ip().unwrap_or_default().to_owned(),
            vmi.bindings().join(","),
        ],
        protected: vmi.is_protected(),
        fault,
    }
}

/// Those that their node is to be rid of.
fn evacuating<T>(rows: &[(VirtualMachineInstance, Result<T, Unfit>)]) -> Vec<Place> {
    let leaving = rows.iter().map(|(vmi, _)| vmi).filter(|vmi| vmi.is_evacuating());
    leaving
        .map(|vmi| guards::place(vmi.namespace(), vmi.name(), &vmi.status.node_name))
        .collect()
}

impl From<Pool> for Candidates<Movable> {
    fn from(pool: Pool) -> Self {
        let around = Around::at(pool.kubevirt.as_ref(), pool.terrain.cordoned());
        Self {
            around: Around {
                evacuating: evacuating(&pool.rows),
                ..around
            },
            rows: pool.rows.into_iter().map(row).collect(),
            stopped: pool.stopped,
            missing: pool.missing,
        }
    }
}

impl From<outage::Candidates> for Candidates<OutageTarget> {
    fn from(found: outage::Candidates) -> Self {
        let kubevirt = found.kubevirt.as_ref().ok().and_then(Option::as_ref);
        let around = Around::at(kubevirt, found.cordoned);
        Self {
            around: Around {
                evacuating: evacuating(&found.rows),
                ..around
            },
            rows: found.rows.into_iter().map(row).collect(),
            stopped: found.stopped,
            missing: found.missing,
        }
    }
}
