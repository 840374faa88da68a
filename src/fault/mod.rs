//! What every fault is given: values with units, the VMIs it is done to and their interfaces, what the operator sets for a run.
//! Pure.

pub(crate) mod agent_image;
pub(crate) mod direction;
pub mod interface;
pub(crate) mod options;
pub(crate) mod pattern;
pub(crate) mod run_field;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod testing;
pub mod undo;
pub(crate) mod value;

pub use agent_image::{AgentImage, AgentImages, ImageSource, parse_image, repository_of};
pub use direction::{Direction, Directions};
pub use options::{Effect, Execution, OnMigration, Toleration};
pub use pattern::full_match;
pub use run_field::RunField;
pub use target::{
    Binding, Interface, KubeletProbe, KubeletProbeKind, Launcher, PROTECTED, ProbeAction, ProbePort, Target, Unfit,
    protects,
};
pub use value::{Cidr, Given, Percent, Ports, Rate, Time, ValueError, parse_count};
