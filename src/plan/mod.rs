//! What happens on each node: a fault and a VM become plan lines for the agent, sentences for people, and what the kernel must answer.
//!
//! ```text
//! Order (fault, directions, names) ──┐
//!                                    ├── compile ──> NodeVm { lines ──> the agent;  expected ──> verify <── the kernel's answer }
//! Target ────────────────────────────┘       words ──> sentences
//! ```
//! Pure. Every kind of fault has a file of its own below each of the three.

pub mod compile;
pub mod draw;
pub mod guards;
pub mod handle;
pub mod migrations;
pub mod outages;
pub mod recovery;
pub mod run_plan;
pub mod schedule;
pub mod verify;
pub mod words;

pub use compile::{CompileError, Expected, NodeVm, Order, Shaper, compile, compile_kill, compile_sweep, node_plan};
pub use handle::Handle;
pub use verify::{Mismatch, Reading, verify};
