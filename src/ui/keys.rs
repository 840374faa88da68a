//! Keys from a terminal, read so that a signal can end the reading.
//!
//! console's own reader blocks in `poll` with the terminal in raw mode: a SIGTERM that a handler takes would find nobody to put
//! the terminal back. Here a read returns after a tenth of a second without a key, looks whether it shall stop, and whatever
//! ends it, the terminal's mode is restored by a destructor.

#[cfg(unix)]
mod decode;
#[cfg(unix)]
mod unix;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
pub(super) use decode::decode;
#[cfg(unix)]
pub(super) use unix::Keys;

/// A key somebody pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Escape,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl and a lower-case letter.
    Ctrl(char),
    /// A key we have no use for.
    Other,
}

/// Set by whoever wants a prompt to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(not(unix))]
pub(super) struct Keys(Stop);

#[cfg(not(unix))]
impl Keys {
    pub(super) fn open(stop: Stop) -> std::io::Result<Self> {
        Ok(Self(stop))
    }

    pub(super) fn next(&mut self) -> std::io::Result<Option<Key>> {
        use console::Key as Raw;
        let key = console::Term::stderr().read_key_raw()?;
        Ok((!self.0.is_set()).then_some(match key {
            Raw::Char(c) if c.is_control() => Key::Ctrl(char::from((c as u8) | 0x60)),
            Raw::Char(c) => Key::Char(c),
            Raw::Enter => Key::Enter,
            Raw::Backspace => Key::Backspace,
            Raw::Escape => Key::Escape,
            Raw::ArrowUp => Key::Up,
            Raw::ArrowDown => Key::Down,
            Raw::ArrowLeft => Key::Left,
            Raw::ArrowRight => Key::Right,
            Raw::PageUp => Key::PageUp,
            Raw::PageDown => Key::PageDown,
            Raw::Home => Key::Home,
            Raw::End => Key::End,
            Raw::CtrlC => Key::Ctrl('c'),
            _ => Key::Other,
        }))
    }
}
