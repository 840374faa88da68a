//! SIGINT, SIGTERM and SIGHUP, counted: the first rolls back, the second leaves.
//!
//! Installed before the first prompt and for the life of the process: tokio never gives the default action back, so a
//! second Ctrl-C has to be acted on by us.

use std::io;

use tokio::sync::watch;

/// Counts signals; clones see the same ones.
#[derive(Debug, Clone)]
pub struct Signals(watch::Receiver<u32>);

// === impl Signals ===

impl Signals {
    /// Starts listening. Must be called inside a runtime.
    pub fn install() -> io::Result<Self> {
        let (count, receiver) = watch::channel(0);
        for mut signal in listen()? {
            let count = count.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Ok(Self(receiver))
    }

    /// How many there have been.
    pub fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Waits until there have been more than `seen`; never returns when no more can come.
    pub async fn more_than(&mut self, seen: u32) {
        if self.0.wait_for(|count| *count > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the first.
    pub async fn any(&mut self) {
        self.more_than(0).await;
    }
}

#[cfg(unix)]
fn listen() -> io::Result<Vec<tokio::signal::unix::Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .map(signal)
        .collect()
}

#[cfg(windows)]
fn listen() -> io::Result<Vec<tokio::signal::windows::CtrlC>> {
    Ok(vec![tokio::signal::windows::ctrl_c()?])
}
