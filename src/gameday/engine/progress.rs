//! How far each step is, and which is due next.

use std::time::Duration;

use tokio::time::Instant;

use super::{Action, Turn};
use crate::gameday::step::{self, Repeat, Step};

/// A step with how far it is.
pub(super) enum Node {
    Wait {
        name: String,
        lasts: Duration,
        until: Option<Instant>,
        over: bool,
    },
    Serial {
        inner: Vec<Node>,
        at: usize,
    },
    Parallel(Vec<Node>),
    Fault {
        fault: usize,
        turn: Option<Turn>,
        over: bool,
    },
    Repeated {
        repeat: Repeat,
        step: Box<Step>,
        /// The number of the first fault in it.
        first: usize,
        done: u32,
        inner: Option<Box<Node>>,
        /// When the one under way, or the last one, began.
        began: Option<Instant>,
    },
}

/// What a walk through the steps needs and changes.
pub(super) struct Walk<'a> {
    pub(super) now: Instant,
    pub(super) times: &'a mut [u32],
    pub(super) under_way: &'a mut Vec<Turn>,
    pub(super) actions: &'a mut Vec<Action>,
}

// === impl Node ===

impl Node {
    pub(super) fn serial(steps: &[Step], faults: &mut usize) -> Self {
        Self::Serial {
            inner: steps.iter().map(|step| Self::new(step, faults)).collect(),
            at: 0,
        }
    }

    fn new(step: &Step, faults: &mut usize) -> Self {
        if step.repeat.times > 1 {
            let first = *faults;
            *faults += step.faults().len();
            let once = Step {
                repeat: Repeat::ONCE,
                ..step.clone()
            };
            return Self::Repeated {
                repeat: step.repeat,
                step: Box::new(once),
                first,
                done: 0,
                inner: None,
                began: None,
            };
        }
        match &step.action {
            step::Action::Wait(lasts) => Self::Wait {
                name: step.name.clone(),
                lasts: *lasts,
                until: None,
                over: false,
            },
            step::Action::Serial(steps) => Self::serial(steps, faults),
            step::Action::Parallel(steps) => Self::Parallel(steps.iter().map(|step| Self::new(step, faults)).collect()),
            step::Action::Fault(_) => {
                let fault = *faults;
                *faults += 1;
                Self::Fault {
                    fault,
                    turn: None,
                    over: false,
                }
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Wait { over, .. } | Self::Fault { over, .. } => *over,
            Self::Serial { inner, at } => *at >= inner.len(),
            Self::Parallel(inner) => inner.iter().all(Self::is_over),
            Self::Repeated { repeat, done, .. } => *done >= repeat.times,
        }
    }

    /// Begins what is due.
    pub(super) fn go_on(&mut self, walk: &mut Walk<'_>) {
        match self {
            Self::Wait {
                name,
                lasts,
                until,
                over,
            } => {
                let end = *until.get_or_insert_with(|| {
                    let end = walk.now + *lasts;
                    walk.actions.push(Action::Waits(name.clone(), end));
                    end
                });
                *over = *over || walk.now >= end;
            }
            Self::Serial { inner, at } => {
                while let Some(node) = inner.get_mut(*at) {
                    node.go_on(walk);
                    if !node.is_over() {
                        return;
                    }
                    *at += 1;
                }
            }
            Self::Parallel(inner) => inner.iter_mut().for_each(|node| node.go_on(walk)),
            Self::Fault { fault, turn, .. } => {
                if turn.is_none() {
                    let times = &mut walk.times[*fault];
                    *times += 1;
                    let now = Turn {
                        fault: *fault,
                        time: *times,
                    };
                    *turn = Some(now);
                    walk.under_way.push(now);
                    walk.actions.push(Action::Start(now));
                }
            }
            Self::Repeated {
                repeat,
                step,
                first,
                done,
                inner,
                began,
            } => {
                while *done < repeat.times {
                    let due = began.is_none_or(|began| walk.now >= began + repeat.every);
                    if inner.is_none() && !due {
                        return;
                    }
                    let node = inner.get_or_insert_with(|| {
                        *began = Some(walk.now);
                        Box::new(Self::new(step, &mut first.clone()))
                    });
                    node.go_on(walk);
                    if !node.is_over() {
                        return;
                    }
                    *inner = None;
                    *done += 1;
                }
            }
        }
    }

    pub(super) fn ended(&mut self, which: Turn) {
        match self {
            Self::Wait { .. } => {}
            Self::Fault { turn, over, .. } => *over = *over || *turn == Some(which),
            Self::Serial { inner, .. } | Self::Parallel(inner) => inner.iter_mut().for_each(|node| node.ended(which)),
            Self::Repeated { inner, .. } => inner.iter_mut().for_each(|node| node.ended(which)),
        }
    }

    /// Ends the waits under way; whether there was one.
    pub(super) fn end_waits(&mut self) -> bool {
        match self {
            Self::Wait {
                until: Some(_), over, ..
            } => !std::mem::replace(over, true),
            Self::Wait { .. } | Self::Fault { .. } => false,
            Self::Serial { inner, .. } | Self::Parallel(inner) => {
                // Every one of them, not only the first.
                inner
                    .iter_mut()
                    .filter_map(|node| node.end_waits().then_some(()))
                    .count()
                    > 0
            }
            Self::Repeated {
                inner,
                began,
                repeat,
                done,
                ..
            } => match inner {
                Some(node) => node.end_waits(),
                // Between two of them.
                None if *done > 0 && *done < repeat.times => began.take().is_some(),
                None => false,
            },
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self {
            Self::Wait { until, over, .. } => until.filter(|_| !over),
            Self::Fault { .. } => None,
            Self::Serial { inner, at } => inner.get(*at).and_then(Self::wake_at),
            Self::Parallel(inner) => inner.iter().filter_map(Self::wake_at).min(),
            Self::Repeated {
                inner,
                began,
                repeat,
                done,
                ..
            } => match inner {
                Some(node) => node.wake_at(),
                None if *done > 0 && *done < repeat.times => began.map(|began| began + repeat.every),
                None => None,
            },
        }
    }
}
