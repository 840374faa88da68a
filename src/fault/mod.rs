//! What a fault is: values with units, directions, presets and the VMIs it is done to. Pure.
//!
//! ```text
//! flags, preset ── NetemSettings::resolve ───> Netem ───┐
//!              └── FilterSettings::resolve ──> Filter ──┼── FaultSpec ── plan::compile (with a Target) ──> node plan lines
//!                       directions, duration, options ──┘
//! ```

pub mod agent_image;
pub mod direction;
pub mod error;
pub mod filter;
pub mod interface;
pub mod netem;
pub mod options;
pub mod pattern;
pub mod probe;
pub mod protocol;
pub mod run_field;
pub mod spec;
pub mod target;
pub mod undo;
pub mod value;

pub use agent_image::{AgentImage, AgentImages, ImageSource, parse_image, repository_of};
pub use direction::{Direction, Directions};
pub use error::FaultError;
pub use filter::{Engine, Filter, FilterAction, FilterSettings};
pub use netem::{Distribution, Netem, NetemSettings};
pub use options::{Effect, Execution, OnMigration, Toleration};
pub use pattern::full_match;
pub use filter::preset::FilterPreset;
pub use netem::preset::NetemPreset;
pub use probe::Probe;
pub use protocol::{Protocol, Protocols};
pub use run_field::RunField;
pub use spec::{Fault, FaultSpec};
pub use target::{Binding, Interface, KubeletProbe, KubeletProbeKind, Launcher, PROTECTED, Target, Unfit, protects};
pub use value::{Cidr, Given, Percent, Ports, Rate, Time, ValueError, parse_count};
