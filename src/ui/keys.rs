//! Keys from a terminal, read so that a signal can end the reading: a read returns after a tenth of a second without a key, looks
//! whether it shall stop, and whatever ends it, the terminal's mode is restored by a destructor.
//!
//! By crossterm on Windows, and by hand elsewhere, where crossterm's reader (0.29) cannot be ended: `poll` does not come back from
//! half a key, whatever its limit, and turns for ever on a terminal that has hung up. Its raw mode would also take Ctrl-C and
//! Ctrl-Z from a run, and the carriage returns from all that is printed meanwhile. console's reader waits for a key without a limit.

#[cfg(unix)]
mod decode;
#[cfg(any(windows, test))]
mod event;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
pub(super) use decode::decode;
#[cfg(windows)]
pub(super) use event::from_event;
#[cfg(unix)]
pub(super) use unix::Keys;
#[cfg(windows)]
pub(super) use windows::{Keys, pressed};

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
