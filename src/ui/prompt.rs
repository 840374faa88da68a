//! What every prompt has in common: it needs somebody to ask, and it ends when the run does.
//!
//! No library's, not even for a y/N: dialoguer reads with console, which waits in the terminal's raw mode until a key comes, so that
//! a SIGTERM ends neither the prompt nor the mode; after Ctrl-C it leaves the cursor hidden; and its lists take no reason why a
//! row cannot be chosen.

use std::future::Future;
use std::io;

use super::Printer;
use super::keys::{Key, Keys, Stop};
use super::screen::Screen;

/// Nobody can be asked here, and what to pass instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal} ({why})")]
pub struct NoTerminal {
    /// What is not done, e.g. `refusing to change 3 VMs without confirmation`.
    pub refusal: String,
    pub why: &'static str,
    /// The flags that would do.
    pub instead: String,
}

/// Runs a blocking prompt beside `cancel`, which is whatever ends the run: SIGINT, SIGTERM, SIGHUP.
///
/// `None` when cancelled; the prompt has then put the terminal back already.
pub(super) async fn beside<T: Send + 'static>(
    cancel: impl Future<Output = ()>,
    prompt: impl FnOnce(Stop) -> io::Result<T> + Send + 'static,
) -> io::Result<Option<T>> {
    let stop = Stop::default();
    // Also when this future is dropped half way.
    let _guard = StopOnDrop(stop.clone());
    let mut asked = tokio::task::spawn_blocking({
        let stop = stop.clone();
        move || prompt(stop)
    });
    tokio::select! {
        answer = &mut asked => answer.map_err(io::Error::other)?.map(Some),
        () = cancel => {
            stop.set();
            asked.await.map_err(io::Error::other)??;
            Ok(None)
        }
    }
}

/// Draws a model and hands it the keys until it has its answer; `None` when cancelled. `draw` gets the window's columns and rows,
/// and whether there is colour.
pub(super) async fn dialogue<M: Send + 'static, A: Send + 'static>(
    printer: &Printer,
    cancel: impl Future<Output = ()>,
    mut model: M,
    draw: fn(&mut M, usize, usize, bool) -> Vec<String>,
    press: fn(&mut M, Key) -> Option<A>,
) -> io::Result<Option<A>> {
    let printer = printer.clone();
    let answer = beside(cancel, move |stop| {
        let mut keys = Keys::open(stop)?;
        let mut screen = Screen::open(printer.clone());
        loop {
            let (width, height) = Screen::size();
            screen.draw(&draw(&mut model, width, height, printer.look().colour));
            let Some(key) = keys.next()? else { return Ok(None) };
            if let Some(answer) = press(&mut model, key) {
                return Ok(Some(answer));
            }
        }
    });
    Ok(answer.await?.flatten())
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
