//! Flags that are each well formed and do not go together: the same exit code and look as clap's own errors.

use clap::error::ErrorKind;

use crate::fault::FaultError;

/// What is wrong with a command line as a whole, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n\nhint: {hint}")]
pub struct Usage {
    pub message: String,
    pub hint: String,
}

impl Usage {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// The error as clap shows it, with this command's usage.
    pub fn into_clap(self, command: &mut clap::Command) -> clap::Error {
        command.error(ErrorKind::ArgumentConflict, self)
    }
}

/// Why a command line is not carried out.
#[derive(Debug)]
pub(super) enum Rejected {
    Usage(Usage),
    /// A command within the command line, in clap's own words; also its help.
    Nested(clap::Error),
}

impl From<Usage> for Rejected {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<FaultError> for Usage {
    fn from(error: FaultError) -> Self {
        Self::new(error.problem, error.hint)
    }
}
