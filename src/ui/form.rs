//! Several values at once: a line each, with what holds when it is left empty.

mod model;

use std::future::Future;

use self::model::Model;
use super::Printer;
use super::prompt;

/// What one line asks for.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub label: String,
    pub help: String,
    /// In words, what an empty answer means; empty where that is nothing.
    pub default: String,
    /// The words it can be, each with its help; empty where it is a text.
    pub choices: Vec<(String, String)>,
    pub value: String,
}

/// Whether one value will do: the error is shown as it is.
type Check = Box<dyn Fn(usize, &str) -> Result<(), String> + Send>;
/// Whether all of them together will do.
type CheckAll = Box<dyn Fn(&[String]) -> Result<(), String> + Send>;

/// A form to fill in.
pub struct Form {
    title: String,
    fields: Vec<Field>,
    check: Check,
    check_all: CheckAll,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// A value for each field, empty where nothing was answered.
    Values(Vec<String>),
    /// Escape: with what was filled in so far.
    Back(Vec<String>),
    /// Ctrl-C, or a signal meanwhile.
    Interrupted,
}

impl Form {
    pub fn new(
        title: impl Into<String>,
        fields: Vec<Field>,
        check: impl Fn(usize, &str) -> Result<(), String> + Send + 'static,
        check_all: impl Fn(&[String]) -> Result<(), String> + Send + 'static,
    ) -> Self {
        Self {
            title: title.into(),
            fields,
            check: Box::new(check),
            check_all: Box::new(check_all),
        }
    }

    /// Shows the form and waits. `cancel` is whatever ends the run. For a terminal that can move its cursor.
    ///
    /// # Errors
    /// What the terminal answered.
    pub async fn fill(self, printer: &Printer, cancel: impl Future<Output = ()>) -> anyhow::Result<Filled> {
        let filled = prompt::dialogue(printer, cancel, Model::new(self), Model::draw, Model::press).await?;
        Ok(filled.unwrap_or(Filled::Interrupted))
    }
}
