//! Why a command ends before its work: the exit code, and the problem.

use crate::cluster::{ClusterError, ErrorKind};
use crate::command_line::Hint;
use crate::problem::{Cause, Problem, Reason};
use crate::report::{Ending, ExitCode};
use crate::ui::{NoTerminal, Printer};

/// A command's early end.
#[derive(Debug)]
pub(crate) struct Stop {
    pub exit: ExitCode,
    pub problem: Problem,
}

// === impl Stop ===

impl Stop {
    fn new(exit: ExitCode, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            exit,
            problem: Problem::new(reason, message),
        }
    }

    /// Nothing was written, on purpose.
    pub(crate) fn refused(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, reason, message)
    }

    pub(crate) fn failed(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failed, reason, message)
    }

    /// Something may still be in place; the hint is the command that removes it.
    pub(crate) fn leaked(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Leaked, Reason::Leaked, message)
    }

    /// The command line alone is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, Reason::Usage, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(
            ExitCode::Interrupted,
            Reason::Interrupted,
            "interrupted; nothing was changed",
        )
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.problem = self.problem.hint(hint);
        self
    }

    /// What the API server said no to is a refusal; what it could not be asked is a failure.
    pub(crate) fn of_cluster(error: &ClusterError) -> Self {
        let (exit, reason) = match error.kind {
            ErrorKind::NotFound => (ExitCode::Refused, Reason::NotFound),
            ErrorKind::Forbidden => (ExitCode::Refused, Reason::Forbidden),
            ErrorKind::Invalid => (ExitCode::Refused, Reason::Invalid),
            ErrorKind::Config => (ExitCode::Failed, Reason::Config),
            ErrorKind::Unauthorized => (ExitCode::Refused, Reason::Unauthorized),
            _ => (ExitCode::Failed, Reason::Unreachable),
        };
        Self {
            exit,
            problem: error.problem(reason),
        }
    }

    /// Something of ours went wrong, or with what was asked for.
    pub(crate) fn broken(reason: Reason, error: &anyhow::Error) -> Self {
        let mut stop = Self::failed(reason, format!("{error:#}"));
        stop.problem.cause = Cause::behind(error.as_ref());
        stop
    }

    /// A prompt that could not be shown ends as `exit`.
    pub(crate) fn of_prompt(error: &anyhow::Error, exit: ExitCode) -> Self {
        match error.downcast_ref::<NoTerminal>() {
            Some(none) => Self::new(exit, Reason::NoTerminal, format!("{} ({})", none.refusal, none.why))
                .hint(none.instead.clone()),
            None => Self::broken(Reason::Prompt, error),
        }
    }

    pub(crate) fn ending(&self) -> Ending {
        match self.exit {
            ExitCode::Refused | ExitCode::Usage => Ending::Refused,
            ExitCode::Interrupted => Ending::Interrupted,
            _ => Ending::Failed,
        }
    }

    /// On stderr, as every error is shown.
    pub(crate) fn print(&self, printer: &Printer) {
        printer.problem(&self.problem);
    }
}
