//! The faults, each a folder of its own, and what a command has to know of one: `Fault`.
//!
//! ```text
//! find ──> Found ── a choice ──> plan ──> preflight ──> describe ── a confirmation ──> run ──> report
//! ```
//! A folder holds what makes its fault different: what can be asked for (`spec`), which VMIs can take it (`find`; for migrations also
//! `eligibility`), what it needs permission for (`permissions`), the plan and its words (`plan`, `plan_text`), the state machine
//! (`engine`) and what does as it says (`driver`), what is shown meanwhile (`screen`), its part of the document (`report`), and all
//! of it behind the trait (`fault`).

pub(crate) mod debug_pods;
mod found;
pub(crate) mod migrate;
pub(crate) mod outage;
pub mod packets;
pub(crate) mod permitted;
pub(crate) mod registry;
pub(crate) mod screen;

use std::time::Duration;

use self::debug_pods::PodRequest;
pub(crate) use self::found::{Around, Candidate, Chosen, Found, cells, facts, place, regarding};
use self::registry::Ground;
use self::screen::Screen;
use crate::cluster::events::Regarding;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::rules::{ALL_NAMESPACES, Rule, RuleScope};
use crate::cluster::{Cluster, ClusterError, Selection, VirtualMachineInstance, VmiRow};
use crate::fault::{AgentImage, Execution, Unfit};
use crate::plan::consent::Confirmed;
use crate::plan::guards::Facts;
use crate::report::{AskedFault, DryRun, Ending, RunReport};
use crate::run::signals::Signals;
use crate::stop::Stop;
use crate::ui::Printer;

/// A fault as it was asked for, and all that a command has to know of its kind.
pub(crate) trait Fault: Clone {
    /// A VM it is done to.
    type Target: Clone;
    /// What `find` read from the cluster beside the VMs, kept for `plan`.
    type Seen;
    /// Everything that is going to be done.
    type Plan;
    /// How a run went.
    type Ran;

    /// Everything that any of its kind may need permission for.
    const PERMISSIONS: &'static [Rule];

    /// Whether it puts anything into a VM's network namespace.
    const ENTERS_VM: bool = false;

    /// Whether its plan comes from the seed even where no VMs are drawn.
    const DRAWS_A_SCHEDULE: bool = false;

    /// What its debug pods need of a node, by the command that asks for it; `None` where none of its kind has a debug pod.
    fn node_needs(_command: &str) -> Option<&'static [NodeNeed]> {
        None
    }

    /// What of that this one needs, where its VMs are chosen so.
    fn needs(&self, choice: Choice) -> Vec<Rule>;

    /// The longest it takes on so many VMs, as [`Takes::most`].
    fn at_most(&self, vms: usize) -> Option<Duration>;

    /// The longest it takes to put everything back once it is interrupted, on a cluster that answers.
    fn back_within(&self) -> Duration;

    /// Why a VMI cannot take it by the flags' defaults, as far as a list of VMIs tells.
    fn unfit_now(row: &VmiRow, vmi: &VirtualMachineInstance, ground: &Ground) -> Option<Unfit>;

    /// What was asked for, as the document has it.
    fn asked(&self) -> AskedFault;

    /// The same, `by` times as fast: all that is waited for on purpose.
    fn hasten(&mut self, by: u32);

    /// How its debug pods are to be made, where it may need some.
    fn pods(&self) -> Option<&PodRequest> {
        None
    }

    /// Every VMI that is meant, with what would be done to it or why it cannot be.
    async fn find(
        &self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<(Found<Self::Target>, Self::Seen), ClusterError>;

    /// Whether it can be done here at all, whichever VMs are chosen.
    fn allowed(&self, _cluster: &Cluster, _seen: &Self::Seen) -> Result<(), Stop> {
        Ok(())
    }

    /// What is done to the VMs that were chosen. Only reads.
    async fn plan(&self, order: Order<'_>, chosen: Chosen<Self::Target>, seen: Self::Seen) -> Result<Self::Plan, Stop>;

    /// Whether we may do all of it; a server dry run also asks about every request. Says where debug pods go.
    async fn preflight(
        &self,
        cluster: &Cluster,
        plan: &mut Self::Plan,
        namespaces: &PodNamespaces,
        dry_run: DryRun,
    ) -> Result<(), Stop>;

    /// What the guards judge it by.
    fn facts(cluster: &Cluster, plan: &Self::Plan) -> Facts;

    /// How long it takes.
    fn takes(plan: &Self::Plan) -> Takes;

    /// The VMIs it is done to.
    fn vmis(plan: &Self::Plan) -> Vec<Regarding>;

    /// The plan in the document.
    fn planned(cluster: &Cluster, plan: &Self::Plan, report: &mut RunReport);

    /// The plan for a person; `all` of it for a dry run, which is read at leisure.
    fn describe(cluster: &Cluster, plan: &Self::Plan, namespaces: &PodNamespaces, all: bool) -> String;

    /// What a server dry run could not ask about.
    fn not_asked(_plan: &Self::Plan) -> Option<&'static str> {
        None
    }

    /// The question before it, without its end: the cluster's name follows.
    fn question(plan: &Self::Plan) -> String;

    /// What has to be kept before anything is done.
    fn keep(_plan: &Self::Plan) -> Result<(), Stop> {
        Ok(())
    }

    /// How many VMs the screen has room for.
    fn size(plan: &Self::Plan) -> usize;

    fn keys(plan: &Self::Plan) -> Keys;

    /// Does it, to its end: until everything is back, or it is known what is not.
    async fn run(cluster: &Cluster, plan: &Confirmed<Self::Plan>, signals: &Signals, screen: &Screen) -> Self::Ran;

    /// How it went, in the document.
    fn outcome(cluster: &Cluster, ran: &mut Self::Ran, report: &mut RunReport) -> Ending;

    /// Lines for a person above the document.
    fn summary(_report: &RunReport, _unicode: bool) -> Vec<String> {
        Vec::new()
    }

    /// What is said last, below the document: what may be left, what failed, and what to do about it.
    fn close(printer: &Printer, cluster: &Cluster, plan: &Self::Plan, ran: &Self::Ran);
}

/// What a node must be able to do, beyond running a debug pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeNeed {
    /// The qdisc `netem`.
    Netem,
    /// Filters of one of the engines.
    Filter,
}

/// What a plan is made with, whatever the fault.
pub(crate) struct Order<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The run's id.
    pub(crate) run: &'a str,
    /// What debug pods run, where the operator says so.
    pub(crate) image: Option<AgentImage>,
    pub(crate) reason: Option<&'a String>,
    /// `--seed`
    pub(crate) seed: Option<u64>,
}

/// How long a run takes, from its confirmation until everything is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Takes {
    pub(crate) least: Duration,
    /// `None`: until somebody ends it.
    pub(crate) most: Option<Duration>,
}

/// How VMs are chosen, as far as it decides about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// In all namespaces.
    pub(crate) everywhere: bool,
    /// The operator says what debug pods run.
    pub(crate) image_given: bool,
}

/// What the keys of a run are said to do.
pub(crate) struct Keys {
    /// What `r` does while a VM has its fault, where it does something only then.
    pub(crate) enough: Option<&'static str>,
    /// What `r` does during the whole run, whether or not a VM has its fault; without either, `r` does nothing.
    pub(crate) enough_always: Option<&'static str>,
    /// What `q` does.
    pub(crate) stop: &'static str,
    /// What is going on after that.
    pub(crate) stopping: &'static str,
}

// === impl Choice ===

impl Choice {
    /// What of these rules a fault needs whose VMs are chosen so.
    pub(crate) fn of(self, rules: &[Rule]) -> Vec<Rule> {
        let is_needed = |rule: &&Rule| rule.scope != RuleScope::KubeVirtNamespace || !self.image_given;
        let protected = self.everywhere.then_some(ALL_NAMESPACES);
        rules.iter().filter(is_needed).copied().chain(protected).collect()
    }
}

// === impl Keys ===

impl Keys {
    /// Of a run that holds VMs until they are let go: what `r` does to one of several in their turn, and else.
    pub(crate) fn to_end(
        [in_turn, now]: [&'static str; 2],
        stopping: &'static str,
        execution: Execution,
        vms: usize,
    ) -> Self {
        let is_in_turn = execution == Execution::Serial && vms > 1;
        Self {
            enough: Some(if is_in_turn { in_turn } else { now }),
            enough_always: None,
            stop: "ends the run",
            stopping,
        }
    }
}
