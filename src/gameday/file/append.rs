//! One more step in a game day's file, as text: what stands there, comments too, stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::yaml::{Node, Path, Value};
use super::{Format, GameDay, Reading, Text, format, read, yaml};
use crate::gameday::step::{FaultStep, Setting};

/// A file with one more step.
#[derive(Debug, PartialEq, Eq)]
pub struct Appended {
    pub text: String,
    /// What the step is called.
    pub name: String,
}

/// A new file of a game day with one step.
pub fn begin(game_day: &str, step: &FaultStep) -> Appended {
    let name = name("", step.command);
    let text = format!(
        "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {{name: {}}}\nspec:\n  steps:\n{}",
        word(game_day),
        lines(&name, step, 4)
    );
    Appended { text, name }
}

/// The same file with one more step behind the last one. `faults` are the faults there are.
///
/// # Errors
/// Why nothing can be added to it, as the end of a sentence.
pub fn append(text: &str, step: &FaultStep, faults: &[&'static str]) -> Result<Appended, String> {
    let before = game_day(text, faults)?;
    let documents = yaml::read(text).map_err(|(_, why)| why)?;
    let [document] = documents.as_slice() else {
        return Err("has several documents".to_owned());
    };
    let steps = Path::default().key("spec").key("steps");
    let Some(Value::List(all)) = document.find(&steps.0).map(|node| &node.value) else {
        return Err("has no steps".to_owned());
    };
    let (dash, end) = all
        .last()
        .and_then(|last| block(text, last))
        .ok_or("has its steps in brackets; write each with a dash on a line of its own")?;
    let name = name(text, step.command);
    let mut more = String::new();
    for (n, line) in text.lines().enumerate() {
        let _ = writeln!(more, "{line}");
        if n + 1 == end {
            more.push_str(&lines(&name, step, dash));
        }
    }
    // Whatever was made of it, it must be what it was and one step more.
    let after = game_day(&more, faults);
    let is_it = after.is_ok_and(|after| {
        let (last, rest) = after.steps.split_last().unzip();
        last.is_some_and(|last| last.name == name) && rest == Some(&before.steps[..])
    });
    if !is_it {
        return Err("is written in a way that one step more cannot be added to".to_owned());
    }
    Ok(Appended { text: more, name })
}

fn game_day(text: &str, faults: &[&'static str]) -> Result<GameDay, String> {
    let ours = yaml::read(text).is_ok_and(|all| all.iter().all(|one| matches!(format(one), Format::Ours)));
    if !ours {
        return Err("is no file of `kind: GameDay`".to_owned());
    }
    let text = Text {
        name: "it".to_owned(),
        text: text.to_owned(),
    };
    let reading = Reading {
        given: &BTreeMap::new(),
        faults,
        as_krkn: false,
        open: &|_| Err(String::new()),
    };
    read(&[text], &reading).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        format!("has to be put right first: {first}")
    })
}

/// Of a step with a dash before it: how far that is indented, and the number of its last line. `None` where it has none.
fn block(text: &str, step: &Node) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let first = usize::try_from(step.at.line).ok()?;
    let line = lines.get(first.checked_sub(1)?)?;
    let dash = line.len() - line.trim_start().len();
    let before: String = line
        .chars()
        .take(usize::try_from(step.at.column).ok()?.checked_sub(1)?)
        .collect();
    if before.trim() != "-" {
        return None;
    }
    let mut end = first;
    for (n, line) in lines.iter().enumerate().skip(first) {
        let words = line.trim_start();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        if line.len() - words.len() <= dash {
            break;
        }
        end = n + 1;
    }
    Some((dash, end))
}

/// A name that does not stand in the text yet.
fn name(text: &str, command: &str) -> String {
    let mut number = 1;
    while text.contains(&format!("{command}-{number}")) {
        number += 1;
    }
    format!("{command}-{number}")
}

fn lines(name: &str, step: &FaultStep, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let settings: Vec<String> = step.settings.iter().map(setting).collect();
    format!(
        "{pad}- name: {}\n{pad}  {}: {{{}}}\n",
        word(name),
        step.command,
        settings.join(", ")
    )
}

fn setting(setting: &Setting) -> String {
    let words: Vec<String> = setting.values.iter().map(|value| word(value)).collect();
    match words.as_slice() {
        [one] if setting.key != "vms" => format!("{}: {one}", setting.key),
        _ => format!("{}: [{}]", setting.key, words.join(", ")),
    }
}

/// As YAML reads it back: quoted, unless nothing in it means anything there.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '%' | '-');
    let first = text.chars().next();
    let means = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = first.is_some_and(|c| c.is_ascii_alphanumeric())
        && text.chars().all(is_plain)
        && !means.contains(&text.to_ascii_lowercase().as_str());
    // JSON is YAML.
    let quoted = || serde_json::Value::from(text).to_string();
    if plain { text.to_owned() } else { quoted() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [&str; 2] = ["netem", "filter"];

    fn step(latency: &str) -> FaultStep {
        let setting = |key: &str, value: &str| Setting {
            key: key.to_owned(),
            path: Path::default(),
            values: vec![value.to_owned()],
        };
        FaultStep {
            command: "netem",
            settings: vec![setting("vms", "shop/web-1"), setting("latency", latency)],
        }
    }

    #[test]
    fn a_new_file_is_read_as_what_was_written() {
        let begun = begin("on: a bad link", &step("20ms"));
        assert_eq!(
            begun.text,
            "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: \"on: a bad link\"}\nspec:\n  steps:\n    \
             - name: netem-1\n      netem: {vms: [shop/web-1], latency: 20ms}\n"
        );
        let day = game_day(&begun.text, &FAULTS).unwrap();
        assert_eq!((day.name.as_str(), day.steps.len()), ("on: a bad link", 1));
    }

    #[test]
    fn what_stands_in_a_file_stays_and_the_step_is_the_last_one() {
        let text = "# mine\napiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: day}\nspec:\n  steps:\n  \
                    - wait: 1s # a moment\n  # together\n  - name: both\n    parallel:\n      - netem: {vms: [a], loss: 1%}\n\n  \
                    # whoever is told\n  notify:\n    - {on: [end], command: [./post]}\n";
        let added = append(text, &step("20ms"), &FAULTS).unwrap();
        let (before, after) = text.split_at(text.find("\n  # whoever").unwrap());
        let new = "  - name: netem-1\n    netem: {vms: [shop/web-1], latency: 20ms}\n";
        assert_eq!(added.text, format!("{before}{new}{after}"));
        let twice = append(&added.text, &step("30ms"), &FAULTS).unwrap();
        assert_eq!(twice.name, "netem-2");
        assert_eq!(game_day(&twice.text, &FAULTS).unwrap().steps.len(), 4);
        // Also where the last line does not end.
        let short =
            "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: day}\nspec:\n  steps:\n    - wait: 1s";
        assert!(append(short, &step("20ms"), &FAULTS).is_ok());
    }

    #[test]
    fn what_cannot_be_added_to_is_refused_with_the_reason() {
        let head = "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: day}\nspec:\n";
        let refused = |text: &str| append(text, &step("20ms"), &FAULTS).unwrap_err();
        assert!(refused(&format!("{head}  steps: [{{wait: 1s}}]\n")).contains("in brackets"));
        assert!(refused(&format!("{head}  steps:\n    - {{wiat: 1s}}\n")).contains("put right first: it:6:"));
        assert!(refused("- id: vmi_network_chaos\n").contains("no file of `kind: GameDay`"));
        assert!(refused(": :").contains("no file of"));
    }
}
