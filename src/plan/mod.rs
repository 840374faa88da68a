//! What happens on each node: a fault and a VM become plan lines for the agent, sentences for people, and what the kernel must answer.
//!
//! ```text
//! Order (fault, directions, names) ──┐
//!                                    ├── compile ──> NodeVm { lines ──> the agent;  expected ──> verify <── the kernel's answer }
//! Target ────────────────────────────┘       words ──> sentences
//! ```
//! Pure. Every kind of fault has a file of its own below each of the three.

pub mod compile;
pub mod consent;
pub mod draw;
pub mod guards;
pub mod handle;
pub mod pod_options;
mod run_id;
pub mod verify;

pub use compile::{CompileError, Expected, NodeVm, Order, Shaper, compile, compile_kill, compile_sweep, node_plan};
pub use handle::Handle;
pub use run_id::new_run;
pub use verify::{Mismatch, Reading, verify};
