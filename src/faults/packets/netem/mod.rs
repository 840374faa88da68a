//! netem: what is done to a VM's packets, from its values to the qdiscs that do it, and back.
//!
//! ```text
//! flags, preset ── NetemSettings::resolve ──> Netem ── compile (with a Target) ──> tc commands, and the qdiscs that must be read back
//!                                               └── words ──> sentences                verify <── what the kernel answers
//! ```

pub(super) mod compile;
pub(crate) mod preset;
pub(crate) mod qdisc;
pub(crate) mod values;
pub(super) mod verify;
pub(super) mod words;

pub use compile::ExpectedQdisc;
pub use preset::NetemPreset;
pub use values::{Distribution, Netem, NetemSettings};

/// The command, and the word in labels and documents.
pub(crate) const COMMAND: &str = "netem";
