//! Which step of a game day is done when: a pure state machine.
//!
//! ```text
//! a step has ended ──┐
//! a check has failed ┼─> Input ──> Engine ──> Action: start a fault, end it as at its deadline, roll it back
//! signals, keys, time┘
//! ```
//! The first thing that goes wrong ends the game day: what is in place is rolled back, and the rest is skipped.

mod progress;

use tokio::time::Instant;

use self::progress::{Node, Walk};
use super::step::Step;
use crate::run::machine::{Machine, Moment, Outside};

/// Which fault of a game day, in the order of the file; and of a repeated one, which time, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub fault: usize,
    pub time: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Outside(Outside),
    /// A fault is over, and everything of it is back.
    Ended(Turn, Went),
    /// A check has failed too often.
    Abort,
}

/// How a fault went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Went {
    Well,
    Badly,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Start(Turn),
    /// It has lasted long enough.
    Enough(Turn),
    /// Roll it back.
    Stop(Turn),
    /// A second signal: leave without waiting.
    Leave(Turn),
    /// A wait has begun.
    Waits(String, Instant),
}

/// Why a game day ended before all its steps were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Signal,
    Abort,
    /// A step went badly.
    Step,
}

pub(crate) struct Engine {
    root: Node,
    under_way: Vec<Turn>,
    /// How often each fault was started.
    times: Vec<u32>,
    cut: Option<Cut>,
    signals: u32,
}

// === impl Engine ===

impl Engine {
    pub(crate) fn new(steps: &[Step]) -> Self {
        let mut faults = 0;
        let root = Node::serial(steps, &mut faults);
        Self {
            root,
            under_way: Vec::new(),
            times: vec![0; faults],
            cut: None,
            signals: 0,
        }
    }

    /// Begins; to be called once.
    pub(crate) fn begin(&mut self, now: Moment) -> Vec<Action> {
        self.go_on(now.at)
    }

    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut
    }

    pub(crate) fn under_way(&self) -> &[Turn] {
        &self.under_way
    }

    fn go_on(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.cut.is_none() {
            let mut walk = Walk {
                now,
                times: &mut self.times,
                under_way: &mut self.under_way,
                actions: &mut actions,
            };
            self.root.go_on(&mut walk);
        }
        actions
    }

    /// Nothing more is begun, and what is in place is rolled back.
    fn end(&mut self, why: Cut) -> Vec<Action> {
        if self.cut.is_some() {
            return Vec::new();
        }
        self.cut = Some(why);
        self.under_way.iter().copied().map(Action::Stop).collect()
    }
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

impl Machine for Engine {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Moment) -> Vec<Action> {
        match input {
            Input::Outside(Outside::Signal) => {
                self.signals += 1;
                match (self.cut, self.signals) {
                    // What a check has ended is rolled back already: this says nothing new.
                    (Some(Cut::Abort | Cut::Step), 1) => Vec::new(),
                    (_, 1) => self.end(Cut::Signal),
                    _ => self.under_way.iter().copied().map(Action::Leave).collect(),
                }
            }
            Input::Outside(Outside::Enough) => {
                if self.cut.is_none() && self.root.end_waits() {
                    return self.go_on(now.at);
                }
                self.under_way.iter().copied().map(Action::Enough).collect()
            }
            Input::Outside(Outside::Tick) => self.go_on(now.at),
            Input::Abort => self.end(Cut::Abort),
            Input::Ended(turn, went) => {
                self.under_way.retain(|other| *other != turn);
                self.root.ended(turn);
                match went {
                    Went::Well => self.go_on(now.at),
                    Went::Badly => self.end(Cut::Step),
                }
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.cut.is_some() { None } else { self.root.wake_at() }
    }

    fn is_done(&self) -> bool {
        self.under_way.is_empty() && (self.cut.is_some() || self.root.is_over())
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
