//! filter: which packets of a VM are cut, from its values to the rules that do it, and back.
//!
//! ```text
//! flags, preset ── FilterSettings::resolve ──> Filter ── compile (with a Target) ──> nft rules or flower filters
//!                                                └── words ──> sentences     verify <── what the kernel answers
//! ```

pub(crate) mod compile;
pub(crate) mod flower;
pub(crate) mod preset;
pub(crate) mod protocol;
pub(crate) mod ruleset;
pub(crate) mod values;
pub(super) mod verify;
pub(super) mod words;

pub use compile::{ExpectedFilter, Hook};
pub use preset::FilterPreset;
pub use protocol::{Protocol, Protocols};
pub use ruleset::Ruleset;
pub use values::{Engine, Filter, FilterAction, FilterSettings};

/// The command, and the word in labels and documents.
pub(crate) const COMMAND: &str = "filter";

#[cfg(test)]
mod compile_tests;
#[cfg(test)]
mod words_tests;
