//! Bytes of a terminal as keys. Pure.

use std::collections::VecDeque;

use super::Key;
use crate::ui::is_dangerous;

/// Takes one key off the front of what was read. `idle` says that nothing followed for a while: a lone Escape byte is then
/// the key and not the start of a sequence, and half a character is never going to be whole.
pub(in crate::ui) fn decode(bytes: &mut VecDeque<u8>, idle: bool) -> Option<Key> {
    let first = *bytes.front()?;
    let (length, key) = match first {
        0x1b => return escape_sequence(bytes, idle),
        b'\r' | b'\n' => (1, Key::Enter),
        0x7f | 0x08 => (1, Key::Backspace),
        0x01..=0x1a => (1, Key::Ctrl(char::from(first | 0x60))),
        0x1c => (1, Key::Ctrl('\\')),
        0x00..=0x1f => (1, Key::Other),
        0x20..=0x7e => (1, Key::Char(char::from(first))),
        _ => {
            let length = match first {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 1,
            };
            if bytes.len() < length && !idle {
                return None;
            }
            let length = length.min(bytes.len());
            let whole: Vec<u8> = bytes.iter().copied().take(length).collect();
            let c = std::str::from_utf8(&whole).ok().and_then(|text| text.chars().next());
            (length, c.filter(|c| !is_dangerous(*c)).map_or(Key::Other, Key::Char))
        }
    };
    bytes.drain(..length);
    Some(key)
}

/// `ESC [ parameters final`, `ESC O final`, Alt with a key, or Escape itself.
fn escape_sequence(bytes: &mut VecDeque<u8>, idle: bool) -> Option<Key> {
    let (length, key) = match bytes.get(1) {
        None if idle => (1, Key::Escape),
        None => return None,
        Some(b'O') if bytes.len() < 3 && !idle => return None,
        Some(b'O') => (3, arrow(bytes.get(2).copied(), "")),
        Some(b'[') => {
            let end = bytes.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte));
            match end {
                Some(at) => {
                    let parameters: String = bytes.iter().skip(2).take(at).map(|byte| char::from(*byte)).collect();
                    (at + 3, arrow(bytes.get(at + 2).copied(), &parameters))
                }
                None if idle => (bytes.len(), Key::Other),
                None => return None,
            }
        }
        // Escape typed twice is Escape; with any other key it is Alt.
        Some(0x1b) => (1, Key::Escape),
        Some(_) => (2, Key::Other),
    };
    bytes.drain(..length.min(bytes.len()));
    Some(key)
}

fn arrow(last: Option<u8>, parameters: &str) -> Key {
    match (last, parameters) {
        (Some(b'A'), _) => Key::Up,
        (Some(b'B'), _) => Key::Down,
        (Some(b'C'), "") => Key::Right,
        (Some(b'D'), "") => Key::Left,
        (Some(b'H'), _) | (Some(b'~'), "1" | "7") => Key::Home,
        (Some(b'F'), _) | (Some(b'~'), "4" | "8") => Key::End,
        (Some(b'~'), "5") => Key::PageUp,
        (Some(b'~'), "6") => Key::PageDown,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(input: &str) -> Vec<Key> {
        let mut bytes: VecDeque<u8> = input.bytes().collect();
        std::iter::from_fn(|| decode(&mut bytes, true)).collect()
    }

    #[test]
    fn letters_and_controls() {
        assert_eq!(
            keys("aü \r\x7f\x01\x03"),
            [
                Key::Char('a'),
                Key::Char('ü'),
                Key::Char(' '),
                Key::Enter,
                Key::Backspace,
                Key::Ctrl('a'),
                Key::Ctrl('c'),
            ]
        );
    }

    #[test]
    fn arrows_in_both_spellings_and_unknown_sequences_whole() {
        assert_eq!(
            keys("\x1b[A\x1bOB\x1b[6~\x1b[1;5Cx\x1b[D\x1bOC"),
            [
                Key::Up,
                Key::Down,
                Key::PageDown,
                Key::Other,
                Key::Char('x'),
                Key::Left,
                Key::Right
            ]
        );
    }

    #[test]
    fn a_lone_escape_is_the_key_only_when_nothing_follows() {
        let mut bytes: VecDeque<u8> = b"\x1b".iter().copied().collect();
        assert_eq!(decode(&mut bytes, false), None);
        assert_eq!(decode(&mut bytes, true), Some(Key::Escape));
        assert!(bytes.is_empty());
    }

    #[test]
    fn half_a_character_waits_for_the_rest() {
        let mut bytes: VecDeque<u8> = [0xc3].into();
        assert_eq!(decode(&mut bytes, false), None);
        bytes.push_back(0xbc);
        assert_eq!(decode(&mut bytes, false), Some(Key::Char('ü')));
    }

    #[test]
    fn an_invisible_character_cannot_be_typed() {
        assert_eq!(keys("\u{202e}a"), [Key::Other, Key::Char('a')]);
    }
}
