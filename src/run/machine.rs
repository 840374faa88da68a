//! The loop of every run: what comes from outside goes into a state machine, and what that decides is done.
//!
//! ```text
//! signals, keys ─┐
//! messages ──────┼─> Input ──> Machine ──> Action ──> Driver
//! time ──────────┘
//! ```

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::signals::Signals;

/// What every machine is told, whatever its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    Signal,
    /// What is in place has lasted long enough.
    Enough,
    /// The moment of [`Machine::wake_at`] has come.
    Tick,
}

/// A moment on both clocks: one for durations, one for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub at: Instant,
    pub clock: Timestamp,
}

/// A run's state machine. Pure: the time is given.
pub(crate) trait Machine {
    type Input: From<Outside>;
    type Action;

    /// Takes one input and says what is to be done about it.
    fn handle(&mut self, input: Self::Input, now: Moment) -> Vec<Self::Action>;

    /// When it wants [`Outside::Tick`] at the latest.
    fn wake_at(&self) -> Option<Instant>;

    /// Nothing more is to be done.
    fn is_done(&self) -> bool;
}

/// Who does what a machine decides, and owns its sessions, watches and requests.
pub(crate) trait Driver {
    type Machine: Machine;
    /// What its tasks tell it.
    type Message;

    fn machine(&mut self) -> &mut Self::Machine;

    /// What a message means to the machine, if anything.
    fn take(&mut self, message: Self::Message) -> Option<<Self::Machine as Machine>::Input>;

    fn act(&mut self, actions: Vec<<Self::Machine as Machine>::Action>);
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

/// Drives a machine until it is done; returns how many signals it was told of.
pub(crate) async fn drive<D: Driver>(
    driver: &mut D,
    messages: &mut UnboundedReceiver<D::Message>,
    signals: &Signals,
) -> u32 {
    let mut seen = 0;
    let mut enough = signals.enough_count();
    while !driver.machine().is_done() {
        let wake = driver.machine().wake_at();
        let input = tokio::select! {
            biased;
            () = signals.more_than(seen) => {
                seen += 1;
                Some(Outside::Signal.into())
            }
            () = signals.enough_after(enough) => {
                enough = signals.enough_count();
                Some(Outside::Enough.into())
            }
            Some(message) = messages.recv() => driver.take(message),
            () = at(wake) => Some(Outside::Tick.into()),
        };
        if let Some(input) = input {
            step(driver, input);
        }
    }
    seen
}

/// One input, and what follows from it.
pub(crate) fn step<D: Driver>(driver: &mut D, input: <D::Machine as Machine>::Input) {
    let actions = driver.machine().handle(input, Moment::now());
    driver.act(actions);
}

/// Returns at `wake`; never, where there is none.
pub(crate) async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test]
    async fn a_moment_is_waited_for_and_where_there_is_none_for_ever() {
        let moment = Instant::now() + Duration::from_millis(20);
        at(Some(moment)).await;
        assert!(Instant::now() >= moment);
        assert!(timeout(Duration::from_millis(20), at(None)).await.is_err());
    }
}
