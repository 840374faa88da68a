//! Our own file: `kind: GameDay`.

use std::collections::BTreeSet;

use super::game_day::File;
use super::problems::Problems;
use super::steps::Reader;
use super::yaml::{self, Node, Path};
use super::{GameDay, decode};
use crate::gameday::check::{self, Abort, Check};
use crate::gameday::notify::{self, Notify};
use crate::gameday::step::{Action, Step};

/// The game day of a document.
pub(super) fn game_day(document: &Node, faults: &[&'static str], problems: &mut Problems) -> Option<GameDay> {
    let root = Path::default();
    if !matches!(document.value, yaml::Value::Map(_)) {
        let kind = document.value.kind();
        problems.at(
            document,
            &root,
            format!("is {kind}, and a game day is a mapping with `kind: GameDay`"),
        );
        return None;
    }
    let file: Option<File> = decode::decode(document, &root, document, problems);
    let spec = root.key("spec");
    let at = spec.key("steps");
    let steps = match document.find(&at.0) {
        Some(node) => Reader {
            document,
            faults,
            problems,
        }
        .list(&at, node, ""),
        None => Vec::new(),
    };
    distinct(document, &steps, problems);
    let File {
        metadata, spec: said, ..
    } = file?;
    let checks = said.steady_state.iter().enumerate();
    let checks: Vec<Check> = checks
        .filter_map(|(n, check)| check::of_file(document, &spec.key("steadyState").index(n), check, problems))
        .collect();
    let notify = said.notify.iter().enumerate();
    let notify: Vec<Notify> = notify
        .filter_map(|(n, told)| notify::of_file(document, &spec.key("notify").index(n), told, problems))
        .collect();
    let abort = said.abort.and_then(|abort| {
        let abort = Abort::new(abort.after, abort.of.unwrap_or(abort.after));
        if abort.is_none() {
            problems.at(
                document,
                &spec.key("abort"),
                "`after` must be at least 1, and `of` not less than it",
            );
        } else if checks.is_empty() {
            problems.at(
                document,
                &spec.key("abort"),
                "there is nothing in `steadyState` that could fail",
            );
        }
        abort
    });
    Some(GameDay {
        name: metadata.name,
        owner: metadata.owner,
        namespace: metadata.namespace,
        hypothesis: said.hypothesis,
        checks,
        abort,
        steps,
        notify,
        remarks: Vec::new(),
        sources: Vec::new(),
    })
}

/// Every step has a name of its own.
pub(super) fn distinct(document: &Node, steps: &[Step], problems: &mut Problems) {
    fn all<'a>(steps: &'a [Step], into: &mut Vec<&'a Step>) {
        for step in steps {
            into.push(step);
            if let Action::Serial(inner) | Action::Parallel(inner) = &step.action {
                all(inner, into);
            }
        }
    }
    let mut every = Vec::new();
    all(steps, &mut every);
    let mut names = BTreeSet::new();
    for step in every {
        if !names.insert(step.name.as_str()) {
            let at = step.path.key("name");
            problems.at(document, &at, format!("another step is called {} already", step.name));
        }
    }
}
