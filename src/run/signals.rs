//! What is said to a run from outside: SIGINT, SIGTERM, SIGHUP and SIGQUIT, counted, and that somebody has seen enough.
//!
//! The first signal rolls back, the second leaves. Installed before the first prompt and for the life of the process: tokio
//! never gives the default action back, so a second Ctrl-C has to be acted on by us. A SIGHUP that was ignored when the command
//! started stays ignored, as `nohup` means it.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

/// Counts what is said; clones see the same.
#[derive(Debug, Clone)]
pub struct Signals {
    count: Arc<watch::Sender<u32>>,
    enough: Arc<watch::Sender<u32>>,
}

// === impl Signals ===

impl Signals {
    /// Starts listening. Must be called inside a runtime.
    pub fn install() -> io::Result<Self> {
        let signals = Self::none();
        for mut signal in listen()? {
            let signals = signals.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    signals.raise();
                }
            });
        }
        Ok(signals)
    }

    /// None yet; nothing from outside is listened for.
    pub(crate) fn none() -> Self {
        Self {
            count: Arc::new(watch::Sender::new(0)),
            enough: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Counts one more signal, as if it had come from outside.
    pub fn raise(&self) {
        self.count.send_modify(|count| *count += 1);
    }

    /// How many there have been.
    pub fn count(&self) -> u32 {
        *self.count.borrow()
    }

    /// Waits until there have been more than `seen`.
    pub async fn more_than(&self, seen: u32) {
        passed(&self.count, seen).await;
    }

    /// Waits for the first.
    pub async fn any(&self) {
        self.more_than(0).await;
    }

    /// Says that what is in place now has lasted long enough: it ends as at its deadline.
    pub fn say_enough(&self) {
        self.enough.send_modify(|count| *count += 1);
    }

    /// How often that was said.
    pub fn enough_count(&self) -> u32 {
        *self.enough.borrow()
    }

    /// Waits until it was said more than `seen` times.
    pub async fn enough_after(&self, seen: u32) {
        passed(&self.enough, seen).await;
    }
}

async fn passed(count: &watch::Sender<u32>, seen: u32) {
    // The sender is ours, so that there is always one.
    let _ = count.subscribe().wait_for(|count| *count > seen).await;
}

#[cfg(unix)]
fn listen() -> io::Result<Vec<tokio::signal::unix::Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
    if !ignores(SignalKind::hangup()) {
        kinds.push(SignalKind::hangup());
    }
    kinds.into_iter().map(signal).collect()
}

/// Whether a signal is ignored by what started this process. Only Linux tells without unsafe code; elsewhere nothing is taken
/// for ignored.
#[cfg(unix)]
fn ignores(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_ignored(&status, kind.as_raw_value())
}

/// Reads the mask of ignored signals in `proc_pid_status(5)`: bit 0 is signal 1.
#[cfg(unix)]
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u128::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Whether it is over by now.
    async fn is_over(wait: impl Future<Output = ()>) -> bool {
        timeout(Duration::from_millis(20), wait).await.is_ok()
    }

    #[tokio::test]
    async fn what_is_said_is_counted_and_whoever_waits_for_more_hears_it() {
        let signals = Signals::none();
        let same = signals.clone();
        assert!(!is_over(signals.any()).await && !is_over(signals.enough_after(0)).await);
        for said in 1..=2 {
            same.raise();
            assert_eq!((signals.count(), signals.enough_count()), (said, said - 1));
            assert!(is_over(signals.any()).await && is_over(signals.more_than(said - 1)).await);
            assert!(!is_over(signals.more_than(said)).await);
            same.say_enough();
            assert_eq!((signals.count(), signals.enough_count()), (said, said));
            assert!(is_over(signals.enough_after(said - 1)).await && !is_over(signals.enough_after(said)).await);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_mask_of_ignored_signals() {
        let status = "Name:\tx\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\n";
        let ignored: Vec<i32> = (1..=64).filter(|signal| is_ignored(status, *signal)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!is_ignored("", 1));
    }
}

#[cfg(windows)]
fn listen() -> io::Result<Vec<tokio::signal::windows::CtrlC>> {
    Ok(vec![tokio::signal::windows::ctrl_c()?])
}
