//! The keyboard of a terminal on which something runs.
//!
//! A program in the background that reads from its terminal, or sets its mode, is stopped, and a stopped command loses its
//! fault. So the terminal is only touched in the foreground, and only read when something is there: no read ever waits.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use crate::ui::Printer;
use crate::ui::keys::{Key, decode};
use crate::ui::terminal::in_foreground;

/// How soon a key is seen.
const TICK: Duration = Duration::from_millis(50);

/// Puts the terminal back when dropped.
pub(super) struct Keyboard(Arc<Mutex<Terminal>>);

struct Terminal {
    before: Termios,
    bytes: VecDeque<u8>,
    closed: bool,
}

// === impl Keyboard ===

impl Keyboard {
    /// Sends what is pressed from now on. `None` where stdin has no mode that could be set.
    pub(super) fn open(printer: &Printer, pressed: UnboundedSender<char>) -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let terminal = Arc::new(Mutex::new(Terminal {
            before,
            bytes: VecDeque::new(),
            closed: false,
        }));
        give_back_when_suspended(printer.clone(), terminal.clone());
        let keyboard = Self(terminal.clone());
        std::thread::spawn(move || listen(&terminal, Terminal::read, &pressed, || std::thread::sleep(TICK)));
        Some(keyboard)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let mut terminal = lock(&self.0);
        terminal.closed = true;
        terminal.give_back();
    }
}

// === impl Terminal ===

impl Terminal {
    /// Characters that are there; `None` once closed.
    fn read(&mut self) -> Option<Vec<char>> {
        if self.closed {
            return None;
        }
        if !in_foreground(io::stdin()) || !take() {
            return Some(Vec::new());
        }
        let there = rustix::io::ioctl_fionread(io::stdin()).unwrap_or(0);
        let mut buffer = [0; 64];
        if there > 0
            && let Ok(read) = rustix::io::read(io::stdin(), &mut buffer)
        {
            self.bytes.extend(&buffer[..read]);
        }
        // What came within one tick came together: half a sequence will not become whole.
        let keys = std::iter::from_fn(|| decode(&mut self.bytes, true));
        let characters = keys.filter_map(|key| match key {
            Key::Char(key) => Some(key),
            _ => None,
        });
        Some(characters.collect())
    }

    /// The mode it had; keys that were pressed for us must not reach the shell.
    fn give_back(&self) {
        if in_foreground(io::stdin()) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        }
    }
}

/// Sends what is read until there is nothing to read from any more. Between two looks the lock is free: a run's end, and Ctrl-Z,
/// wait for it, and a lock that is nearly always held is got by chance.
fn listen<T>(
    terminal: &Mutex<T>,
    read: impl Fn(&mut T) -> Option<Vec<char>>,
    pressed: &UnboundedSender<char>,
    pause: impl Fn(),
) {
    loop {
        let keys = read(&mut lock(terminal));
        let Some(keys) = keys else { return };
        if keys.into_iter().any(|key| pressed.send(key).is_err()) {
            return;
        }
        pause();
    }
}

/// Makes keys come one by one and unseen, also again after a shell had the terminal meanwhile. What was typed before has
/// nothing to do with us.
fn take() -> bool {
    let Ok(mut mode) = tcgetattr(io::stdin()) else {
        return false;
    };
    if !mode.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO) {
        return true;
    }
    mode.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
    mode.special_codes[SpecialCodeIndex::VMIN] = 0;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(io::stdin(), OptionalActions::Flush, &mode).is_ok()
}

/// Ctrl-Z finds the terminal as it was and without bars, and stops us then as it would have by itself.
fn give_back_when_suspended(printer: Printer, terminal: Arc<Mutex<Terminal>>) {
    static ONCE: Once = Once::new();
    // Listened to for the life of the process: a second listener would stop us a second time.
    ONCE.call_once(|| {
        let Ok(mut suspended) = signal(SignalKind::from_raw(Signal::TSTP.as_raw())) else {
            return;
        };
        tokio::spawn(async move {
            while suspended.recv().await.is_some() {
                printer.hide_bars();
                // Held while we are stopped: nobody may take the terminal again before.
                let terminal = lock(&terminal);
                if !terminal.closed {
                    terminal.give_back();
                }
                let _ = kill_process(getpid(), Signal::STOP);
                // Another thread may be the one to take it, a moment later.
                std::thread::sleep(TICK);
            }
        });
    });
}

fn lock<T>(terminal: &Mutex<T>) -> MutexGuard<'_, T> {
    terminal.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn between_two_looks_nobody_has_to_wait_for_the_terminal() {
        let (pressed, mut keys) = unbounded_channel();
        let looks = Mutex::new(3);
        let read = |left: &mut u32| {
            *left = left.checked_sub(1)?;
            Some(vec!['r'])
        };
        listen(&looks, read, &pressed, || assert!(looks.try_lock().is_ok()));
        drop(pressed);
        assert_eq!(std::iter::from_fn(|| keys.blocking_recv()).count(), 3);
    }
}
