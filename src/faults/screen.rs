//! The screen of a run, and the Events it leaves on VMIs beside it: it never waits for one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::cluster::events::{Happened, Recorder, Regarding};
use crate::ui::{Printer, Progress};

/// How long Events may take at the end; they are a courtesy.
const LIMIT: Duration = Duration::from_secs(5);

/// The progress and the Events of one run.
pub(crate) struct Screen {
    pub(crate) progress: Progress,
    /// A terminal forgets the rows of what is over.
    pub(crate) live: bool,
    recorder: Arc<Recorder>,
    under_way: Mutex<JoinSet<()>>,
}

// === impl Screen ===

impl Screen {
    /// For a run on so many VMs.
    pub(crate) fn new(printer: &Printer, total: usize, recorder: Recorder) -> Self {
        Self {
            progress: Progress::new(printer, total),
            live: printer.look().live,
            recorder: Arc::new(recorder),
            under_way: Mutex::default(),
        }
    }

    /// For a run that shares its progress with others.
    pub(crate) fn on(progress: Progress, printer: &Printer, recorder: Recorder) -> Self {
        Self {
            progress,
            live: printer.look().live,
            recorder: Arc::new(recorder),
            under_way: Mutex::default(),
        }
    }

    /// Begins to leave an Event.
    pub(crate) fn tell(&self, about: Regarding, happened: Happened, note: String) {
        let recorder = self.recorder.clone();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a run of many hours only those that are under way are kept.
        while under_way.try_join_next().is_some() {}
        under_way.spawn(async move { recorder.record(&about, happened, &note).await });
    }

    /// Takes the progress off the screen, and waits for the Events that are under way.
    pub(crate) async fn finish(self) {
        self.progress.finish();
        self.events().await;
    }

    /// Waits for the Events that are under way.
    pub(crate) async fn events(self) {
        let mut under_way = self.under_way.into_inner().unwrap_or_else(PoisonError::into_inner);
        let all = async { while under_way.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LIMIT, all).await;
    }
}
