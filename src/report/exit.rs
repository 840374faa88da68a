//! What the exit code means, and which one wins.

use serde::{Serialize, Serializer};

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitCode {
    /// Done, and verified gone; a dry run would go through.
    Done,
    /// Tried and failed, or ended early, and everything is back.
    Failed,
    /// The command line alone is wrong.
    Usage,
    /// Something may still be in place; the command that removes it is on stderr.
    Leaked,
    /// Refused before any write.
    Refused,
    /// The fault was as asked, but a VM did not recover or migrate in time, or needed us to.
    Unrecovered,
    /// A game day's hypothesis did not hold, and everything is back.
    Refuted,
    /// SIGINT, SIGTERM or SIGHUP, and everything is back.
    Interrupted,
}

/// Where several apply, the first of these is the one that most needs somebody to act.
const PRECEDENCE: [ExitCode; 8] = [
    ExitCode::Leaked,
    ExitCode::Interrupted,
    ExitCode::Refuted,
    ExitCode::Unrecovered,
    ExitCode::Failed,
    ExitCode::Refused,
    // Found before anything else could happen; never beside another.
    ExitCode::Usage,
    ExitCode::Done,
];

impl ExitCode {
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Leaked => 3,
            Self::Refused => 4,
            Self::Unrecovered => 5,
            Self::Refuted => 6,
            Self::Interrupted => 130,
        }
    }

    /// The one that wins; [`ExitCode::Done`] when there is none.
    pub fn worst(codes: impl IntoIterator<Item = Self>) -> Self {
        let rank = |code: &Self| PRECEDENCE.iter().position(|other| other == code);
        codes.into_iter().min_by_key(rank).unwrap_or(Self::Done)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_3_130_6_5_1_4_wins() {
        let order = [3, 130, 6, 5, 1, 4, 2, 0];
        assert_eq!(PRECEDENCE.map(ExitCode::code), order);
        for (i, winner) in PRECEDENCE.iter().enumerate() {
            let mut rest = PRECEDENCE[i..].to_vec();
            rest.reverse();
            assert_eq!(ExitCode::worst(rest), *winner);
        }
    }

    #[test]
    fn the_process_and_the_document_end_with_the_same_number() {
        for code in PRECEDENCE {
            let (number, process) = (code.code(), std::process::ExitCode::from(code));
            assert_eq!(process, std::process::ExitCode::from(number), "{code:?}");
            assert_eq!(serde_json::to_value(code).unwrap(), number, "{code:?}");
        }
    }

    #[test]
    fn nothing_to_report_is_done() {
        assert_eq!(ExitCode::worst([]), ExitCode::Done);
    }
}
