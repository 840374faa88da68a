//! What `check` has found out, a line for each subject.

use crate::cluster::ClusterError;
use crate::report::{Check, CheckItem, CheckResult};

/// What has been found out so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) items: Vec<CheckItem>,
    /// Something without which no fault works is missing, or could not be found out.
    pub(super) lacking: bool,
}

// === impl Findings ===

impl Findings {
    pub(super) fn note(
        &mut self,
        check: Check,
        subject: &str,
        result: CheckResult,
        detail: Option<String>,
        fix: Option<String>,
    ) {
        self.items.push(CheckItem {
            check,
            subject: subject.to_owned(),
            result,
            detail,
            fix,
        });
    }

    /// Something that faults cannot do without.
    pub(super) fn lack_by(&mut self, check: Check, subject: &str, result: CheckResult, error: ClusterError) {
        if let Some(cause) = &error.cause {
            cause.log();
        }
        self.lack(check, subject, result, error.message, error.hint.map(String::from));
    }

    /// Something without which a part of what was asked about is not possible, and the rest is; `lost` says which part.
    pub(super) fn warn(&mut self, check: Check, subject: &str, detail: &str, lost: &str, fix: Option<String>) {
        let detail = format!("{detail}; without it {lost}");
        self.note(check, subject, CheckResult::Warning, Some(detail), fix);
    }

    pub(super) fn lack(
        &mut self,
        check: Check,
        subject: &str,
        result: CheckResult,
        detail: String,
        fix: Option<String>,
    ) {
        self.lacking = true;
        self.note(check, subject, result, Some(detail), fix);
    }
}
