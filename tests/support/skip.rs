//! What a machine lacks for a test is said where everybody sees it, and not only with `--nocapture`.

use std::io::Write as _;

/// Says that a test was not made here, and why, past the capture of what tests print.
pub(crate) fn skip(test: &str, why: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {test}: {why}");
}
