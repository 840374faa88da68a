//! Makes text from a cluster safe to show.
//!
//! Names are validated by the API server, but messages, annotations, reasons and the output of tools are not: an escape
//! sequence in them could retitle a terminal or hide a line, and a bidirectional override could make a name read as another.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character can change how the text around it is shown, instead of being shown itself.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}'   // invisible, or a direction mark
            | '\u{2028}'..='\u{202e}'                          // line separators, embeddings and overrides
            | '\u{2066}'..='\u{2069}' | '\u{feff}') // isolates, byte order mark
}

/// `text` with every dangerous character, also a line break, shown as `\u{…}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_unless(text, |_| false)
}

/// Like [`escape`], for text that may have several lines: line breaks stay.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| c == '\n')
}

fn escape_unless(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let bad = |c: char| is_dangerous(c) && !keep(c);
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if bad(c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed_as_it_is() {
        assert!(matches!(escape("web-1 läuft ✔"), Cow::Borrowed("web-1 läuft ✔")));
    }

    #[test]
    fn escape_sequences_and_c1_controls_are_shown() {
        assert_eq!(escape("a\x1b[2Jb\u{9b}c\x7f"), r"a\u{1b}[2Jb\u{9b}c\u{7f}");
    }

    #[test]
    fn bidirectional_overrides_are_shown() {
        assert_eq!(escape("web\u{202e}1-bd\u{2066}"), r"web\u{202e}1-bd\u{2066}");
    }

    #[test]
    fn line_breaks_stay_only_where_lines_are_expected() {
        assert_eq!(escape("a\nb\tc"), r"a\u{a}b\u{9}c");
        assert_eq!(escape_lines("a\nb\rc"), "a\nb\\u{d}c");
    }
}
