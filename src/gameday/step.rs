//! What a game day does: steps, whatever file they came from.

use std::time::Duration;

use super::file::yaml::Path;

/// Something that is done, and where it stands in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unlike that of every other step of the game day.
    pub name: String,
    /// Which of the game day's documents it is from.
    pub source: usize,
    pub path: Path,
    pub action: Action,
    pub repeat: Repeat,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Wait(Duration),
    /// One after the other.
    Serial(Vec<Step>),
    /// All at once; it ends with the last of them.
    Parallel(Vec<Step>),
    Fault(FaultStep),
}

/// How often a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// At least 1.
    pub times: u32,
    /// From the begin of one to the begin of the next, where they do not take longer.
    pub every: Duration,
}

/// A fault as a file says it: a command, and what its flags are.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultStep {
    /// e.g. `netem`
    pub command: &'static str,
    pub settings: Vec<Setting>,
}

/// A flag under its name in camelCase, or `vms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: String,
    pub path: Path,
    /// Several of a list; none of an empty one.
    pub values: Vec<String>,
}

// === impl Step ===

impl Step {
    /// The same, `by` times as fast, but for its faults.
    pub fn hasten(&mut self, by: u32) {
        self.repeat.every /= by.max(1);
        match &mut self.action {
            Action::Wait(time) => *time /= by.max(1),
            Action::Serial(steps) | Action::Parallel(steps) => steps.iter_mut().for_each(|step| step.hasten(by)),
            Action::Fault(_) => {}
        }
    }

    /// The faults in it, in the order in which they stand there; each once, however often it is done.
    pub fn faults(&self) -> Vec<(&Self, &FaultStep)> {
        match &self.action {
            Action::Wait(_) => Vec::new(),
            Action::Fault(fault) => vec![(self, fault)],
            Action::Serial(steps) | Action::Parallel(steps) => steps.iter().flat_map(Self::faults).collect(),
        }
    }
}

impl Repeat {
    pub const ONCE: Self = Self {
        times: 1,
        every: Duration::ZERO,
    };
}
