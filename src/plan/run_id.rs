//! The id of a run.

/// Six characters that begin with a letter, as a DNS label and an nft table's name may.
pub fn new_run() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..6)
        .map(|place| char::from(LETTERS[rand::random_range(0..if place == 0 { 26 } else { LETTERS.len() })]))
        .collect()
}
