//! `kubectl vmchaos history`.

use clap::Args;

/// The runs kept on this machine: what was done, where, and how it ended
///
/// The document of every run and game day that did something is kept, those of the newest 200, readable by you alone.
/// Without an ID all of them are listed; `--replay ID` of a fault's command runs one again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl vmchaos history
  kubectl vmchaos history k3f9ab -o json
  kubectl vmchaos netem --replay k3f9ab")]
pub(super) struct HistoryArgs {
    /// A run's id
    #[arg(value_name = "ID")]
    id: Option<String>,
}

/// What `history` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRequest {
    /// `None` lists all.
    pub id: Option<String>,
}

impl HistoryArgs {
    pub(super) fn request(self) -> HistoryRequest {
        HistoryRequest {
            id: self.id.filter(|id| !id.is_empty()),
        }
    }
}
