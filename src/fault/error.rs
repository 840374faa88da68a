//! Settings that are each well formed and do not go together.

/// Why settings make no fault, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FaultError {
    /// Names the settings by their flags, e.g. `--reorder needs --latency: …`.
    pub problem: String,
    /// What would do.
    pub hint: String,
}

impl FaultError {
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            hint: hint.into(),
        }
    }
}
