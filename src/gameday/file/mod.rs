//! Files of game days: read whole, with everything that is wrong in them.
//!
//! ```text
//! text ── yaml ──> documents with places ─┬─ kind: GameDay ── values ── decode, steps, ramp ──┐
//!                                         ├─ krkn's scenarios and config ── krkn ─────────────┼──> GameDay
//!                                         └─ chaos-mesh.org ── chaos_mesh ────────────────────┘
//! ```

pub mod append;
mod decode;
pub mod game_day;
mod ours;
mod path;
mod problems;
mod ramp;
mod schema;
mod steps;
mod values;
pub mod yaml;
#[cfg(test)]
mod yaml_tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::problems::{FileProblem, Problems};
pub use self::schema::{FaultKeys, Flag, schema};

use self::yaml::{Node, Path, Place, Value};
use super::check::{Abort, Check};
use super::notify::Notify;
use super::secret::Secret;
use super::step::Step;
use super::{chaos_mesh, krkn};

/// A game day, whatever files it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct GameDay {
    pub name: String,
    pub owner: Option<String>,
    /// Where VMs are that name no namespace.
    pub namespace: Option<String>,
    pub hypothesis: Option<String>,
    pub checks: Vec<Check>,
    pub abort: Option<Abort>,
    pub steps: Vec<Step>,
    pub notify: Vec<Notify>,
    /// What the files say and is not done, or done otherwise, a line each.
    pub remarks: Vec<String>,
    /// Its documents, for the places of problems that are found later.
    pub sources: Vec<Source>,
}

/// A document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What its file is called.
    pub file: String,
    pub document: Node,
}

/// A file, before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is called.
    pub name: String,
    pub text: String,
}

/// How files are to be understood.
pub struct Reading<'a> {
    /// `--set`
    pub given: &'a BTreeMap<String, String>,
    /// The faults there are.
    pub faults: &'a [&'static str],
    /// `--as-krkn`: what krkn's code does, and not what its documentation says.
    pub as_krkn: bool,
    /// Reads a file that another one names.
    pub open: &'a dyn Fn(&str) -> Result<Text, String>,
}

/// A game day in the making: what files have said so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) steps: Vec<Step>,
    pub(super) checks: Vec<Check>,
    pub(super) abort: Option<Abort>,
    pub(super) remarks: Vec<String>,
    pub(super) sources: Vec<Source>,
    pub(super) problems: Vec<FileProblem>,
}

/// Reads the game day of some files.
///
/// # Errors
/// All that is wrong with them.
pub fn read(texts: &[Text], reading: &Reading<'_>) -> Result<GameDay, Vec<FileProblem>> {
    let mut parts = Parts::default();
    let mut ours = None;
    for text in texts {
        let mut problems = Problems::of(&text.name);
        let documents = documents(&text.text, &mut problems);
        let count = documents.len();
        for mut document in documents {
            match format(&document) {
                Format::Ours if texts.len() > 1 || count > 1 => {
                    problems.add(
                        document.at,
                        "is one of several documents, and a game day of this kind is run by itself",
                    );
                }
                Format::Ours => {
                    values::fill(&mut document, reading.given, &mut problems);
                    ours = ours::game_day(&document, reading.faults, &mut problems);
                    parts.source(&text.name, document);
                }
                Format::Krkn => krkn::read(&text.name, &document, reading, &mut parts, &mut problems),
                Format::ChaosMesh => chaos_mesh::read(&text.name, &document, &mut parts, &mut problems),
            }
        }
        parts.problems.extend(problems.into_all());
    }
    let Parts {
        steps,
        checks,
        abort,
        mut remarks,
        sources,
        problems,
    } = parts;
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Some(ours) = ours {
        return Ok(GameDay { sources, ..ours });
    }
    if !reading.given.is_empty() {
        remarks.push("--set changes nothing: only a file with `kind: GameDay` has values".to_owned());
    }
    let name = texts.first().map_or("", |text| stem(&text.name));
    Ok(GameDay {
        name: name.to_owned(),
        owner: None,
        namespace: None,
        hypothesis: None,
        checks,
        abort,
        steps,
        notify: Vec::new(),
        remarks,
        sources,
    })
}

/// The documents of a file; what is none is a problem.
pub(super) fn documents(text: &str, problems: &mut Problems) -> Vec<Node> {
    match yaml::read(text) {
        Ok(documents) if documents.is_empty() => problems.add(Place::default(), "is empty"),
        Ok(documents) => return documents,
        Err((at, _)) if text.contains("{{") => {
            problems.add(
                at,
                "is a template (`{{`): give what your tool renders of it, such as `helm template`",
            );
        }
        Err((at, why)) => problems.add(at, format!("is no YAML: {why}")),
    }
    Vec::new()
}

/// Whose file a document is.
enum Format {
    Ours,
    Krkn,
    ChaosMesh,
}

fn format(document: &Node) -> Format {
    let of_chaos_mesh = |node: &Node| {
        let version = node.get("apiVersion").and_then(Node::text);
        version.is_some_and(|version| version.starts_with("chaos-mesh.org/"))
    };
    let has = |node: &Node, key: &str| node.get(key).is_some();
    match &document.value {
        _ if of_chaos_mesh(document) => Format::ChaosMesh,
        Value::List(list) if list.iter().any(|one| has(one, "id")) => Format::Krkn,
        _ if has(document, "kraken") => Format::Krkn,
        _ if has(document, "scenarios") && !has(document, "kind") => Format::Krkn,
        _ => Format::Ours,
    }
}

/// A file's name without its folder and its ending.
fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

// === impl Parts ===

impl Parts {
    /// Keeps a document; its number.
    pub(super) fn source(&mut self, file: &str, document: Node) -> usize {
        self.sources.push(Source {
            file: file.to_owned(),
            document,
        });
        self.sources.len() - 1
    }
}

impl Parts {
    /// Adds steps of a file, each with a name that no other has.
    pub(super) fn add(&mut self, steps: Vec<Step>) {
        for mut step in steps {
            let taken = |name: &str| self.steps.iter().any(|other| other.name == name);
            let (name, mut number) = (step.name.clone(), 2);
            while taken(&step.name) {
                step.name = format!("{name} ({number})");
                number += 1;
            }
            self.steps.push(step);
        }
    }
}

// === impl GameDay ===

impl GameDay {
    /// The files it came from.
    pub fn files(&self) -> String {
        let mut files: Vec<&str> = self.sources.iter().map(|source| source.file.as_str()).collect();
        files.dedup();
        files.join(", ")
    }

    /// Values that it does not hold, and reads when they are needed.
    pub fn secrets(&self) -> Vec<&Secret> {
        let of_checks = self.checks.iter().flat_map(|check| check.what.headers());
        let of_notify = self.notify.iter().flat_map(|notify| notify.how.secrets());
        let all = of_checks.map(|(_, secret)| secret).chain(of_notify);
        all.filter(|secret| !matches!(secret, Secret::Plain(_))).collect()
    }

    /// Where a step is: its file, and the place in it.
    pub fn place(&self, step: &Step) -> (&str, Place) {
        let source = self.sources.get(step.source);
        source.map_or(("", Place::default()), |source| {
            (source.file.as_str(), source.document.place(&step.path.0))
        })
    }

    /// Something wrong with what a step says there.
    pub fn problem(&self, step: &Step, path: &Path, message: impl std::fmt::Display) -> FileProblem {
        let source = self.sources.get(step.source);
        let mut problems = Problems::of(source.map_or("", |source| &source.file));
        match source {
            Some(source) => problems.at(&source.document, path, message),
            None => problems.add(Place::default(), message.to_string()),
        }
        problems.into_all().remove(0)
    }
}

/// The longest that a look of a check may take where its file does not say.
pub(super) const WITHIN: Duration = Duration::from_secs(5);
