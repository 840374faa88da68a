//! Events of crossterm as keys. Pure.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

use super::Key;
use crate::ui::is_dangerous;

/// `None` for what is no key, and for one that is let go.
pub(in crate::ui) fn from_event(event: &Event) -> Option<Key> {
    let Event::Key(pressed) = event else { return None };
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let (ctrl, alt) = (KeyModifiers::CONTROL, KeyModifiers::ALT);
    let held = pressed.modifiers & (ctrl | alt);
    Some(match pressed.code {
        // AltGr is Ctrl and Alt together, and types what stands on the key.
        KeyCode::Char(c) if (held.is_empty() || held == ctrl | alt) && !is_dangerous(c) => Key::Char(c),
        KeyCode::Char(c) if held == ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Enter => Key::Enter,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Esc => Key::Escape,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        // As a terminal sends it.
        KeyCode::Tab => Key::Ctrl('i'),
        _ => Key::Other,
    })
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
        from_event(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn letters_and_controls() {
        let (none, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        assert_eq!(key(KeyCode::Char('ü'), none), Some(Key::Char('ü')));
        assert_eq!(key(KeyCode::Char('A'), KeyModifiers::SHIFT), Some(Key::Char('A')));
        assert_eq!(key(KeyCode::Char('c'), ctrl), Some(Key::Ctrl('c')));
        assert_eq!(key(KeyCode::Char('@'), ctrl | alt), Some(Key::Char('@')), "AltGr");
        assert_eq!(key(KeyCode::Char('x'), alt), Some(Key::Other));
        assert_eq!(key(KeyCode::Esc, none), Some(Key::Escape));
        assert_eq!(key(KeyCode::F(1), none), Some(Key::Other));
    }

    #[test]
    fn an_invisible_character_cannot_be_typed() {
        assert_eq!(key(KeyCode::Char('\u{202e}'), KeyModifiers::NONE), Some(Key::Other));
    }

    #[test]
    fn what_is_no_key_and_a_key_that_is_let_go_are_nothing() {
        let up = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(from_event(&Event::Key(up)), None);
        assert_eq!(from_event(&Event::Resize(80, 24)), None);
    }
}
