//! Tokens and names that no other user of the machine can foresee: from the operating system's randomness, never from a
//! seed, a clock or a process number.

use std::fmt::Write as _;

use anyhow::Context as _;
use rand::{TryRng as _, rngs::SysRng};

/// A text of `bytes` random bytes, as two hexadecimal digits each.
pub(crate) fn draw(bytes: usize) -> anyhow::Result<String> {
    let mut drawn = vec![0; bytes];
    SysRng
        .try_fill_bytes(&mut drawn)
        .context("asking the operating system for random bytes")?;
    let mut text = String::with_capacity(2 * bytes);
    for byte in drawn {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
