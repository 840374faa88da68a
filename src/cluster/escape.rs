//! Text that came from the cluster, made safe to print.
//!
//! A VM's owner chooses labels, messages and names; printed raw they could move the cursor, recolour a
//! verdict or reverse the reading order of a line.

use std::fmt::Write as _;

/// `text` with everything that could steer a terminal written as `\n`, `\t` or `\u{…}`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if steers(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters (C0, DEL, C1) and the invisible ones that change direction or hide text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn ordinary_text_in_any_language_is_left_alone() {
        assert_eq!(escape("pods \"größe\" 不存在"), "pods \"größe\" 不存在");
    }

    #[test]
    fn terminal_sequences_become_visible() {
        assert_eq!(escape("a\u{1b}[2Jb\u{9b}c\u{7f}"), "a\\u{1b}[2Jb\\u{9b}c\\u{7f}");
        assert_eq!(escape("one\ntwo\tthree\r"), "one\\ntwo\\tthree\\r");
    }

    #[test]
    fn reversed_reading_order_becomes_visible() {
        assert_eq!(escape("web\u{202e}1-bew"), "web\\u{202e}1-bew");
    }
}
