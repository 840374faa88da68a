//! krkn's `config.yaml`: which files it runs, in which order, how often.

use std::time::Duration;

use super::Reader;
use crate::fault::{Time, parse_count};
use crate::gameday::file::yaml::{Node, Path, Value};
use crate::gameday::file::{Parts, Problems, Reading, documents};
use crate::gameday::step::{Action, Repeat, Step};

/// Types of scenarios that are about VMs.
const OURS: [&str; 3] = ["network_chaos_ng_scenarios", "kubevirt_vm_outage", "vmi_outage"];
/// What krkn waits after a file where its config does not say.
const WAIT: Duration = Duration::from_secs(60);

/// What a config says.
pub(super) struct Config {
    /// Names of files, and where they are named.
    files: Vec<(String, Path)>,
    wait: Duration,
    iterations: u32,
    document: Node,
    source: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, document: &Node) -> Config {
    let kraken = Path::default().key("kraken");
    let at = kraken.key("chaos_scenarios");
    let mut files = Vec::new();
    let listed = document.get("kraken").and_then(|node| node.get("chaos_scenarios"));
    match listed.map(|node| &node.value) {
        Some(Value::List(list)) => {
            for (n, one) in list.iter().enumerate() {
                of_type(reader, &at.index(n), one, &mut files);
            }
        }
        _ => reader.wrong(&at, "must be a list of scenario types, each with its files"),
    }
    let tunings = Path::default().key("tunings");
    let node = document.get("tunings");
    let mut word = |key: &str| node.and_then(|node| reader.word(&tunings, node, key));
    let (wait, iterations, daemon) = (word("wait_duration"), word("iterations"), word("daemon_mode"));
    let wait = match wait.as_deref().map(Time::parse_wait) {
        Some(Ok(wait)) => wait.as_duration(),
        Some(Err(error)) => {
            reader.wrong(&tunings.key("wait_duration"), error);
            WAIT
        }
        None => WAIT,
    };
    let iterations = match iterations.as_deref().map(parse_count) {
        Some(Ok(count @ 1..=1_000)) => count,
        None => 1,
        Some(_) => {
            reader.wrong(&tunings.key("iterations"), "must be 1 to 1000");
            1
        }
    };
    if daemon.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        reader.wrong(
            &tunings.key("daemon_mode"),
            "a game day has an end: set it to false, and say how many `iterations`",
        );
    }
    if let Value::Map(map) = &document.value {
        let others = map
            .iter()
            .map(|(key, _)| key.name.as_str())
            .filter(|name| !["kraken", "tunings"].contains(name));
        let others: Vec<&str> = others.collect();
        if !others.is_empty() {
            reader.remark(format!("of krkn's config is not used: {}", others.join(", ")));
        }
    }
    Config {
        files,
        wait,
        iterations,
        document: document.clone(),
        source: reader.source,
    }
}

/// The files of `{type: [file, …]}`; some configs have lists of lists.
fn of_type(reader: &mut Reader<'_>, path: &Path, node: &Node, files: &mut Vec<(String, Path)>) {
    let Value::Map(map) = &node.value else {
        reader.wrong(path, "must be a type of scenarios with its files");
        return;
    };
    for (key, listed) in map {
        let at = path.key(&key.name);
        if !OURS.contains(&key.name.as_str()) {
            let told = format!("`{}` are no scenarios of VMs; there are {}", key.name, OURS.join(", "));
            reader.wrong(&at, told);
            continue;
        }
        names(listed, &at, files);
    }
}

fn names(node: &Node, path: &Path, files: &mut Vec<(String, Path)>) {
    match &node.value {
        Value::List(list) => list
            .iter()
            .enumerate()
            .for_each(|(n, one)| names(one, &path.index(n), files)),
        Value::Text(name) => files.push((name.clone(), path.clone())),
        _ => {}
    }
}

/// Reads the files of a config, and puts a wait after each.
pub(super) fn add(config: &Config, reading: &Reading<'_>, parts: &mut Parts, problems: &mut Problems) {
    let before = parts.steps.len();
    for (n, (name, path)) in config.files.iter().enumerate() {
        let text = match (reading.open)(name) {
            Ok(text) => text,
            Err(why) => {
                problems.at(&config.document, path, why);
                continue;
            }
        };
        let mut of_file = Problems::of(&text.name);
        for document in documents(&text.text, &mut of_file) {
            if document.get("kraken").is_some() {
                of_file.add(document.at, "is a config, and not a scenario");
                continue;
            }
            let here = parts.steps.len();
            super::read(&text.name, &document, reading, parts, &mut of_file);
            for step in &mut parts.steps[here..] {
                step.name = format!("{}.{}", n + 1, step.name);
            }
        }
        parts.problems.extend(of_file.into_all());
        if !config.wait.is_zero() {
            parts.steps.push(Step {
                name: format!("wait after file {}", n + 1),
                source: config.source,
                path: path.clone(),
                action: Action::Wait(config.wait),
                repeat: Repeat::ONCE,
            });
        }
    }
    if config.iterations > 1 {
        let steps = parts.steps.split_off(before);
        parts.steps.push(Step {
            name: "iterations".to_owned(),
            source: config.source,
            path: Path::default().key("tunings").key("iterations"),
            action: Action::Serial(steps),
            repeat: Repeat {
                times: config.iterations,
                every: Duration::ZERO,
            },
        });
    }
}
