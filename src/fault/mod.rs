//! What a fault is: values with units, directions, presets and the VMIs it is done to. Pure.

pub mod interface;
pub mod target;

pub use target::{Binding, Interface, Launcher, Probe, ProbeKind, Target, Unfit};
