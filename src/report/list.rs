//! Lists: what `list`, `status` and `check` print.

mod check;
mod kept;
mod run_state;
mod runs;
mod vmis;

use std::time::Duration;

use serde::Serialize;

use super::{API_VERSION, Format, Time, format};
use crate::ui::{Table, age, escape};

pub use check::{Check, CheckItem, CheckResult};
pub use kept::KeptItem;
pub use run_state::RunState;
pub use runs::RunItem;
pub use vmis::{FaultAbility, VmiTargetItem};

/// A list and its items, in the order they are shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListReport<T> {
    api_version: &'static str,
    kind: &'static str,
    pub items: Vec<T>,
    /// What says that it belongs here, and does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_counted: Vec<T>,
}

/// Something a list is made of.
pub trait Item: Serialize {
    /// Kind of the list.
    const KIND: &'static str;

    fn headers(wide: bool) -> Vec<&'static str>;

    /// One cell a header; ages are counted to `now`.
    fn cells(&self, wide: bool, now: Time) -> Vec<String>;

    /// What `-o name` prints; a command of ours takes it back.
    fn name(&self) -> String;
}

// === impl ListReport ===

impl<T: Item> ListReport<T> {
    pub fn new(items: Vec<T>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: T::KIND,
            items,
            not_counted: Vec::new(),
        }
    }

    /// The same with what does not count: documents have it beside the items, tables do not.
    #[must_use]
    pub fn not_counted(self, not_counted: Vec<T>) -> Self {
        Self { not_counted, ..self }
    }

    /// The list in the form asked for. As a table, or by name, an empty list is an empty text: who prints it says on stderr
    /// what was not found.
    pub fn print(&self, form: Format) -> anyhow::Result<String> {
        self.print_at(form, Time::now(), &mut Vec::new())
    }

    /// The same, where its table goes on below others: `columns` are their widths so far, and grow.
    pub fn print_under(&self, form: Format, columns: &mut Vec<u16>) -> anyhow::Result<String> {
        self.print_at(form, Time::now(), columns)
    }

    fn print_at(&self, form: Format, now: Time, columns: &mut Vec<u16>) -> anyhow::Result<String> {
        let wide = form == Format::Wide;
        Ok(match form {
            Format::Json => format::json(self)?,
            Format::Yaml => format::yaml(self)?,
            Format::Name => self.items.iter().map(|item| escape(&item.name()) + "\n").collect(),
            Format::Table | Format::Wide if self.items.is_empty() => String::new(),
            Format::Table | Format::Wide => {
                let mut table = Table::new(T::headers(wide));
                for item in &self.items {
                    table.row(item.cells(wide, now));
                }
                table.render_under(columns)
            }
        })
    }
}

/// Empty when it is not known; a clock that runs ahead of ours makes it zero.
pub(super) fn since(at: Option<Time>, now: Time) -> String {
    at.map(|at| age(Duration::try_from(now.0.duration_since(at.0)).unwrap_or_default()))
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
