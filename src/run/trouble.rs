//! What went wrong with a VM, in words and with the next step.

use crate::command_line::Hint;

/// What went wrong with a VM, as the report tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// One word, e.g. `foreign-qdisc`.
    pub reason: String,
    pub message: String,
    pub hint: Option<Hint>,
}

/// Reason of the trouble that is none of the fault's: the stream ended, and the fault with it.
pub(crate) const STREAM_LOST: &str = "stream-lost";

// === impl Trouble ===

impl Trouble {
    pub(crate) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
