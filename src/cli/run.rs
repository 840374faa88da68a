//! `kubectl vmchaos run -f FILE`: a game day from a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command};

use super::fault_flags::PodArgs;
use super::record::{ReportArgs, ReportFile};
use super::request::{DryRun, Writing, WritingArgs};
use super::step::ForAllSteps;
use super::unattended::{ManifestsRequest, UnattendedArgs, passed_on};
use super::value_parser::{seed, value};
use super::{Action, given};
use crate::fault::Given;
use crate::faults::debug_pods::PodRequest;
use crate::problem::Problem;

const EXAMPLES: &str = "\
Examples:
  # What would be done, when, and to which VMs; changes nothing
  kubectl vmchaos run -f game-day.yaml --plan

  # Run it, and keep a report
  kubectl vmchaos run -f game-day.yaml --report game-day.html

  # With another value than the file's, on the practice cluster
  kubectl vmchaos rehearse -- run -f game-day.yaml --set latency=300ms --yes

  # Have the cluster run it every Tuesday at three
  kubectl vmchaos run -f game-day.yaml --as-cronjob '0 3 * * 2' --job-image REGISTRY/kubectl-vmchaos:1.0 | kubectl apply -f -

  # A file to begin with; and what an editor completes files by
  kubectl vmchaos run --example game-day > game-day.yaml
  kubectl vmchaos run --schema > game-day.schema.json";

/// Flags about debug pods, which go for all steps.
const PODS: [&str; 5] = [
    "image",
    "taints",
    "service_account",
    "pod_namespace",
    "pod_running_timeout",
];

/// Run a game day from a file: steady state, faults one after the other and side by side, an abort, one report
///
/// Everything is planned first: the VMs of every step, what is done to them, what is in place at once, when it begins and ends.
/// It is confirmed once. While faults are in place the checks of the steady state are looked at; where too many fail, as the file
/// says, everything is rolled back. A signal does the same.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", super::EXIT_CODES))]
pub(super) struct RunArgs {
    /// The game day's file, `-` for stdin; of krkn's and Chaos Mesh's files also a folder, and several
    #[arg(short = 'f', long = "filename", value_name = "FILE", required_unless_present_any = ["schema", "example"])]
    files: Vec<PathBuf>,
    /// Another value for a name in the file's `spec.values`; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = set)]
    set: Vec<(String, String)>,
    /// The same as --dry-run
    #[arg(long, conflicts_with = "dry_run")]
    plan: bool,
    /// Do what krkn's code does with krkn's files, and not what its documentation says
    #[arg(long)]
    as_krkn: bool,
    /// Let the file's commands run, as you and on this machine
    #[arg(long)]
    allow_commands: bool,
    /// So many times as fast, on the practice cluster only: waits, durations and intervals
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with_all = ["as_job", "as_cronjob"])]
    speed: Option<u32>,
    /// Draw the same VMIs and schedules again; printed with every plan
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, value_parser = seed)]
    seed: Option<Given<u64>>,
    /// Print the JSON Schema of game days
    #[arg(long, exclusive = true)]
    schema: bool,
    /// Print an example: `game-day`, `slow-network`, `migrations`
    #[arg(long, value_name = "NAME", exclusive = true)]
    example: Option<String>,
    #[command(flatten)]
    unattended: UnattendedArgs,
    #[command(flatten)]
    pod: PodArgs,
    #[command(flatten)]
    writing: WritingArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// A game day that is to be run.
#[derive(Debug, Clone)]
pub struct GameDayRequest {
    /// `-` is stdin.
    pub files: Vec<PathBuf>,
    pub as_krkn: bool,
    /// `--set`
    pub values: BTreeMap<String, String>,
    pub for_all: ForAllSteps,
    /// How debug pods are made that probe for checks.
    pub pods: PodRequest,
    /// `--seed`; whoever runs it draws one where there is none.
    pub seed: Option<u64>,
    pub allow_commands: bool,
    /// `--speed`: so many times as fast.
    pub speed: Option<u32>,
    /// `--unattended`: no permission is done without.
    pub unattended: bool,
    /// Asked for in place of a run.
    pub manifests: Option<ManifestsRequest>,
    pub writing: Writing,
    pub records: Vec<ReportFile>,
    /// Flags that were accepted and do nothing, each as a line for stderr.
    pub ignored: Vec<String>,
}

fn set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("is not NAME=VALUE".to_owned()),
    }
}

/// Flags as the words they were given as.
pub(super) struct Words {
    /// Those about debug pods, by their names.
    pods: Vec<(String, Vec<String>)>,
    /// Those that a Job has, too.
    passed_on: Vec<String>,
}

pub(super) fn words(root: &Command, matches: &ArgMatches) -> Words {
    let pods = PODS
        .into_iter()
        .map(|of| (of.replace('_', "-"), given::flags(root, matches, |id| id == of)));
    Words {
        pods: pods.filter(|(_, words)| !words.is_empty()).collect(),
        passed_on: passed_on(root, matches),
    }
}

impl RunArgs {
    pub(super) fn action(self, namespace: Option<String>, words: Words) -> Result<Action, Problem> {
        if self.schema {
            return Ok(Action::Schema);
        }
        if let Some(example) = self.example {
            return Ok(Action::Example(example));
        }
        let mut values = BTreeMap::new();
        for (name, value) in self.set {
            if values.insert(name.clone(), value).is_some() {
                return Err(Problem::usage(
                    format!("--set {name} is given twice"),
                    "give each name one value",
                ));
            }
        }
        let mut writing = self.writing.writing();
        if self.plan {
            writing.dry_run = DryRun::Client;
        }
        Ok(Action::GameDay(GameDayRequest {
            files: self.files,
            as_krkn: self.as_krkn,
            values,
            seed: value(self.seed),
            for_all: ForAllSteps {
                namespace,
                seed: 0,
                reason: writing.reason.clone(),
                pods: words.pods,
            },
            pods: self.pod.request(),
            allow_commands: self.allow_commands,
            speed: self.speed,
            unattended: self.unattended.is_unattended(),
            manifests: self.unattended.manifests(words.passed_on)?,
            writing,
            records: self.report.files()?,
            ignored: self.pod.ignored(),
        }))
    }
}
