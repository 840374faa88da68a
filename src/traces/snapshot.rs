//! What runs have left at one moment.

use super::events::EventSeen;
use super::uncounted::Uncounted;
use super::{Trace, TraceKind};
use crate::report::{RunItem, Time};

/// A copy, which belongs to whoever asked.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Of pods where this program makes debug pods; of migrations, also those that are over; of outages.
    pub traces: Vec<Trace>,
    /// Pods elsewhere that say they are of a run.
    pub uncounted: Vec<Uncounted>,
    /// None where they could not be read.
    pub events: Vec<EventSeen>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Everything that is not over, as lists show it.
    pub fn items(&self, now: Time) -> Vec<RunItem> {
        let mut live: Vec<&Trace> = self.traces.iter().filter(|trace| trace.is_live(now)).collect();
        live.sort_by_key(|trace| (trace.run(), trace.kind()));
        live.into_iter().map(|trace| trace.item(&self.events, now)).collect()
    }

    /// What there is now of one kind, in place of what was.
    pub(super) fn replace(&mut self, kind: TraceKind, now: impl IntoIterator<Item = Trace>) {
        self.traces.retain(|trace| trace.kind() != kind);
        self.traces.extend(now);
    }
}
