//! `run --as-job` and `--as-cronjob`: a game day that the cluster's own scheduler runs.

use clap::{ArgMatches, Args, Command};

use super::given;
use crate::command_line::CommandLine;
use crate::fault::{ValueError, parse_image};
use crate::gameday::cron::Cron;
use crate::problem::Problem;

/// Flags of `run` that are about this machine or this once, and are not passed on to the cluster.
const NOT_PASSED_ON: [&str; 9] = [
    "files",
    "as_job",
    "as_cronjob",
    "job_image",
    "unattended",
    "plan",
    "dry_run",
    "yes",
    "report",
];

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Unattended")]
pub(super) struct UnattendedArgs {
    /// Print a Job that runs this in the cluster, and all it needs, for `kubectl apply -f -`; changes nothing
    ///
    /// A `ConfigMap` with the files and your guards, a `ServiceAccount`, the least roles for exactly these steps with their bindings,
    /// and the Job, which goes where the debug pods go: with --pod-namespace, --image and a namespace for the VMs (-n, or the file's)
    /// the cluster is asked nothing. Else it is asked for what is missing: the namespace of debug pods, KubeVirt's own, and how many
    /// VMs there are where a step takes all of them in turn. Flags of `run` are passed on, so are -n, -o, -v, --request-timeout and
    /// the config file; those of the connection are not, and --yes is: what a guard wants typed needs --yes=CONTEXT here, too.
    #[arg(long, conflicts_with_all = ["as_cronjob", "plan", "dry_run", "report"])]
    as_job: bool,
    /// The same as a `CronJob`: five fields in UTC, such as '0 3 * * 2', or @daily
    #[arg(long, value_name = "CRON", value_parser = Cron::parse, conflicts_with_all = ["plan", "dry_run", "report"])]
    as_cronjob: Option<Cron>,
    /// Image of this program that the Job runs; --image is that of the debug pods
    #[arg(long, value_name = "REF", value_parser = image)]
    job_image: Option<String>,
    /// Refuse where any permission is missing, also one that could be done without: nobody reads the plan. Every Job has it
    #[arg(long, hide_short_help = true)]
    unattended: bool,
}

/// Manifests that are asked for, in place of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestsRequest {
    /// `None`: a Job.
    pub schedule: Option<Cron>,
    /// The image of this program.
    pub image: String,
    /// Flags of `run`, which the Job has, too.
    pub passed_on: Vec<String>,
}

fn image(text: &str) -> Result<String, ValueError> {
    parse_image(text)
}

/// What of the command line the Job has, too.
pub(super) fn passed_on(root: &Command, matches: &ArgMatches) -> Vec<String> {
    given::flags(root, matches, |id| !NOT_PASSED_ON.contains(&id))
}

// === impl UnattendedArgs ===

impl UnattendedArgs {
    /// Whether a run does without no permission.
    pub(super) fn is_unattended(&self) -> bool {
        self.unattended
    }

    pub(super) fn manifests(self, passed_on: Vec<String>) -> Result<Option<ManifestsRequest>, Problem> {
        let flag = if self.as_job { "--as-job" } else { "--as-cronjob" };
        match (self.as_job || self.as_cronjob.is_some(), self.job_image) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(Problem::usage(
                "--job-image is the image of a Job, and none is asked for",
                "add --as-job or --as-cronjob CRON; --image is the image of debug pods",
            )),
            (true, None) => {
                let build = CommandLine::new(
                    "plugin-manifest/image target/image x86_64-unknown-linux-musl && podman build -f plugin-manifest/Containerfile -t REGISTRY/kubectl-vmchaos target/image",
                );
                Err(Problem::usage(
                    format!("{flag} needs the image of this program: --job-image REF"),
                    build.to("there is none to be had ready-made; to build it from the source, and then to push it: "),
                ))
            }
            (true, Some(image)) => Ok(Some(ManifestsRequest {
                schedule: self.as_cronjob,
                image,
                passed_on,
            })),
        }
    }
}
