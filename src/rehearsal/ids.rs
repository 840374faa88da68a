//! Names, uids and addresses from a seed: the same seed makes the same world, whatever version of a random library is
//! in use.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a text: what is to be the same whenever the text is.
pub(crate) fn digest(text: &str) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        // A String takes everything.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// Letters of Kubernetes' generated names: no vowels, so that no words come out.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A stream of numbers (splitmix64) and what is made of them.
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random (version 4) UUID.
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 48) & 0x3fff,
            b & 0xffff_ffff_ffff
        )
    }

    /// The five letters after a `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        (0..5)
            .map(|_| char::from(LETTERS[usize::try_from(self.next() % 27).unwrap_or_default()]))
            .collect()
    }

    /// Hexadecimal digits, for container ids and image digests.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(digits);
        text
    }

    /// A locally administered MAC address.
    pub(crate) fn mac(&mut self) -> String {
        let n = self.next();
        format!(
            "02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            n & 0xff,
            (n >> 8) & 0xff,
            (n >> 16) & 0xff,
            (n >> 24) & 0xff,
            (n >> 32) & 0xff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_ids_of_the_right_form() {
        let (mut one, mut two) = (Ids::new(7), Ids::new(7));
        let uid = one.uid();
        assert_eq!(uid, two.uid());
        assert_ne!(uid, one.uid());
        let form: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(form, [8, 4, 4, 4, 12]);
        assert_eq!(one.hex(64).len(), 64);
        assert_eq!(one.suffix().len(), 5);
    }
}
