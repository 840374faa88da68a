//! What every command that puts a fault on VMs was asked for, and the flags that all of them have beside the fault's own.

use clap::Args;

use super::confirm::WritingArgs;
use super::record::RecordArgs;
use super::value_parser::reserved;
use super::{ReportFile, Wanted, Writing};
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

/// How a fault is agreed to and reported.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    #[command(flatten)]
    writing: WritingArgs,
    #[command(flatten)]
    records: RecordArgs,
    /// Reserved for scenario files.
    #[arg(short = 'f', long, hide = true, value_name = "FILE", value_parser = reserved)]
    filename: Option<std::convert::Infallible>,
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
