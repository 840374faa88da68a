//! What a kept report says of its run, for `--replay`: read into a type, for the file may be anybody's.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// So many characters of what is wrong with a field are told.
const SHOWN: usize = 200;

/// A run that a report was kept of, as far as it can be run again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Recorded {
    /// The command, its flags, and its VMs as `vmi/NAME/NAMESPACE`; never empty.
    #[serde(default, deserialize_with = "command")]
    pub command: Vec<String>,
    /// Empty where there was none.
    #[serde(default, deserialize_with = "context")]
    pub context: String,
    /// URL of the API server.
    #[serde(default, deserialize_with = "server")]
    pub server: String,
}

// === impl Recorded ===

impl Recorded {
    /// Reads a .json report, or of a .jsonl report the newest document: of a run that died, too.
    ///
    /// # Errors
    /// What is missing, or the line and field that is not as a report has it; to be put behind the file's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(document) = serde_json::from_str::<Value>(text) {
            return match run(document) {
                Some(run) => Self::of(run),
                // A .jsonl report of one line.
                None => Self::of_lines(text),
            };
        }
        Self::of_lines(text)
    }

    fn of_lines(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.into_iter().enumerate().rev() {
            // The last line of a run that was killed may be torn.
            let Ok(Value::Object(mut line)) = serde_json::from_str(line) else {
                continue;
            };
            if let Some(run) = line.remove("document").and_then(run) {
                return Self::of(run).map_err(|why| format!("in line {}, {why}", number + 1));
            }
        }
        Err("it holds no run (a JSON object whose `kind` is `Run`, or lines with one as their `document`)".to_owned())
    }

    fn of(run: Map<String, Value>) -> Result<Self, String> {
        let recorded: Self = serde_json::from_value(Value::Object(run)).map_err(|error| error.to_string())?;
        if recorded.command.is_empty() {
            return Err("it names no command: the recorded run ended before its VMs were chosen".to_owned());
        }
        Ok(recorded)
    }
}

fn run(document: Value) -> Option<Map<String, Value>> {
    match document {
        Value::Object(object) if object.get("kind").and_then(Value::as_str) == Some("Run") => Some(object),
        _ => None,
    }
}

fn command<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    field("command", from)
}

fn context<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    field("context", from).map(Option::unwrap_or_default)
}

fn server<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    field("server", from).map(Option::unwrap_or_default)
}

/// serde does not say which field has the wrong type.
fn field<'de, D: Deserializer<'de>, T: Deserialize<'de>>(name: &str, from: D) -> Result<T, D::Error> {
    T::deserialize(from).map_err(|error| {
        // It quotes what it found, however long that is.
        let why: String = error.to_string().chars().take(SHOWN).collect();
        D::Error::custom(format!("`{name}` is not as a report has it: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#"{"kind":"Run","command":["netem","vmi/a/b"],"context":"c","server":"https://s","targets":[]}"#;

    #[test]
    fn the_newest_document_counts_and_a_torn_line_does_not() {
        let run = Recorded {
            command: vec!["netem".into(), "vmi/a/b".into()],
            context: "c".into(),
            server: "https://s".into(),
        };
        let lines = format!(
            "{{\"event\":\"begun\",\"document\":{{\"kind\":\"Run\"}}}}\n{{\"event\":\"planned\",\"document\":{RUN}}}\n{{\"event\":\"vm\"}}\n{{\"docu"
        );
        for text in [RUN, &format!("{{\"document\":{RUN}}}"), &lines] {
            assert_eq!(Recorded::parse(text).as_ref(), Ok(&run), "{text}");
        }
    }

    #[test]
    fn what_is_no_run_is_said() {
        for text in [
            "",
            "[]",
            "{}",
            "null",
            "7",
            r#""Run""#,
            r#"["Run"]"#,
            r#"{"kind":"RunList"}"#,
            r#"{"kind":7}"#,
            "{",
            "\u{0}[",
        ] {
            assert!(Recorded::parse(text).unwrap_err().contains("it holds no run"), "{text}");
        }
        for text in [r#"{"kind":"Run"}"#, r#"{"kind":"Run","command":[]}"#] {
            assert!(
                Recorded::parse(text).unwrap_err().contains("it names no command"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_field_that_is_something_else_is_named() {
        for (text, field) in [
            (r#"{"kind":"Run","command":{}}"#, "`command`"),
            (r#"{"kind":"Run","command":["netem",7]}"#, "`command`"),
            (r#"{"kind":"Run","command":null}"#, "`command`"),
            (r#"{"kind":"Run","command":["netem"],"context":[]}"#, "`context`"),
            (r#"{"kind":"Run","command":["netem"],"server":{}}"#, "`server`"),
            (
                "{\"event\":\"x\"}\n{\"document\":{\"kind\":\"Run\",\"command\":7}}",
                "in line 2, `command`",
            ),
        ] {
            let why = Recorded::parse(text).unwrap_err();
            assert!(why.contains(field), "{why}");
        }
    }
}
