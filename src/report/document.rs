//! What can be kept in a report file: a run, or a game day.

use serde::Serialize;

/// A document in each of the forms of a report file; as JSON it is itself.
pub trait Document: Serialize {
    fn id(&self) -> &str;

    /// When it began, in digits that sort: `20261120T120304`.
    fn began(&self) -> String;

    /// For a post-mortem.
    fn markdown(&self) -> String;

    /// One page that needs nothing else.
    fn html(&self) -> String;

    /// `JUnit` XML, for pipelines.
    fn junit(&self) -> String;
}
