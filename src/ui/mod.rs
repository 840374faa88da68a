//! The only place that prints, and the only one that asks.
//!
//! ```text
//! commands ──> Printer ──> stdout   data: tables, documents
//!                     └──> stderr   lines, warnings, errors, prompts, progress
//! ```
//! One [`Printer`] owns both streams, so that a line never lands in the middle of a progress bar, a closed pipe is handled
//! in one place, and whether there is colour is decided once. What came from a cluster is text written by strangers: all
//! that goes to a terminal passes [`escape`].

mod age;
pub(crate) mod confirm;
pub(crate) mod form;
mod hotkeys;
mod keys;
mod panic;
pub(crate) mod picker;
mod printer;
pub(crate) mod progress;
mod prompt;
mod screen;
pub(crate) mod table;
mod terminal;

pub use crate::escape::{escape, is_dangerous};
pub use age::age;
pub use confirm::{Answer, Confirm};
pub use form::{Filled, Form};
pub use hotkeys::Hotkeys;
pub use panic::end_on_panic;
pub use picker::{Pick, Picker};
pub use printer::{Look, Printer, Told};
pub(crate) use progress::Line;
pub use progress::{Progress, State};
pub use prompt::NoTerminal;
pub use table::Table;
