//! The time, as a state machine is given it.

use jiff::Timestamp;
use tokio::time::Instant;

/// A moment on both clocks: one for durations, one for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub at: Instant,
    pub clock: Timestamp,
}

// === impl Moment ===

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            clock: Timestamp::now(),
        }
    }
}
