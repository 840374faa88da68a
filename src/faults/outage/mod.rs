//! A run of outages: guests are ended, frozen or reset by requests to the API server, and their recovery is watched.
//!
//! ```text
//! list ──> mark (way back) ──> act ──> gone ──┬─> a new one, by itself ──────────────> Running, Ready, agent
//!                                             ├─> duration is over: help ──> a new one ─────┘
//!                                             └─> pause, stop, Manual: hold ──> undo ───────┘
//! ```
//! [`vm`] is one VMI's way, [`engine`] all of a run's; both are pure: VMIs as they are seen, answers and time go in, what is to be
//! done comes out. [`driver`] watches, asks and tells.

pub(crate) mod back;
pub(crate) mod begin;
pub(crate) mod driver;
pub(crate) mod engine;
mod fault;
pub(crate) mod find;
pub(crate) mod kill;
pub(crate) mod manifest_files;
pub(crate) mod permissions;
pub(crate) mod plan;
pub(crate) mod plan_text;
pub(crate) mod recovery;
pub(crate) mod report;
pub(crate) mod screen;
pub(crate) mod spec;
pub(crate) mod vm;

mod vmi_state;

pub(crate) use vmi_state::VmiState;

/// The fault's command, and its word in labels and documents.
pub(crate) const COMMAND: &str = "outage";

pub(crate) use fault::OutageFault;
