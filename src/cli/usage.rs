//! Why a command line is not carried out.

use clap::error::ErrorKind;

use crate::problem::Problem;

/// What is wrong with a command line.
#[derive(Debug)]
pub(super) enum Rejected {
    /// Flags that are each well formed and do not go together.
    Usage(Problem),
    /// A command within the command line, in clap's own words; also its help.
    Nested(clap::Error),
}

impl From<Problem> for Rejected {
    fn from(problem: Problem) -> Self {
        Self::Usage(problem)
    }
}

/// The error as clap shows it, with the exit code and the look of its own, and this command's usage.
pub(super) fn into_clap(problem: &Problem, command: &mut clap::Command) -> clap::Error {
    let hint = problem.hint.as_ref().map(|hint| format!("\n\nhint: {hint}"));
    command.error(
        ErrorKind::ArgumentConflict,
        format!("{problem}{}", hint.unwrap_or_default()),
    )
}
