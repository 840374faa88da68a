//! Why a command ends before its work: the exit code, the words, the hint.

use crate::cluster::{ClusterError, ErrorKind};
use crate::report::{Ending, ErrorReport, ExitCode};
use crate::ui::{NoTerminal, Printer};

/// A command's early end.
#[derive(Debug)]
pub(crate) struct Stop {
    pub exit: ExitCode,
    /// One word for the document, e.g. `no-match`.
    pub reason: &'static str,
    pub message: String,
    pub hint: Option<String>,
}

// === impl Stop ===

impl Stop {
    fn new(exit: ExitCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            reason,
            message: message.into(),
            hint: None,
        }
    }

    /// Nothing was written, on purpose.
    pub(crate) fn refused(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, reason, message)
    }

    pub(crate) fn failed(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failed, reason, message)
    }

    /// Something may still be in place; the hint is the command that removes it.
    pub(crate) fn leaked(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Leaked, "leaked", message)
    }

    /// The command line alone is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, "usage", message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(ExitCode::Interrupted, "interrupted", "interrupted; nothing was changed")
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the API server said no to is a refusal; what it could not be asked is a failure.
    pub(crate) fn of_cluster(error: &ClusterError) -> Self {
        let (exit, reason) = match error.kind {
            ErrorKind::NotFound => (ExitCode::Refused, "not-found"),
            ErrorKind::Forbidden => (ExitCode::Refused, "forbidden"),
            ErrorKind::Invalid => (ExitCode::Refused, "invalid"),
            ErrorKind::Config => (ExitCode::Failed, "config"),
            ErrorKind::Unauthorized => (ExitCode::Refused, "unauthorized"),
            _ => (ExitCode::Failed, "unreachable"),
        };
        Self {
            hint: error.hint.clone().map(String::from),
            ..Self::new(exit, reason, &error.message)
        }
    }

    /// A prompt that could not be shown ends as `exit`.
    pub(crate) fn of_prompt(error: &anyhow::Error, exit: ExitCode) -> Self {
        match error.downcast_ref::<NoTerminal>() {
            Some(none) => {
                Self::new(exit, "no-terminal", format!("{} ({})", none.refusal, none.why)).hint(&none.instead)
            }
            None => Self::failed("prompt", format!("{error:#}")),
        }
    }

    pub(crate) fn ending(&self) -> Ending {
        match self.exit {
            ExitCode::Refused | ExitCode::Usage => Ending::Refused,
            ExitCode::Interrupted => Ending::Interrupted,
            _ => Ending::Failed,
        }
    }

    pub(crate) fn report(&self) -> ErrorReport {
        let report = ErrorReport::new(self.reason, &self.message);
        match &self.hint {
            Some(hint) => report.hint(hint),
            None => report,
        }
    }

    /// On stderr, as every error is shown.
    pub(crate) fn print(&self, printer: &Printer) {
        printer.failure(&self.message, self.hint.as_deref());
    }
}
