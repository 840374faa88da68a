//! What every prompt has in common: it needs somebody to ask, and it ends when the run does.

use std::future::Future;
use std::io;

use super::keys::Stop;

/// Nobody can be asked here, and what to pass instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal} ({why})\nhint: {instead}")]
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
            if cfg!(unix) {
                asked.await.map_err(io::Error::other)??;
            }
            Ok(None)
        }
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
