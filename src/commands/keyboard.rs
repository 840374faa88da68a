//! The keys while a run goes on: `r` has seen enough, `q` is Ctrl-C.

use tokio::task::JoinHandle;

use crate::faults::Keys;
use crate::run::signals::Signals;
use crate::ui::progress::Keys as Lines;
use crate::ui::{Hotkeys, Printer, Progress};

/// Listens for as long as it lives.
pub(super) struct Keyboard(Option<JoinHandle<()>>);

impl Keyboard {
    /// Says below the progress what the keys do, and does it. Without a terminal there are none.
    pub(super) fn open(printer: &Printer, progress: &Progress, signals: &Signals, keys: &Keys) -> Self {
        let Some(mut hotkeys) = Hotkeys::open(printer) else {
            return Self(None);
        };
        progress.offer(offer(keys));
        let (progress, signals, again) = (progress.clone(), signals.clone(), offer_again(keys));
        Self(Some(tokio::spawn(async move {
            let mut stopping = false;
            loop {
                tokio::select! {
                    () = signals.any(), if !stopping => {
                        stopping = true;
                        progress.offer(again.clone());
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

fn offer(keys: &Keys) -> Lines {
    let line = |enough: Option<&str>| {
        let stop = format!("q or Ctrl-C {}", keys.stop);
        enough.map_or_else(|| stop.clone(), |enough| format!("r {enough}; {stop}"))
    };
    Lines {
        while_held: Some(line(keys.enough.or(keys.enough_always))),
        otherwise: Some(line(keys.enough_always)),
    }
}

/// After a signal, by a key or not.
fn offer_again(keys: &Keys) -> Lines {
    Lines {
        while_held: None,
        otherwise: Some(format!(
            "{}; Ctrl-C again leaves before that is verified",
            keys.stopping
        )),
    }
}
