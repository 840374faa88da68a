//! What every command that puts a fault on VMs was asked for.

use super::{ReportFile, Wanted, Writing};

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
