//! `Workflow`: its templates, from the entry on.

use super::Reader;
use super::experiment::{Asked, experiment};
use super::status_check;
use crate::fault::Time;
use crate::gameday::check::{Abort, Check};
use crate::gameday::file::yaml::{Node, Path, Value};
use crate::gameday::step::{Action, Step};

/// What a workflow comes to.
#[derive(Default)]
pub(super) struct Read {
    pub(super) steps: Vec<Step>,
    pub(super) checks: Vec<Check>,
    pub(super) abort: Option<Abort>,
}

/// Experiments: the type of a template, and its key now and of old.
const EXPERIMENTS: [(&str, &str, &str); 3] = [
    ("NetworkChaos", "networkChaos", "network_chaos"),
    ("PodChaos", "podChaos", "pod_chaos"),
    ("StressChaos", "stressChaos", "stress_chaos"),
];

struct Walk<'r, 'a, 'n> {
    reader: &'r mut Reader<'a>,
    templates: Vec<(Path, &'n Node)>,
    namespace: Option<&'n str>,
    read: Read,
    /// Names of the templates around the one that is read.
    around: Vec<String>,
    /// How often each name was used: a template may be used twice.
    used: Vec<String>,
}

pub(super) fn workflow(reader: &mut Reader<'_>, path: &Path, spec: &Node, namespace: Option<&str>) -> Read {
    let at = path.key("templates");
    let Some(Value::List(list)) = spec.get("templates").map(|node| &node.value) else {
        reader.wrong(&at, "must be a list of templates");
        return Read::default();
    };
    let templates = list.iter().enumerate().map(|(n, node)| (at.index(n), node)).collect();
    let Some(entry) = reader.word(path, spec, "entry") else {
        reader.wrong(path, "missing key `entry`");
        return Read::default();
    };
    let mut walk = Walk {
        reader,
        templates,
        namespace,
        read: Read::default(),
        around: Vec::new(),
        used: Vec::new(),
    };
    let steps = walk.template(&path.key("entry"), &entry);
    let mut read = walk.read;
    read.steps = steps.into_iter().collect();
    read
}

impl Walk<'_, '_, '_> {
    /// The template with this name; `from` is where it is named.
    fn template(&mut self, from: &Path, name: &str) -> Option<Step> {
        let named = |node: &Node| node.get("name").and_then(Node::text) == Some(name);
        let Some((path, node)) = self.templates.iter().find(|(_, node)| named(node)).cloned() else {
            self.reader.wrong(from, format!("there is no template `{name}`"));
            return None;
        };
        if self.around.iter().any(|other| other == name) {
            self.reader.wrong(from, format!("`{name}` is a part of itself"));
            return None;
        }
        self.around.push(name.to_owned());
        let step = self.read(&path, node, name);
        self.around.pop();
        step
    }

    fn read(&mut self, path: &Path, node: &Node, name: &str) -> Option<Step> {
        let kind = Reader::either(node, path, "templateType", "template_type");
        let Some((kind_at, kind)) = kind.and_then(|(at, kind)| Some((at, kind.text()?.to_owned()))) else {
            self.reader.wrong(path, "missing key `templateType`");
            return None;
        };
        let lasts = Reader::either(node, path, "deadline", "duration");
        let lasts = lasts.and_then(|(at, node)| Some((at, node.value.word()?)));
        let shown = self.name(name);
        match kind.as_str() {
            "Serial" | "Parallel" => {
                let steps = self.children(path, node);
                if let Some((_, lasts)) = &lasts {
                    self.reader.remark(format!(
                        "deadline {lasts} of {name} is not kept: each of its faults has its own"
                    ));
                }
                let action = if kind == "Serial" {
                    Action::Serial(steps)
                } else {
                    Action::Parallel(steps)
                };
                Some(self.reader.step(&shown, path, action))
            }
            "Suspend" => {
                let Some((at, lasts)) = lasts else {
                    self.reader.wrong(path, "missing key `deadline`: how long it waits");
                    return None;
                };
                match Time::parse_wait(&lasts) {
                    Ok(time) => Some(self.reader.step(&shown, path, Action::Wait(time.as_duration()))),
                    Err(error) => {
                        self.reader.wrong(&at, error);
                        None
                    }
                }
            }
            "StatusCheck" => self.status_check(path, node, name),
            "Task" => {
                self.reader
                    .wrong(&kind_at, "a Task runs a container of its own, and cannot be had");
                None
            }
            other => {
                let Some((kind, new, old)) = EXPERIMENTS.iter().find(|(kind, ..)| *kind == other) else {
                    self.reader.wrong(&kind_at, format!("{other} cannot be had"));
                    return None;
                };
                let Some((at, spec)) = Reader::either(node, path, new, old) else {
                    self.reader.wrong(path, format!("missing key `{new}`"));
                    return None;
                };
                let asked = Asked {
                    kind,
                    name: &shown,
                    namespace: self.namespace,
                    lasts,
                };
                experiment(self.reader, &at, spec, &asked)
            }
        }
    }

    fn children(&mut self, path: &Path, node: &Node) -> Vec<Step> {
        let Some((at, listed)) = Reader::either(node, path, "children", "tasks") else {
            self.reader.wrong(path, "missing key `children`");
            return Vec::new();
        };
        let Value::List(list) = &listed.value else {
            self.reader.wrong(&at, "must be a list of templates");
            return Vec::new();
        };
        let names = list
            .iter()
            .enumerate()
            .filter_map(|(n, node)| Some((n, node.text()?.to_owned())));
        let names: Vec<(usize, String)> = names.collect();
        names
            .into_iter()
            .filter_map(|(n, name)| self.template(&at.index(n), &name))
            .collect()
    }

    /// It is no step: it is looked at during all of them.
    fn status_check(&mut self, path: &Path, node: &Node, name: &str) -> Option<Step> {
        let Some((at, said)) = Reader::either(node, path, "statusCheck", "status_check") else {
            self.reader.wrong(path, "missing key `statusCheck`");
            return None;
        };
        let (check, abort) = status_check::check(self.reader, &at, said, name)?;
        let aborts = Reader::either(node, path, "abortWithStatusCheck", "abort_with_status_check");
        if aborts.is_some_and(|(_, node)| node.value == Value::Bool(true)) {
            self.read.abort = Some(abort);
        }
        self.reader.remark(format!(
            "status check {name} is looked at before, during and after all steps"
        ));
        if !self.read.checks.iter().any(|other| other.name == check.name) {
            self.read.checks.push(check);
        }
        None
    }

    /// A name that no step has yet.
    fn name(&mut self, name: &str) -> String {
        let taken = |name: &String| self.used.contains(name);
        let all = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name} ({n})")));
        let free = all.into_iter().find(|name| !taken(name)).unwrap_or_default();
        self.used.push(free.clone());
        free
    }
}
