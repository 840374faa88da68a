//! krkn's files as they are: lists of network scenarios, outages, and a whole `config.yaml`.
//!
//! By default they mean what krkn's documentation says: directions are the guest's, and a name is a whole name. krkn's code does
//! otherwise (read at 67389781, August 2026): a qdisc on the tap shapes what goes into the guest where `egress` is asked for, names
//! match by their begin, and the rules of its filter never see a VM's packets. `--as-krkn` does what the code does.

mod config;
mod network;
mod outage;

use self::network::Network;
use super::file::yaml::{Node, Path, Value};
use super::file::{Parts, Problems, Reading};
use super::step::{Action, FaultStep, Repeat, Setting, Step};

/// Reads one of krkn's files.
pub(super) fn read(file: &str, document: &Node, reading: &Reading<'_>, parts: &mut Parts, problems: &mut Problems) {
    let source = parts.source(file, document.clone());
    let mut reader = Reader {
        document,
        source,
        as_krkn: reading.as_krkn,
        remarks: Vec::new(),
        problems,
    };
    let root = Path::default();
    let steps = match &document.value {
        Value::List(list) => {
            let mut network = Network::new(&mut reader, list.len());
            list.iter()
                .enumerate()
                .flat_map(|(n, one)| network.scenario(&root.index(n), one))
                .collect()
        }
        _ if document.get("kraken").is_some() => {
            let listed = config::read(&mut reader, document);
            let remarks = std::mem::take(&mut reader.remarks);
            parts.remarks.extend(remarks);
            config::add(&listed, reading, parts, problems);
            return;
        }
        _ => outage::steps(&mut reader, document),
    };
    let remarks = std::mem::take(&mut reader.remarks);
    for remark in remarks {
        if !parts.remarks.contains(&remark) {
            parts.remarks.push(remark);
        }
    }
    parts.add(steps);
}

/// What reads a file of krkn's.
struct Reader<'a> {
    document: &'a Node,
    source: usize,
    as_krkn: bool,
    remarks: Vec<String>,
    problems: &'a mut Problems,
}

// === impl Reader ===

impl Reader<'_> {
    fn wrong(&mut self, path: &Path, message: impl std::fmt::Display) {
        self.problems.at(self.document, path, message);
    }

    fn remark(&mut self, remark: impl Into<String>) {
        let remark = remark.into();
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// The word of a key; `None` where it is absent or empty. A placeholder of a published sample is a problem.
    fn word(&mut self, path: &Path, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let Some(word) = value.value.word() else {
            self.wrong(
                &path.key(key),
                format!("must be one value, and is {}", value.value.kind()),
            );
            return None;
        };
        if word.starts_with('<') && word.ends_with('>') {
            self.wrong(
                &path.key(key),
                format!("{word} is a placeholder that was left in: write what it stands for"),
            );
            return None;
        }
        Some(word).filter(|word| !word.is_empty())
    }

    /// The words of a list, or one word with commas.
    fn words(&mut self, path: &Path, node: &Node, key: &str) -> Vec<String> {
        match node.get(key).map(|node| &node.value) {
            Some(Value::List(list)) => list.iter().filter_map(|node| node.value.word()).collect(),
            Some(_) => self
                .word(path, node, key)
                .map(|word| word.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Keys that are not krkn's.
    fn only(&mut self, path: &Path, node: &Node, known: &[&str]) {
        let Value::Map(map) = &node.value else {
            return;
        };
        for (key, _) in map {
            if !known.contains(&key.name.as_str()) {
                self.wrong(&path.key(&key.name), format!("unknown key `{}`", key.name));
            }
        }
    }

    /// Where VMs are, and which: regular expressions, as krkn takes them.
    fn selection(&mut self, path: &Path, node: &Node, name: &str, settings: &mut Vec<Setting>) {
        let whole = |pattern: String, as_krkn: bool| if as_krkn { format!("(?:{pattern}).*") } else { pattern };
        if let Some(namespace) = self.word(path, node, "namespace") {
            let is_name = !self.as_krkn
                && namespace
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            let key = if is_name { "namespace" } else { "namespaces" };
            let value = if is_name {
                namespace
            } else {
                whole(namespace, self.as_krkn)
            };
            settings.push(setting(key, &path.key("namespace"), value));
        }
        let target = self.word(path, node, name);
        if let Some(target) = target {
            settings.push(setting("target", &path.key(name), whole(target, self.as_krkn)));
        }
        if let Some(selector) = self.word(path, node, "label_selector") {
            settings.push(setting("selector", &path.key("label_selector"), selector));
        }
        if self.as_krkn {
            self.remark("as krkn: names match by their begin");
        } else {
            self.remark("krkn's names match by their begin; here a name is a whole name (--as-krkn does as krkn)");
        }
    }

    fn step(&self, name: String, path: &Path, action: Action) -> Step {
        Step {
            name,
            source: self.source,
            path: path.clone(),
            action,
            repeat: Repeat::ONCE,
        }
    }

    fn fault(&self, name: String, path: &Path, command: &'static str, settings: Vec<Setting>) -> Step {
        self.step(name, path, Action::Fault(FaultStep { command, settings }))
    }
}

fn setting(key: &str, path: &Path, value: impl Into<String>) -> Setting {
    Setting {
        key: key.to_owned(),
        path: path.clone(),
        values: vec![value.into()],
    }
}

#[cfg(test)]
mod tests;
