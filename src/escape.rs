//! Makes text from a cluster safe to show.
//!
//! Names are validated by the API server, but messages, annotations, reasons and the output of tools are not: an escape
//! sequence in them could retitle a terminal or hide a line, and a bidirectional override could make a name read as another.

/// Whether a character can change how the text around it is shown, instead of being shown itself: controls (C0, DEL, C1),
/// the invisible, and marks, embeddings, overrides and isolates of direction.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with every dangerous character, also a line break, shown as `\n`, `\t`, `\r` or `\u{…}`.
pub fn escape(text: &str) -> String {
    escape_unless(text, |_| false)
}

/// Like [`escape`], for text that may have several lines: line breaks stay.
pub fn escape_lines(text: &str) -> String {
    escape_unless(text, |c| c == '\n')
}

fn escape_unless(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) && !keep(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_in_any_language_stays_as_it_is() {
        assert_eq!(escape("web-1 läuft ✔ 不存在"), "web-1 läuft ✔ 不存在");
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
    fn what_is_drawn_as_nothing_is_shown() {
        assert_eq!(
            escape("a\u{ad}\u{180e}\u{fff9}\u{e0041}b"),
            r"a\u{ad}\u{180e}\u{fff9}\u{e0041}b"
        );
    }

    #[test]
    fn line_breaks_stay_only_where_lines_are_expected() {
        assert_eq!(escape("a\nb\tc"), r"a\nb\tc");
        assert_eq!(escape_lines("a\nb\rc"), "a\nb\\rc");
    }
}
