//! The forms a document is printed in.

use std::fmt::Write as _;

use serde::Serialize;

use crate::ui::is_dangerous;

/// What `-o` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Without `-o`.
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

/// Pretty-printed JSON with a line break at its end.
///
/// JSON lets characters above U+001F through as they are; those that could steer a terminal are written as `\uXXXX`, which
/// reads back as the same text.
pub fn json<T: Serialize>(document: &T) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    if text.contains(|c| is_dangerous(c) && c != '\n') {
        text = ascii(&text);
    }
    text.push('\n');
    Ok(text)
}

/// YAML with a line break at its end.
///
/// A document with characters that could steer a terminal is written as JSON, which every YAML parser reads: block scalars
/// have no way to write them.
pub fn yaml<T: Serialize>(document: &T) -> anyhow::Result<String> {
    let mut text = serde_saphyr::to_string(document)?;
    if text.contains(|c| is_dangerous(c) && c != '\n') {
        return json(document);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Outside strings the only such character is a line break, and inside strings that is written `\n` already.
fn ascii(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_dangerous(c) && c != '\n' {
            // All dangerous characters are below U+10000; writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NASTY: &str = "a\u{9b}31m b\u{202e}c \x1b[2J\nnext";

    #[test]
    fn json_reads_back_and_holds_nothing_that_steers_a_terminal() {
        let document = json!({"message": NASTY});
        let text = json(&document).unwrap();
        assert!(!text.contains(|c| is_dangerous(c) && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }

    #[test]
    fn yaml_reads_back_and_holds_nothing_that_steers_a_terminal() {
        for message in [NASTY, "plain", "yes", "a: b # c", "two\nlines\n", "tab\there"] {
            let document = json!({"message": message, "n": [1, 2.5], "nothing": null});
            let text = yaml(&document).unwrap();
            assert!(!text.contains(|c| is_dangerous(c) && c != '\n'), "{text:?}");
            assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document, "{text}");
        }
    }
}
