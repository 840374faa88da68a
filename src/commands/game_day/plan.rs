//! The plan of a game day: all its faults planned at once, what is in place at the same time, and when.

use futures::future::join_all;

use super::read::Asked;
use super::step_fault::{Desk, Planned, StepFault};
use crate::cluster::Cluster;
use crate::gameday::file::GameDay;
use crate::gameday::step::{FaultStep, Step};
use crate::gameday::timeline::{Bounds, Timeline, moments};
use crate::plan::consent::Vms;
use crate::plan::guards::{Demand, Facts};
use crate::problem::Reason;
use crate::report::{ExitCode, StepReport};
use crate::stop::Stop;

/// Everything that is going to be done.
pub(super) struct GameDayPlan {
    pub(super) day: GameDay,
    /// In the order of the file.
    pub(super) faults: Vec<PlannedFault>,
    pub(super) timeline: Timeline,
    /// What has to be typed.
    pub(super) demands: Vec<Demand>,
}

pub(super) struct PlannedFault {
    pub(super) name: String,
    pub(super) command: &'static str,
    pub(super) fault: Box<dyn StepFault>,
    pub(super) planned: Planned,
    /// How many times it is done.
    pub(super) times: u32,
}

/// Plans every fault. What cannot be is told of all of them.
pub(super) async fn plan(desk: &Desk<'_>, asked: Asked) -> Result<GameDayPlan, Stop> {
    let Asked { day, mut faults, .. } = asked;
    let planned = join_all(faults.iter_mut().map(|fault| fault.plan(desk))).await;
    let steps: Vec<(&Step, &FaultStep)> = day.steps.iter().flat_map(Step::faults).collect();
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for ((planned, fault), (step, of)) in planned.into_iter().zip(faults).zip(&steps) {
        match planned {
            Ok(planned) => all.push(PlannedFault {
                name: step.name.clone(),
                command: of.command,
                fault,
                planned,
                times: 1,
            }),
            Err(stop) => refused.push((*step, stop)),
        }
    }
    if !refused.is_empty() {
        return Err(together(&day, &refused));
    }
    let clashes = clashes(&day, &steps, &all);
    if !clashes.is_empty() {
        return Err(together(&day, &clashes));
    }
    let takes: Vec<Bounds> = all
        .iter()
        .map(|fault| Bounds {
            least: fault.planned.takes.least,
            most: fault.planned.takes.most,
        })
        .collect();
    let timeline = Timeline::new(&day.steps, &takes);
    for row in &timeline.rows {
        if let Some(fault) = row.fault.and_then(|fault| all.get_mut(fault)) {
            fault.times = row.times;
        }
    }
    let demands = demands(desk, &day, &all).await?;
    Ok(GameDayPlan {
        day,
        faults: all,
        timeline,
        demands,
    })
}

/// Two faults of a kind on one VM at once would undo each other's work.
fn clashes<'a>(day: &GameDay, steps: &[(&'a Step, &FaultStep)], all: &[PlannedFault]) -> Vec<(&'a Step, Stop)> {
    let mut clashes: Vec<(&Step, Stop)> = Vec::new();
    for moment in moments(&day.steps) {
        for (n, second) in moment.iter().enumerate() {
            let first = moment[..n].iter().find_map(|first| {
                let (one, two) = (&all[*first], &all[*second]);
                let vms = &one.planned.vms;
                let shared = vms
                    .intersection(&two.planned.vms)
                    .next()
                    .filter(|_| one.command == two.command)?;
                Some((one, shared))
            });
            let Some((first, (namespace, name))) = first else {
                continue;
            };
            let step = steps[*second].0;
            if clashes.iter().any(|(of, _)| of.path == step.path) {
                continue;
            }
            let told = format!(
                "{} is on {namespace}/{name} at the same time (step {}), and a VM takes one of a kind",
                first.command, first.name
            );
            clashes.push((step, Stop::refused(Reason::OneOfAKind, told)));
        }
    }
    clashes
}

/// What has to be typed before it: for each fault by itself, and for all that is in place at once.
async fn demands(desk: &Desk<'_>, day: &GameDay, all: &[PlannedFault]) -> Result<Vec<Demand>, Stop> {
    let mut demands: Vec<Demand> = Vec::new();
    let mut add = |more: Vec<Demand>| {
        for demand in more {
            let known = demands
                .iter()
                .any(|it| it.what == demand.what && it.expected == demand.expected);
            if !known {
                demands.push(demand);
            }
        }
    };
    for fault in all {
        add(fault.planned.verdict.demands.clone());
    }
    for moment in moments(&day.steps).into_iter().filter(|moment| moment.len() > 1) {
        let faults: Vec<&Planned> = moment.iter().map(|fault| &all[*fault].planned).collect();
        let Some((first, more)) = faults.split_first() else {
            continue;
        };
        let facts = at_once(first, more);
        let seen = desk
            .guards
            .see(desk.cluster, &facts, &first.around, &first.namespaces)
            .await?;
        let verdict = desk.guards.judge(desk.cluster, &facts, &seen).map_err(|mut stop| {
            let names: Vec<&str> = moment.iter().map(|fault| all[*fault].name.as_str()).collect();
            stop.problem.message = format!("at once, by steps {}: {}", names.join(", "), stop.problem.message);
            stop
        })?;
        add(verdict.demands);
    }
    Ok(demands)
}

/// Several faults as one.
fn at_once(first: &Planned, more: &[&Planned]) -> Facts {
    let mut facts = first.facts.clone();
    facts.fault = "game day";
    for other in more {
        for vm in &other.facts.vms {
            if !facts.vms.contains(vm) {
                facts.vms.push(vm.clone());
            }
        }
        facts.matched += other.facts.matched;
    }
    // Each was asked about by itself.
    facts.losing.clear();
    facts
}

/// All that was refused, each with its place in the file.
fn together(day: &GameDay, refused: &[(&Step, Stop)]) -> Stop {
    let exit = ExitCode::worst(refused.iter().map(|(_, stop)| stop.exit));
    let reason = refused.first().map_or(Reason::Plan, |(_, stop)| stop.problem.reason);
    let lines: Vec<String> = refused
        .iter()
        .map(|(step, stop)| {
            let (file, at) = day.place(step);
            format!(
                "{file}:{}:{}: step {}: {}",
                at.line, at.column, step.name, stop.problem.message
            )
        })
        .collect();
    let hints = refused
        .iter()
        .filter_map(|(_, stop)| stop.problem.hint.as_ref().map(ToString::to_string));
    let hints: Vec<String> = hints.collect();
    let stop = Stop {
        exit,
        ..Stop::refused(reason, lines.join("\n"))
    };
    if hints.is_empty() {
        stop
    } else {
        stop.hint(hints.join("\n"))
    }
}

// === impl PlannedFault ===

impl PlannedFault {
    /// Its part of the document, before anything is done.
    pub(super) fn report(&self) -> StepReport {
        let vms = self.planned.vms.iter();
        StepReport {
            name: self.name.clone(),
            fault: self.command,
            vms: vms.map(|(namespace, name)| format!("{namespace}/{name}")).collect(),
            runs: Vec::new(),
            times: self.times,
        }
    }
}

// === impl GameDayPlan ===

impl GameDayPlan {
    /// The VMs of each fault.
    pub(super) fn vms(&self) -> Vec<Vms> {
        self.faults.iter().map(|fault| fault.planned.vms.clone()).collect()
    }

    /// Where a VM is that names no namespace.
    pub(super) fn namespace<'a>(&'a self, cluster: &'a Cluster) -> &'a str {
        self.day.namespace.as_deref().unwrap_or(&cluster.namespace)
    }

    /// How many VMs there are in all.
    pub(super) fn count(&self) -> usize {
        let all: Vms = self.faults.iter().flat_map(|fault| fault.planned.vms.clone()).collect();
        all.len()
    }
}
