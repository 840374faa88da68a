//! The keyboard of a terminal in raw mode.

use std::collections::VecDeque;
use std::io;

use rustix::io::Errno;
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::{Key, Stop, decode};

/// The keyboard in raw mode, for as long as this lives.
pub(in crate::ui) struct Keys {
    before: Termios,
    bytes: VecDeque<u8>,
    stop: Stop,
}

impl Keys {
    /// What was typed before there was anything to answer is thrown away.
    pub(in crate::ui) fn open(stop: Stop) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        // Ctrl-C comes as a key, so that it is one answer among others and never kills us with the terminal half set up.
        raw.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        raw.input_modes &= !(InputModes::IXON | InputModes::INLCR | InputModes::IGNCR);
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 1; // tenths of a second
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        Ok(Self {
            before,
            bytes: VecDeque::new(),
            stop,
        })
    }

    /// The next key; `None` when asked to stop or when the terminal is gone.
    pub(in crate::ui) fn next(&mut self) -> io::Result<Option<Key>> {
        let mut idle = false;
        loop {
            if self.stop.is_set() {
                return Ok(None);
            }
            if let Some(key) = decode(&mut self.bytes, idle) {
                return Ok(Some(key));
            }
            let mut buffer = [0; 64];
            match rustix::io::read(io::stdin(), &mut buffer) {
                // Nothing for a tenth of a second, or hung up: only asking the terminal tells which.
                Ok(0) if tcgetattr(io::stdin()).is_err() => return Ok(None),
                Ok(0) => idle = true,
                Ok(n) => {
                    idle = false;
                    self.bytes.extend(&buffer[..n]);
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::IO) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}
