//! What ended badly: a reason for scripts, a sentence and the next step for people, and what caused it.

mod reason;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub use reason::Reason;

use crate::command_line::Hint;

/// What went wrong with a VM or with a whole command; stands in the run document as `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub reason: Reason,
    /// One sentence, without a leading `error: `.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    #[serde(skip)]
    pub(crate) cause: Option<Cause>,
}

/// An error that caused another one; told with `-v`. Two problems that say the same are equal, whatever caused them.
#[derive(Clone)]
pub(crate) struct Cause(Arc<dyn Error + Send + Sync>);

// === impl Problem ===

impl Problem {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            hint: None,
            cause: None,
        }
    }

    /// Settings that are each well formed and do not go together, named by their flags; `hint` is what would do.
    pub fn usage(message: impl Into<String>, hint: impl Into<Hint>) -> Self {
        Self::new(Reason::Usage, message).hint(hint)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, error: &(impl Error + Clone + Send + Sync + 'static)) -> Self {
        self.cause = Some(Cause::new(error.clone()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(Cause::error)
    }
}

// === impl Cause ===

impl Cause {
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    pub(crate) fn error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_document_it_is_a_reason_a_message_and_a_hint() {
        let problem = Problem::new(Reason::NoTool, "the image lacks tc");
        let document = |problem: &Problem| serde_json::to_string(problem).unwrap();
        assert_eq!(
            document(&problem),
            r#"{"reason":"no-tool","message":"the image lacks tc"}"#
        );
        assert_eq!(
            document(&problem.hint("name another")),
            r#"{"reason":"no-tool","message":"the image lacks tc","hint":"name another"}"#
        );
    }
}
