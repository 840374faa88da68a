//! What the plans of all faults share: guards, draws, consent, the names a run is known by, and the lines of a node's plan that
//! say which VM is meant. Pure.

pub(crate) mod agent_lines;
pub(crate) mod consent;
pub(crate) mod draw;
pub mod guards;
pub(crate) mod handle;
pub(crate) mod pod_options;
mod run_id;

pub use agent_lines::{compile_kill, compile_sweep};
pub use handle::Handle;
pub use run_id::new_run;
