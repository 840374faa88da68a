//! An error inside a document.

use serde::Serialize;

use crate::ui;

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorReport {
    /// One word for scripts, e.g. `foreign-qdisc`.
    pub reason: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ErrorReport {
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Takes an error chain apart; several hints become lines of one.
    pub fn from_error(reason: impl Into<String>, error: &anyhow::Error) -> Self {
        let ui::Explained { message, hints } = ui::explain(error);
        Self {
            reason: reason.into(),
            message,
            hint: (!hints.is_empty()).then(|| hints.join("\n")),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
