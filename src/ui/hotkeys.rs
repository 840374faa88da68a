//! Single keys while something runs. This is no prompt: Ctrl-C and Ctrl-Z stay signals, what is printed is printed as ever,
//! and without a terminal, or in the background, there are just no keys.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Printer;

/// Keys from the terminal, for as long as this lives; then the terminal is as it was.
pub struct Hotkeys {
    keys: UnboundedReceiver<char>,
    #[cfg(unix)]
    _keyboard: unix::Keyboard,
    #[cfg(windows)]
    _keyboard: windows::Keyboard,
}

impl Hotkeys {
    /// `None` where nobody could see what the keys do, or press them. Must be called inside a runtime.
    pub fn open(printer: &Printer) -> Option<Self> {
        let look = printer.look();
        if !(look.interactive && look.live) {
            return None;
        }
        let (pressed, keys) = tokio::sync::mpsc::unbounded_channel();
        #[cfg(unix)]
        let keyboard = unix::Keyboard::open(printer, pressed)?;
        #[cfg(windows)]
        let keyboard = windows::Keyboard::open(pressed);
        Some(Self {
            keys,
            _keyboard: keyboard,
        })
    }

    /// The next key that is a character; never returns when there can be none any more.
    pub async fn next(&mut self) -> char {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}
