//! The keys while a run goes on: `r` has seen enough, `q` is Ctrl-C.

use tokio::task::JoinHandle;

use crate::run::signals::Signals;
use crate::ui::progress::Keys;
use crate::ui::{Hotkeys, Printer, Progress};

/// Listens for as long as it lives.
pub(super) struct Keyboard(Option<JoinHandle<()>>);

/// What the keys of a run are said to do.
pub(super) struct Words {
    /// What `r` does while a VM has its fault; `None` where it does nothing.
    pub enough: Option<&'static str>,
    /// What `r` does at any time.
    pub enough_always: Option<&'static str>,
    /// What `q` does.
    pub stop: &'static str,
    /// What is going on after that.
    pub stopping: &'static str,
}

impl Keyboard {
    /// Says below the progress what the keys do, and does it. Without a terminal there are none.
    pub(super) fn open(printer: &Printer, progress: &Progress, signals: &Signals, words: Words) -> Self {
        let Some(mut hotkeys) = Hotkeys::open(printer) else {
            return Self(None);
        };
        progress.offer(words.offer());
        let (progress, signals) = (progress.clone(), signals.clone());
        Self(Some(tokio::spawn(async move {
            let mut stopping = false;
            loop {
                tokio::select! {
                    () = signals.any(), if !stopping => {
                        stopping = true;
                        progress.offer(words.offer_again());
                    }
                    key = hotkeys.next() => match key {
                        'r' | 'R' => signals.say_enough(),
                        'q' | 'Q' => signals.raise(),
                        _ => {}
                    }
                }
            }
        })))
    }

    /// Gives the terminal back.
    pub(super) async fn close(self) {
        if let Some(task) = self.0 {
            task.abort();
            // Until it has let go of the keyboard.
            let _ = task.await;
        }
    }
}

impl Words {
    fn offer(&self) -> Keys {
        let line = |enough: Option<&str>| {
            let stop = format!("q or Ctrl-C {}", self.stop);
            enough.map_or_else(|| stop.clone(), |enough| format!("r {enough}; {stop}"))
        };
        Keys {
            while_held: Some(line(self.enough.or(self.enough_always))),
            otherwise: Some(line(self.enough_always)),
        }
    }

    /// After a signal, by a key or not.
    fn offer_again(&self) -> Keys {
        Keys {
            while_held: None,
            otherwise: Some(format!(
                "{}; Ctrl-C again leaves before that is verified",
                self.stopping
            )),
        }
    }
}
