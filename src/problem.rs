//! What ended badly: a reason for scripts, a sentence and the next step for people, and what caused it.

mod reason;

use std::error::Error;
use std::{fmt, io};

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

/// What an error that caused another one says, and what caused it in turn; told with `-v`. Words are all that is kept of it: the
/// errors of kube and of the system cannot be cloned. Two problems that say the same are equal, whatever caused them.
#[derive(Debug, Clone)]
pub struct Cause {
    says: String,
    cause: Option<Box<Cause>>,
}

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
    pub(crate) fn caused_by(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    /// The same, behind words that say of what it is.
    #[must_use]
    pub(crate) fn context(mut self, before: impl fmt::Display) -> Self {
        self.message = format!("{before}: {}", self.message);
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
        self.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

// === impl Cause ===

impl Cause {
    /// Of an error that is put into other words: it and all behind it.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        Self::of_chain(&chain(error))
    }

    /// Of an error whose own words are told: what is behind it.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        Self::of_chain(chain(error).get(1..).unwrap_or_default())
    }

    /// Tells `-v` of it, a line for each error.
    pub(crate) fn log(&self) {
        for cause in self.links() {
            tracing::debug!(cause, "why");
        }
    }

    fn links(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |cause| cause.cause.as_deref()).map(|cause| cause.says.as_str())
    }

    /// Outermost first.
    fn of_chain(links: &[&(dyn Error + 'static)]) -> Option<Self> {
        // One with an error in it says what that one says.
        let links = links.iter().rev().filter(|link| inner(**link).is_none());
        links.fold(None, |cause, link| {
            Some(Self {
                says: link.to_string(),
                cause: cause.map(Box::new),
            })
        })
    }
}

/// The error and all its causes, outermost first, looking also into what an `io::Error` wraps.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let next = |cause: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let cause = *cause;
        inner(cause).or_else(|| cause.source())
    };
    std::iter::successors(Some(error), next).collect()
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
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

    #[test]
    fn what_caused_it_is_kept_when_words_are_put_before_it() {
        let links = |problem: &Problem| {
            let cause = problem.cause.as_ref().unwrap();
            cause.links().map(str::to_owned).collect::<Vec<_>>()
        };
        let broken = io::Error::other(Problem::new(Reason::NoTool, "deepest"));
        let problem = Problem::new(Reason::Watch, "told").caused_by(Cause::of(&broken));
        let problem = problem.context("shop/web-1");
        assert_eq!(problem.message, "shop/web-1: told");
        assert_eq!(links(&problem), ["deepest"]);
        let again = Problem::new(Reason::Watch, "outer").caused_by(Cause::of(&problem));
        assert_eq!(links(&again), ["shop/web-1: told", "deepest"]);
        let behind = Problem::new(Reason::Watch, "outer").caused_by(Cause::behind(&problem));
        assert_eq!(links(&behind), ["deepest"]);
    }
}
