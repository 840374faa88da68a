//! The guards: what a run may not do, what has to be typed before it, and what else is going on where it acts.
//!
//! ```text
//! Config (file or built in) ──┐
//! Facts (the plan, in short) ─┼── apply ──> Verdict { refusals, demands, lines for the plan }
//! what is there, what is live ┘
//! ```
//! The same for every fault. Pure: what is read for it is read elsewhere.

pub(crate) mod beside;
pub mod config;
mod facts;

use std::collections::BTreeMap;

pub use self::facts::{Facts, Lasts, Place};

use self::beside::Beside;
use self::config::{Ceiling, Config};
use crate::problem::{Problem, Reason};

/// So many names of VMs are typed one after the other.
const TYPED_NAMES: usize = 3;

/// How many VMIs there are, by namespace and by node, as far as it was looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crowd {
    pub in_namespace: BTreeMap<String, usize>,
    pub on_node: BTreeMap<String, usize>,
    /// Only the namespaces of the run could be looked into, so that a node may have more.
    pub narrow: bool,
}

/// What the guards say of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why the run may not be, each by the guard that says so.
    pub refusals: Vec<Problem>,
    pub demands: Vec<Demand>,
    /// What a plan shows of it.
    pub lines: Vec<String>,
}

/// Something to be typed before a run may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The reason, as a sentence begins.
    pub why: String,
    /// What it is that is to be typed, e.g. `the context's name`.
    pub what: &'static str,
    pub expected: String,
}

/// Everything the guards go by.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub config: &'a Config,
    /// Where the config file is, or would be.
    pub file: &'a str,
    pub facts: &'a Facts,
    pub crowd: &'a Crowd,
    pub beside: &'a Beside,
}

/// Why nothing is done to the VMs of a namespace, or to one VM, by the config file.
pub fn protected(config: &Config, file: &str, namespace: &str, name: &str) -> Option<(String, String)> {
    if let Some(pattern) = config.protected_namespaces.iter().find(|it| it.matches(namespace)) {
        let reason = format!("is in a protected namespace (protectedNamespaces: {})", pattern.text());
        return Some((reason, format!("to change that list: protectedNamespaces in {file}")));
    }
    let key = format!("{namespace}/{name}");
    let pattern = config.protected_vms.iter().find(|it| it.matches(&key))?;
    let reason = format!("is protected (protectedVMs: {})", pattern.text());
    Some((reason, format!("to change that list: protectedVMs in {file}")))
}

/// Whether VMIs have to be counted by node, which takes a look at the whole cluster.
pub fn counts_nodes(config: &Config) -> bool {
    matches!(config.ceilings.per_node, Some(Ceiling::Share(_)))
}

/// Whether the crowd has to be counted for a run of so many VMs.
pub fn counts(config: &Config, vms: usize) -> bool {
    let share = |ceiling: Option<Ceiling>| matches!(ceiling, Some(Ceiling::Share(_)));
    vms > 1 || share(config.ceilings.per_node) || share(config.ceilings.per_namespace)
}

/// What the guards say of a plan.
pub fn apply(known: &Known<'_>) -> Verdict {
    let mut refusals: Vec<Problem> = too_long(known).into_iter().collect();
    refusals.extend(over_ceilings(known));
    refusals.extend(known.beside.same_kind(known.facts));
    let demands = demands(known);
    let typed = demands
        .iter()
        .map(|demand| format!("{}: {} has to be typed", demand.why, demand.what));
    let lines = known.beside.lines(known.facts).into_iter().chain(typed).collect();
    Verdict {
        refusals,
        demands,
        lines,
    }
}

fn too_long(known: &Known<'_>) -> Option<Problem> {
    let maximum = known.config.maximum_duration;
    match known.facts.lasts {
        Lasts::For(asked) if asked > known.config.maximum_duration() => {
            let asked = asked.as_secs_f64();
            let message = format!("--duration is {asked}s, and the maximum is {}", maximum.0);
            let hint = format!(
                "use --duration {} or less, or raise maximumDuration in {}",
                maximum.0, known.file
            );
            Some(Problem::new(Reason::MaximumDuration, message).hint(hint))
        }
        _ => None,
    }
}

fn over_ceilings(known: &Known<'_>) -> Vec<Problem> {
    let (ceilings, facts, crowd) = (&known.config.ceilings, known.facts, known.crowd);
    let mut all = Vec::new();
    let mut check = |ceiling: Option<Ceiling>, guard, key, vms: usize, there: usize, place: &str| {
        let Some(ceiling) = ceiling.filter(|ceiling| vms > ceiling.of(there)) else {
            return;
        };
        let of = match ceiling {
            Ceiling::Count(_) => String::new(),
            Ceiling::Share(_) => format!(" of {there}"),
        };
        let message = format!("{}{of}{place}, and the ceiling is {ceiling}", counted(vms));
        all.push(Problem::new(guard, message).hint(match ceiling.of(there) {
            0 => format!("that allows none there; raise ceilings.{key} in {}", known.file),
            most => format!(
                "choose {most} or fewer there (--count N), or raise ceilings.{key} in {}",
                known.file
            ),
        }));
    };
    check(
        ceilings.per_run,
        Reason::CeilingPerRun,
        "perRun",
        facts.vms.len(),
        facts.matched,
        " in one run",
    );
    for (node, vms) in facts.by(|place| &place.node) {
        let there = crowd.on_node.get(node).copied().unwrap_or_default().max(vms);
        let narrow = if crowd.narrow {
            " (as far as VMIs may be listed)"
        } else {
            ""
        };
        let place = format!(" on node {node}{narrow}");
        check(ceilings.per_node, Reason::CeilingPerNode, "perNode", vms, there, &place);
    }
    for (namespace, vms) in facts.by(|place| &place.namespace) {
        let there = crowd.in_namespace.get(namespace).copied().unwrap_or_default().max(vms);
        let place = format!(" in namespace {namespace}");
        let ceiling = ceilings.per_namespace;
        check(ceiling, Reason::CeilingPerNamespace, "perNamespace", vms, there, &place);
    }
    all
}

/// What has to be typed; each thing once.
fn demands(known: &Known<'_>) -> Vec<Demand> {
    let (config, facts) = (known.config, known.facts);
    let context = |why: String| Demand {
        why,
        what: "the context's name",
        expected: facts.typed_name.clone(),
    };
    let mut typed = config.typed_contexts.iter();
    let pattern = typed.find(|pattern| facts.goes_by.iter().any(|name| pattern.matches(name)));
    let mut all: Vec<Demand> = Vec::new();
    if let Some(pattern) = pattern {
        let why = format!("This is {} (typedContexts: {})", facts.typed_name, pattern.text());
        all.push(context(why));
    }
    if all.is_empty() {
        all.extend(without_limit(known).map(context));
    }
    if let Some(why) = many(known) {
        all.push(Demand {
            why,
            what: "the number of VMs",
            expected: facts.vms.len().to_string(),
        });
    }
    all.extend(losing(&facts.losing));
    all
}

/// Each VM that loses data is named, where those are few enough to be typed one by one; of more, how many there are.
fn losing(vms: &[Place]) -> Vec<Demand> {
    let lost = |who: String, what, expected| Demand {
        why: format!("Data of {who} is lost (see above)"),
        what,
        expected,
    };
    match vms {
        [first, more @ ..] if vms.len() > TYPED_NAMES => {
            let who = format!("{} and {} more", first.key(), more.len());
            vec![lost(who, "the number of VMs that lose data", vms.len().to_string())]
        }
        few => few
            .iter()
            .map(|vm| lost(vm.key(), "the VM's name", vm.name.clone()))
            .collect(),
    }
}

/// Why it may go on for longer than the maximum, though no duration says so.
fn without_limit(known: &Known<'_>) -> Option<String> {
    match known.facts.lasts {
        Lasts::Endless => Some("This has no end until it is interrupted".to_owned()),
        Lasts::Pauses(pauses) if pauses > known.config.maximum_duration() => Some(format!(
            "Its pauses can take {} min, longer than the maximum of {} (maximumDuration)",
            pauses.as_secs().div_ceil(60),
            known.config.maximum_duration.0
        )),
        _ => None,
    }
}

/// Why these are many VMs.
fn many(known: &Known<'_>) -> Option<String> {
    let (config, facts) = (known.config, known.facts);
    let vms = facts.vms.len();
    if vms > config.typed_count as usize {
        return Some(format!(
            "These are {vms} VMs, more than {} (typedCount)",
            config.typed_count
        ));
    }
    if vms < 2 {
        return None;
    }
    let share = config.typed_share.0;
    facts
        .by(|place| &place.namespace)
        .into_iter()
        .find_map(|(namespace, chosen)| {
            let there = known.crowd.in_namespace.get(namespace).copied().unwrap_or_default();
            let much = there > 0 && share.is_reached(chosen, there);
            much.then(|| {
                format!("These are {chosen} of the {there} VMIs in namespace {namespace} (typedShare: {share})")
            })
        })
}

/// `1 VM`, `3 VMs`
pub fn counted(vms: usize) -> String {
    format!("{vms} VM{}", if vms == 1 { "" } else { "s" })
}

#[cfg(test)]
#[path = "guards/tests.rs"]
mod tests;
