//! The keyboard of a Windows console, by crossterm.

use std::io;
use std::time::Duration;

use crossterm::event;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::{Key, Stop, from_event};

/// How soon it is seen that a prompt shall end.
const TICK: Duration = Duration::from_millis(100);

/// The keyboard in raw mode, for as long as this lives.
pub(in crate::ui) struct Keys {
    stop: Stop,
}

impl Keys {
    /// What was typed before there was anything to answer is thrown away.
    pub(in crate::ui) fn open(stop: Stop) -> io::Result<Self> {
        enable_raw_mode()?;
        let keys = Self { stop };
        while pressed(Duration::ZERO)?.is_some() {}
        Ok(keys)
    }

    /// The next key; `None` when asked to stop.
    pub(in crate::ui) fn next(&mut self) -> io::Result<Option<Key>> {
        while !self.stop.is_set() {
            if let Some(Some(key)) = pressed(TICK)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

/// What comes within `limit`: `None` when nothing does, and no key where it is something else.
pub(in crate::ui) fn pressed(limit: Duration) -> io::Result<Option<Option<Key>>> {
    if event::poll(limit)? {
        Ok(Some(from_event(&event::read()?)))
    } else {
        Ok(None)
    }
}
