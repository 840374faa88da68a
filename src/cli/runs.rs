//! Commands that look at the cluster and at runs: `list`, `status`, `halt` (also `cleanup`) and `check`.

use clap::Args;

use super::request::{Writing, WritingArgs};
use super::selection::MatchArgs;
use super::target::parse_target;
use super::value_parser::{OneOf, image, pod_namespace, service_account};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::fault::{Given, ValueError};
use crate::faults::registry::{FAULTS, asked_about};
use crate::problem::Problem;

/// List the VMIs in reach, and for each which faults it can take and why not
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl vmchaos list
  kubectl vmchaos list -A -o wide
  kubectl vmchaos list --target 'web-.*' -o json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    matching: MatchArgs,
}

/// What `list` was asked for.
#[derive(Debug, Clone)]
pub struct ListRequest {
    pub selection: Selection,
}

/// Show every live run, whoever started it
///
/// Looks for debug pods, migrations and what outages have changed in every namespace, or in the one of -n. Says which
/// namespaces it could not look into, and then exits with 1. A run is injected
/// once its fault is in place on a VM, and running as long as that is not known. LEFT is the time until its node ends the fault,
/// whatever became of the command.
///
/// Everybody who may make pods somewhere can give them a run's labels. So pods count as a run's only where this program makes
/// them: in the namespace `vmchaos` labelled vmchaos.dev/debug-pods=allowed, in KubeVirt's own, and in one that you name with
/// --pod-namespace or -n. What is found elsewhere is told apart, and neither halted nor a reason to refuse a fault.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl vmchaos status
  kubectl vmchaos status --watch")]
pub(super) struct StatusArgs {
    /// Go on showing changes until interrupted
    #[arg(short, long)]
    watch: bool,
    /// Look in all namespaces, which is also the default
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Pods there count too, as those of faults with the same flag
    #[arg(long, value_name = "NAMESPACE", value_parser = pod_namespace)]
    pod_namespace: Option<Given<String>>,
}

/// What `status` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRequest {
    pub watch: bool,
    /// `None` is every namespace.
    pub namespace: Option<String>,
    /// Where pods count, too.
    pub pod_namespace: Option<String>,
}

/// Roll back and remove what runs have in place, from any machine
///
/// Two names for one command; safe to repeat. RUN is the id that the run printed and `status` shows. With vmi/NAME it looks
/// inside that VM's network namespace for whatever this program left there, also when the debug pod is gone, and undoes what an
/// outage left on it. Of pods it halts and deletes those that `status --help` says count as a run's, and no others.
#[derive(Debug, Args)]
#[command(
    visible_alias = "cleanup",
    after_help = "\
Examples:
  kubectl vmchaos halt k3f9ab
  kubectl vmchaos halt --all
  kubectl vmchaos halt vmi/web-1/shop"
)]
pub(super) struct HaltArgs {
    /// Runs by id, or VMs as TYPE/NAME[/NAMESPACE]
    #[arg(value_name = "RUN", value_parser = halted, conflicts_with = "all")]
    runs: Vec<Halted>,
    /// Every run of everybody: they are listed with their owners, and asked for
    #[arg(long)]
    all: bool,
    /// Image of the debug pods that look into VMs [default: as of netem]
    #[arg(long, value_name = "IMAGE", value_parser = image, hide_short_help = true)]
    image: Option<Given<String>>,
    /// Pods there count too; and those that look into VMs are made there
    #[arg(long, value_name = "NAMESPACE", value_parser = pod_namespace)]
    pod_namespace: Option<Given<String>>,
    /// Service account of the pods that look into VMs; no token of it is mounted
    #[arg(long, value_name = "NAME", value_parser = service_account, hide_short_help = true)]
    service_account: Option<Given<String>>,
    #[command(flatten)]
    writing: WritingArgs,
}

/// What `halt` was asked for.
#[derive(Debug, Clone)]
pub struct HaltRequest {
    /// Ids of runs, each once.
    pub runs: Vec<String>,
    /// VMs to look into.
    pub targets: Selection,
    pub all: bool,
    /// Where runs are looked for; `None` is every namespace.
    pub namespace: Option<String>,
    /// What looks into VMs.
    pub image: Option<String>,
    /// Where pods count, too, and where debug pods go.
    pub pod_namespace: Option<String>,
    pub service_account: Option<String>,
    pub writing: Writing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Halted {
    Run(String),
    Target(NamedTarget),
}

/// Check whether faults would work here: permissions, pod security, KubeVirt, and with --nodes each node's kernel and tools
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl vmchaos check
  kubectl vmchaos check netem --nodes
  kubectl vmchaos check filter --nodes")]
pub(super) struct CheckArgs {
    /// Check what this fault needs [default: all]
    #[arg(value_name = "FAULT", value_parser = OneOf(&FAULT_NAMES))]
    fault: Option<Given<&'static str>>,
    /// Also look at each node that can run VMs, by a debug pod on it
    #[arg(long)]
    nodes: bool,
    /// Namespace of the debug pods [default: as for the faults, whose --help says it]
    #[arg(long, value_name = "NAMESPACE", value_parser = pod_namespace)]
    pod_namespace: Option<Given<String>>,
    /// Image of the debug pods [default: as for the faults, whose --help says it]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<Given<String>>,
    #[command(flatten)]
    writing: WritingArgs,
}

/// Each fault by its command, as a value without help.
const FAULT_NAMES: [(&str, &str, &str); FAULTS.len()] = {
    let mut names = [("", "", ""); FAULTS.len()];
    let mut n = 0;
    while n < names.len() {
        names[n] = (FAULTS[n].command, FAULTS[n].command, "");
        n += 1;
    }
    names
};

/// What `check` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRequest {
    /// `None` is every fault.
    pub fault: Option<&'static str>,
    pub nodes: bool,
    /// Namespace of the VMs; `None` is the context's.
    pub namespace: Option<String>,
    pub pod_namespace: Option<String>,
    pub image: Option<String>,
    pub writing: Writing,
}

/// A run's id, or a VM. Ids are six letters and digits, so that a VM has to be written with its type.
fn halted(text: &str) -> Result<Halted, ValueError> {
    if text.contains('/') {
        return parse_target(text).map(Halted::Target);
    }
    if text.len() == 6 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Ok(Halted::Run(text.to_owned()));
    }
    match parse_target(text) {
        Ok(target) => Err(ValueError::new(
            "not the id of a run (six letters and digits)",
            format!("vmi/{}", target.name),
        )),
        Err(_) => Err(ValueError::new("not the id of a run (six letters and digits)", "--all")),
    }
}

fn given(value: Option<&Given<String>>) -> Option<String> {
    value.and_then(|given| given.0.clone())
}

// === impl ===

impl ListArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<ListRequest, Problem> {
        Ok(ListRequest {
            selection: self.matching.selection(namespace)?,
        })
    }
}

impl StatusArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> StatusRequest {
        StatusRequest {
            watch: self.watch,
            namespace: namespace.filter(|_| !self.all_namespaces),
            pod_namespace: given(self.pod_namespace.as_ref()),
        }
    }
}

impl HaltArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<HaltRequest, Problem> {
        let (mut runs, mut names): (Vec<String>, Vec<NamedTarget>) = (Vec::new(), Vec::new());
        for halted in &self.runs {
            match halted {
                Halted::Run(run) if !runs.contains(run) => runs.push(run.clone()),
                Halted::Target(target) if !names.contains(target) => names.push(target.clone()),
                _ => {}
            }
        }
        let targets = Selection {
            names,
            namespace: namespace.clone(),
            ..Selection::default()
        };
        super::selection::check(&targets)?;
        Ok(HaltRequest {
            runs,
            targets,
            all: self.all,
            namespace,
            image: given(self.image.as_ref()),
            pod_namespace: given(self.pod_namespace.as_ref()),
            service_account: given(self.service_account.as_ref()),
            writing: self.writing.writing(),
        })
    }
}

impl CheckArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<CheckRequest, Problem> {
        let fault = self.fault.and_then(|fault| fault.0);
        if let Some(fault) = fault.filter(|_| self.nodes)
            && asked_about(Some(fault)).all(|kind| kind.node_needs().is_none())
        {
            return Err(Problem::usage(
                format!("{fault} needs nothing of a node that --nodes looks at"),
                "leave out --nodes; `kubectl vmchaos list` shows where each VM could not go",
            ));
        }
        Ok(CheckRequest {
            fault,
            nodes: self.nodes,
            namespace,
            pod_namespace: given(self.pod_namespace.as_ref()),
            image: given(self.image.as_ref()),
            writing: self.writing.writing(),
        })
    }
}
