//! The keyboard of a Windows console on which something runs. Its mode stays as it is: Ctrl-C is still an interruption, and a key is
//! an event whether lines are waited for or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::ui::keys::{Key, pressed};

/// How soon it is seen that nobody listens any more.
const TICK: Duration = Duration::from_millis(50);

/// Reads no more once dropped.
pub(super) struct Keyboard {
    closed: Arc<AtomicBool>,
}

impl Keyboard {
    /// Sends what is pressed from now on.
    pub(super) fn open(keys: UnboundedSender<char>) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let keyboard = Self { closed: closed.clone() };
        std::thread::spawn(move || {
            while !closed.load(Ordering::Acquire) {
                match pressed(TICK) {
                    Ok(Some(Some(Key::Char(key)))) if keys.send(key).is_err() => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        keyboard
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
    }
}
