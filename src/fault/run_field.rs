//! How a VM says whether it is to run.

use serde::{Deserialize, Serialize};

/// How a VM's spec says whether it is to run; `running` is deprecated and excludes `runStrategy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunField {
    RunStrategy(String),
    Running(bool),
    Neither,
}

// === impl RunField ===

impl RunField {
    /// Whether it can be the name of a run strategy, of this KubeVirt or of a later one.
    pub fn is_word(&self) -> bool {
        match self {
            Self::RunStrategy(name) => (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic()),
            Self::Running(_) | Self::Neither => true,
        }
    }

    /// The run strategy it means: `running: true` is Always, neither field is Halted.
    pub fn in_force(&self) -> &str {
        match self {
            Self::RunStrategy(strategy) => strategy,
            Self::Running(true) => "Always",
            Self::Running(false) | Self::Neither => "Halted",
        }
    }
}
