//! What every command that puts a fault on VMs was asked for, and the flags that all of them have beside the fault's own: whether it
//! is done, who agreed, why, and where it is reported.

use clap::{Args, ValueEnum};

use super::record::RecordArgs;
use super::value_parser::{reserved, text};
use super::{ReportFile, Wanted};
use crate::problem::Problem;

/// A fault, on which VMs, and how.
#[derive(Debug, Clone)]
pub struct Request<F> {
    pub fault: F,
    pub wanted: Wanted,
    pub writing: Writing,
    pub records: Vec<ReportFile>,
    /// Flags that were accepted and do nothing, each as a line for stderr.
    pub ignored: Vec<String>,
}

/// How far a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DryRun {
    /// All the way
    #[default]
    None,
    /// Show the plan; only reads
    Client,
    /// Also ask the API server whether it would take every write
    Server,
}

/// What was said about writing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writing {
    pub dry_run: DryRun,
    /// `--yes`, with or without a context: the y/N question is answered.
    pub yes: bool,
    /// `--yes=CONTEXT`: also the question that asks for the context's name, when this is it.
    pub yes_context: Option<String>,
    pub reason: Option<String>,
}

/// How a fault is agreed to and reported.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    #[command(flatten)]
    writing: WritingArgs,
    #[command(flatten)]
    records: RecordArgs,
    /// Of `run` alone.
    #[arg(short = 'f', long, hide = true, value_name = "FILE", value_parser = reserved)]
    filename: Option<std::convert::Infallible>,
}

/// Flags of every command that changes something.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Safety")]
pub(super) struct WritingArgs {
    /// Show what would be done: `client` only reads, `server` also asks the API server about every write
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "client", hide_default_value = true, hide_possible_values = true, value_name = "none|client|server")]
    dry_run: DryRun,
    /// Do not ask; with the context's name also where that has to be typed
    #[arg(short, long, num_args = 0..=1, require_equals = true, value_name = "CONTEXT")]
    #[allow(clippy::option_option)] // Absent, bare, and with a context are three things.
    yes: Option<Option<String>>,
    /// Why this is done; kept with the run and in the VMIs' Events
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

// === impl WritingArgs ===

impl WritingArgs {
    pub(super) fn writing(&self) -> Writing {
        Writing {
            dry_run: self.dry_run,
            yes: self.yes.is_some(),
            yes_context: self.yes.clone().flatten().filter(|context| !context.is_empty()),
            reason: text(self.reason.as_ref()),
        }
    }
}

// === impl RequestArgs ===

impl RequestArgs {
    pub(super) fn request<F>(&self, fault: F, wanted: Wanted, ignored: Vec<String>) -> Result<Request<F>, Problem> {
        Ok(Request {
            fault,
            wanted,
            writing: self.writing.writing(),
            records: self.records.files()?,
            ignored,
        })
    }
}
