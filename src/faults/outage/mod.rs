//! A run of outages: guests are ended, frozen or reset by requests to the API server, and their recovery is watched.
//!
//! ```text
//! list ──> mark (way back) ──> act ──> gone ──┬─> a new one, by itself ──────────────> Running, Ready, agent
//!                                             ├─> duration is over: help ──> a new one ─────┘
//!                                             └─> pause, stop, Manual: hold ──> undo ───────┘
//! ```
//! [`engine`] is one VMI's way and pure: VMIs as they are seen, answers and time go in, what is to be done comes out. [`driver`]
//! watches, asks and tells.

pub mod back;
pub mod begin;
pub mod driver;
pub mod engine;
mod fault;
pub mod find;
pub mod kill;
pub mod manifest_files;
pub mod permissions;
pub mod plan;
pub mod plan_text;
pub mod recovery;
pub mod report;
pub mod screen;
pub mod spec;

mod vmi_state;

pub use vmi_state::VmiState;

pub use fault::OutageFault;
