//! Choosing VMIs, or runs, from a list: type to filter, space to select.
//!
//! ```text
//! rows ──> Model <── keys        pure: what is shown, where the cursor is, what is selected
//!            └──> Screen         draws over itself on stderr and always gives the cursor back
//! ```

mod fuzzy;
mod model;

use std::future::Future;

use self::model::Model;
use super::prompt::{self, NoTerminal};
use super::{Printer, escape};

/// A list to choose from.
#[derive(Debug, Clone)]
pub struct Picker {
    prompt: String,
    headers: Vec<String>,
    rows: Vec<PickerRow>,
    chosen: Vec<usize>,
    single: bool,
    instead: String,
}

#[derive(Debug, Clone)]
struct PickerRow {
    cells: Vec<String>,
    /// Why it cannot be chosen.
    refused: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Indices of the chosen rows in the order they were added; never empty.
    Picked(Vec<usize>),
    Cancelled,
    /// Ctrl-C at the picker, or a signal meanwhile.
    Interrupted,
}

impl Picker {
    /// `instead` says which flags would do where nothing can be picked.
    pub fn new<H: Into<String>>(
        prompt: impl Into<String>,
        headers: impl IntoIterator<Item = H>,
        instead: impl Into<String>,
    ) -> Self {
        Self {
            prompt: prompt.into(),
            headers: headers.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            chosen: Vec::new(),
            single: false,
            instead: instead.into(),
        }
    }

    /// Exactly one row is chosen, the one at the cursor.
    #[must_use]
    pub fn single(mut self) -> Self {
        self.single = true;
        self
    }

    /// Selects rows beforehand, or puts the cursor on the first of them where one is chosen.
    pub fn preselect(&mut self, rows: &[usize]) -> &mut Self {
        self.chosen = rows.to_vec();
        self
    }

    /// Adds a row; one with a reason is shown and cannot be chosen.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>, refused: Option<&str>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| match cell.as_ref() {
            "" => super::table::NONE.to_owned(),
            text => escape(text),
        });
        self.rows.push(PickerRow {
            cells: cells.collect(),
            refused: refused.map(escape),
        });
        self
    }

    /// Shows the list and waits. `cancel` is whatever ends the run; the picker then ends within a tenth of a second.
    ///
    /// # Errors
    /// [`NoTerminal`] where the picker cannot be shown: off a terminal, or on one that cannot move its cursor.
    pub async fn pick(self, printer: &Printer, cancel: impl Future<Output = ()>) -> anyhow::Result<Pick> {
        let why = match (printer.interactive(), printer.look().live) {
            (true, true) => None,
            (true, false) => Some("this terminal cannot show a list: TERM=dumb, or CI is set"),
            (false, _) => Some("not a terminal"),
        };
        if let Some(why) = why {
            let refusal = "nothing chosen".to_owned();
            return Err(NoTerminal {
                refusal,
                why,
                instead: self.instead,
            }
            .into());
        }
        let pick = prompt::dialogue(printer, cancel, Model::new(self), Model::draw, Model::press).await?;
        Ok(pick.unwrap_or(Pick::Interrupted))
    }
}
