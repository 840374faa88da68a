//! Chaos Mesh's files as they are: `NetworkChaos`, `PodChaos`, and `Workflow`s of them (chaos-mesh.org/v1alpha1, read at v2.7).
//!
//! Its selectors choose pods. A VM's labels are on its launcher pod, so that labels choose VMs here. Several experiments of a file
//! begin at once, as they do when the file is applied.

mod experiment;
mod network;
mod selector;
mod status_check;
mod workflow;

use self::experiment::experiment;
use super::file::yaml::{Node, Path};
use super::file::{Parts, Problems};
use super::step::{Action, FaultStep, Repeat, Setting, Step};

/// Reads one of its documents.
pub(super) fn read(file: &str, document: &Node, parts: &mut Parts, problems: &mut Problems) {
    let first_of_file = parts.sources.last().is_none_or(|source| source.file != file);
    let source = parts.source(file, document.clone());
    let mut reader = Reader {
        document,
        source,
        remarks: Vec::new(),
        problems,
    };
    let root = Path::default();
    let kind = reader.word(&root, document, "kind").unwrap_or_default();
    let metadata = document.get("metadata");
    let name = metadata
        .and_then(|node| node.get("name"))
        .and_then(Node::text)
        .unwrap_or("experiment");
    let namespace = metadata.and_then(|node| node.get("namespace")).and_then(Node::text);
    let steps = match (kind.as_str(), document.get("spec")) {
        ("Workflow", Some(spec)) => {
            let read = workflow::workflow(&mut reader, &root.key("spec"), spec, namespace);
            parts.checks.extend(read.checks);
            parts.abort = parts.abort.or(read.abort);
            read.steps
        }
        (_, Some(spec)) => {
            let asked = experiment::Asked {
                kind: &kind,
                name,
                namespace,
                lasts: None,
            };
            experiment(&mut reader, &root.key("spec"), spec, &asked)
                .into_iter()
                .collect()
        }
        (_, None) => {
            reader.wrong(&root, "missing key `spec`");
            Vec::new()
        }
    };
    for remark in reader.remarks {
        if !parts.remarks.contains(&remark) {
            parts.remarks.push(remark);
        }
    }
    match parts.steps.last_mut() {
        // Applied together, they begin together.
        Some(Step {
            action: Action::Parallel(all),
            ..
        }) if !first_of_file && kind != "Workflow" => all.extend(steps),
        _ if kind == "Workflow" => parts.add(steps),
        _ => {
            let at_once = Step {
                name: format!("{name}, all at once"),
                source,
                path: root,
                action: Action::Parallel(steps),
                repeat: Repeat::ONCE,
            };
            parts.add(vec![at_once]);
        }
    }
}

/// What reads a document of Chaos Mesh's.
struct Reader<'a> {
    document: &'a Node,
    source: usize,
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

    /// The word of a key; `None` where it is absent or empty.
    fn word(&mut self, path: &Path, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let word = value.value.word();
        if word.is_none() {
            self.wrong(
                &path.key(key),
                format!("must be one value, and is {}", value.value.kind()),
            );
        }
        word.filter(|word| !word.is_empty())
    }

    /// The word of a key, and the key in one of two spellings: workflows of old have `network_chaos` where now it is `networkChaos`.
    fn either<'n>(node: &'n Node, path: &Path, new: &str, old: &str) -> Option<(Path, &'n Node)> {
        let find = |key: &str| Some((path.key(key), node.get(key)?));
        find(new).or_else(|| find(old))
    }

    fn fault(&self, name: &str, path: &Path, command: &'static str, settings: Vec<Setting>) -> Step {
        self.step(name, path, Action::Fault(FaultStep { command, settings }))
    }

    fn step(&self, name: &str, path: &Path, action: Action) -> Step {
        Step {
            name: name.to_owned(),
            source: self.source,
            path: path.clone(),
            action,
            repeat: Repeat::ONCE,
        }
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
