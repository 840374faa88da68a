//! Events on the VMIs of a run, left beside it: it never waits for one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::cluster::events::{Happened, Recorder, Regarding};

/// How long Events may take at the end; they are a courtesy.
const LIMIT: Duration = Duration::from_secs(5);

/// The Events of one run.
pub(super) struct Recording {
    recorder: Arc<Recorder>,
    under_way: Mutex<JoinSet<()>>,
}

// === impl Recording ===

impl Recording {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self {
            recorder: Arc::new(recorder),
            under_way: Mutex::default(),
        }
    }

    /// Begins to leave an Event.
    pub(super) fn tell(&self, about: Regarding, happened: Happened, note: String) {
        let recorder = self.recorder.clone();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a run of many hours only those that are under way are kept.
        while under_way.try_join_next().is_some() {}
        under_way.spawn(async move { recorder.record(&about, happened, &note).await });
    }

    /// Waits for those that are under way.
    pub(super) async fn finish(self) {
        let mut under_way = self.under_way.into_inner().unwrap_or_else(PoisonError::into_inner);
        let all = async { while under_way.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LIMIT, all).await;
    }
}
