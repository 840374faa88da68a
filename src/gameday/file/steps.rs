//! The steps of our own file. A fault's keys are its flags, so that they are read where flags are read; here are only their words.

use std::time::Duration;

use super::problems::Problems;
use super::ramp;
use super::yaml::{Node, Path, Value};
use crate::fault::{Time, parse_count};
use crate::gameday::step::{Action, FaultStep, Repeat, Setting, Step};

/// Keys of a step beside that of its fault.
const KEYS: [&str; 6] = ["name", "wait", "serial", "parallel", "repeat", "every"];
/// More than that is a mistake in a number.
const MOST_TIMES: u32 = 1_000;

/// Reads steps.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Node,
    /// The faults there are.
    pub(super) faults: &'a [&'static str],
    pub(super) problems: &'a mut Problems,
}

impl Reader<'_> {
    /// The steps of a list at `path`; `number` goes before the number of a step that has no name.
    pub(super) fn list(&mut self, path: &Path, node: &Node, number: &str) -> Vec<Step> {
        let Value::List(list) = &node.value else {
            self.wrong(path, format!("must be a list of steps, and is {}", node.value.kind()));
            return Vec::new();
        };
        if list.is_empty() {
            self.wrong(path, "has no step");
        }
        let steps = list.iter().enumerate();
        steps
            .filter_map(|(n, step)| self.step(&path.index(n), step, &format!("{number}{}", n + 1)))
            .collect()
    }

    fn step(&mut self, path: &Path, node: &Node, number: &str) -> Option<Step> {
        let Value::Map(map) = &node.value else {
            self.wrong(path, format!("must be a mapping, and is {}", node.value.kind()));
            return None;
        };
        let mut known = true;
        for (key, _) in map {
            if !KEYS.contains(&key.name.as_str()) && !self.faults.contains(&key.name.as_str()) {
                let all = ["wait", "serial", "parallel"].iter().chain(self.faults);
                let all: Vec<String> = all.map(|key| format!("`{key}`")).collect();
                let told = format!("unknown key `{}`, expected one of {}", key.name, all.join(", "));
                self.wrong(&path.key(&key.name), told);
                known = false;
            }
        }
        let does: Vec<_> = map
            .iter()
            .filter(|(key, _)| !["name", "repeat", "every"].contains(&key.name.as_str()))
            .collect();
        let name = match node.get("name") {
            None => format!("step {number}"),
            Some(name) => self.word(&path.key("name"), name)?,
        };
        let repeat = self.repeat(path, node);
        let (key, what) = match does.as_slice() {
            [one] => (one.0.name.as_str(), &one.1),
            [] => {
                self.wrong(path, "says nothing to do");
                return None;
            }
            [_, second, ..] => {
                if known {
                    self.wrong(&path.key(&second.0.name), "a step does one thing; this is another");
                }
                return None;
            }
        };
        let inner = path.key(key);
        let action = match key {
            "wait" => {
                if repeat != Some(Repeat::ONCE) {
                    self.wrong(&path.key("repeat"), "a wait is not repeated");
                }
                Action::Wait(self.time(&inner, what)?)
            }
            "serial" => Action::Serial(self.list(&inner, what, &format!("{number}."))),
            "parallel" => Action::Parallel(self.list(&inner, what, &format!("{number}."))),
            fault => {
                let command = self.faults.iter().find(|known| **known == fault)?;
                self.fault(command, &inner, what, &name)?
            }
        };
        Some(Step {
            name,
            source: 0,
            path: path.clone(),
            action,
            repeat: repeat?,
        })
    }

    fn repeat(&mut self, path: &Path, node: &Node) -> Option<Repeat> {
        let every = match node.get("every") {
            None => Some(Duration::ZERO),
            Some(every) => self.time(&path.key("every"), every),
        };
        let Some(times) = node.get("repeat") else {
            if node.get("every").is_some() {
                self.wrong(
                    &path.key("every"),
                    "says how often, and `repeat` does not say how many times",
                );
            }
            return Some(Repeat::ONCE);
        };
        let at = path.key("repeat");
        let times = self.word(&at, times)?;
        match parse_count(&times) {
            Ok(times @ 1..=MOST_TIMES) => Some(Repeat { times, every: every? }),
            Ok(_) => {
                self.wrong(&at, format!("must be 1 to {MOST_TIMES}"));
                None
            }
            Err(error) => {
                self.wrong(&at, error);
                None
            }
        }
    }

    /// A fault, or one after the other where one of its values goes from here to there.
    fn fault(&mut self, command: &'static str, path: &Path, node: &Node, name: &str) -> Option<Action> {
        let Value::Map(map) = &node.value else {
            let kind = node.value.kind();
            self.wrong(
                path,
                format!("must be a mapping of the flags of `{command}`, and is {kind}"),
            );
            return None;
        };
        let (mut settings, mut ramps) = (Vec::new(), Vec::new());
        for (key, value) in map {
            let at = path.key(&key.name);
            if let Value::Map(_) = value.value {
                ramps.extend(ramp::read(self, &at, value, &key.name));
            } else if let Some(values) = self.words(&at, value) {
                let key = key.name.clone();
                settings.push(Setting { key, path: at, values });
            }
        }
        let fault = FaultStep { command, settings };
        if ramps.is_empty() {
            return Some(Action::Fault(fault));
        }
        ramp::steps(self, path, name, &fault, &ramps).map(Action::Serial)
    }

    /// The words of a value: one, or those of a list.
    fn words(&mut self, path: &Path, node: &Node) -> Option<Vec<String>> {
        let Value::List(list) = &node.value else {
            return Some(vec![self.word(path, node)?]);
        };
        let words = list.iter().enumerate();
        words.map(|(n, node)| self.word(&path.index(n), node)).collect()
    }

    pub(super) fn word(&mut self, path: &Path, node: &Node) -> Option<String> {
        let word = node.value.word();
        if word.is_none() {
            self.wrong(path, format!("must be one value, and is {}", node.value.kind()));
        }
        word
    }

    fn time(&mut self, path: &Path, node: &Node) -> Option<Duration> {
        let word = self.word(path, node)?;
        match Time::parse_wait(&word) {
            Ok(time) => Some(time.as_duration()),
            Err(error) => {
                self.wrong(path, error);
                None
            }
        }
    }

    pub(super) fn wrong(&mut self, path: &Path, message: impl std::fmt::Display) {
        self.problems.at(self.document, path, message);
    }
}
