//! What is known of every VM of a run. Pure: the time is given.

use std::time::{Duration, Instant};

use super::{CLOCK, Now, State};
use crate::ui::escape;

/// How often a log says that the fault still holds, or what is under way.
const HOLDING: Duration = Duration::from_secs(30);

pub(super) struct Board {
    pub(super) total: usize,
    /// In the order in which they were first heard of.
    pub(super) vms: Vec<Vm>,
    last_line: Instant,
}

pub(super) struct Vm {
    /// `namespace/name`, escaped.
    pub(super) key: String,
    pub(super) node: String,
    pub(super) state: State,
    pub(super) hold: Option<Hold>,
    /// Shown beside an injected fault, escaped.
    pub(super) beside: Option<String>,
}

/// A fault that runs out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) from: Instant,
    pub(super) until: Instant,
}

/// A change of state, as a line of a log.
pub(super) struct Change {
    pub(super) line: String,
    /// Of the line what is about the state.
    pub(super) words: String,
    /// Shown on a terminal too, where it would otherwise be gone with the next frame.
    pub(super) matters: bool,
}

/// What a summary counts, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Leaked,
    Failed,
    Gone,
    Injected,
    RollingBack,
    Moving,
    InProgress,
    Ready,
    PodStarting,
    Waiting,
    Restored,
    Done,
    Skipped,
}

impl Board {
    pub(super) fn new(total: usize, now: &Now) -> Self {
        Self {
            total,
            vms: Vec::new(),
            last_line: now.at,
        }
    }

    /// Takes a state in; `None` when there is nothing new to tell.
    pub(super) fn update(&mut self, key: &str, node: &str, state: State, now: &Now) -> Option<Change> {
        let (key, node) = (escape(key), escape(node));
        let at = self.vms.iter().position(|vm| vm.key == key);
        let before = at.map(|at| (&self.vms[at].state, &self.vms[at].node, self.vms[at].hold));
        let still_held = before.is_some_and(|(before, ..)| before.group() == Group::Injected);
        let same = before.is_some_and(|(before, on, _)| {
            let on_same = *on == node || !state.names_node();
            on_same && (*before == state || (still_held && state.group() == Group::Injected))
        });
        let hold = match state {
            State::Injected { left } => {
                // A correction of the time left must not make the bar jump back to its start.
                let from = before
                    .filter(|_| still_held)
                    .and_then(|(.., hold)| hold)
                    .map_or(now.at, |hold| hold.from);
                Some(Hold {
                    from,
                    until: now.at + left,
                })
            }
            _ => None,
        };
        let matters = matches!(
            state.group(),
            Group::Leaked | Group::Failed | Group::Gone | Group::Moving
        );
        let beside = at.and_then(|at| self.vms[at].beside.take());
        let vm = Vm {
            key,
            node,
            state,
            hold,
            beside,
        };
        let change = (!same).then(|| {
            let words = vm.words(now);
            Change {
                line: format!("{}  {}  {words}", now.clock.strftime(CLOCK), vm.key),
                words,
                matters,
            }
        });
        match at {
            Some(at) => self.vms[at] = vm,
            None => self.vms.push(vm),
        }
        if change.is_some() {
            self.last_line = now.at;
        }
        change
    }

    /// Takes in what is said beside a VM's state.
    pub(super) fn beside(&mut self, key: &str, text: &str) {
        let key = escape(key);
        if let Some(vm) = self.vms.iter_mut().find(|vm| vm.key == key) {
            vm.beside = Some(escape(text));
        }
    }

    /// A line that says the fault still holds, or a step still lasts, when nothing was said for 30 s.
    pub(super) fn holding(&mut self, now: &Now) -> Option<String> {
        if now.at.saturating_duration_since(self.last_line) < HOLDING {
            return None;
        }
        let lasts = |vm: &&Vm| vm.hold.is_some() || matches!(vm.state, State::Step(_));
        let mut held = self.vms.iter().filter(lasts);
        let first = held.next()?;
        let text = match held.next() {
            None => format!("{}  {}", first.key, first.words(now)),
            Some(_) if self.vms.iter().all(|vm| vm.hold.is_none()) => self.end(),
            Some(_) => format!("{}, {}", self.end(), ends(left(&self.vms, now.at), now)),
        };
        self.last_line = now.at;
        Some(format!("{}  {text}", now.clock.strftime(CLOCK)))
    }

    /// How it went, in one line.
    pub(super) fn end(&self) -> String {
        format!("{}: {}", self.vms(), count(&self.vms))
    }

    fn vms(&self) -> String {
        match self.total.max(self.vms.len()) {
            1 => "1 VM".to_owned(),
            n => format!("{n} VMs"),
        }
    }
}

impl Vm {
    /// What it does where, e.g. `injected on node-1, 120s left, until 12:05:04`.
    pub(super) fn words(&self, now: &Now) -> String {
        let node = self.on();
        match &self.state {
            State::Waiting => "waiting".to_owned(),
            State::PodStarting => format!("pod starting{node}"),
            State::Ready => format!("armed{node}"),
            State::Injected { .. } => {
                let ends = ends(self.left(now.at).unwrap_or_default(), now);
                format!("injected{node}, {ends}{}", self.and_beside())
            }
            State::RollingBack => format!("rolling back{node}"),
            State::Restored => format!("restored{node}"),
            State::Failed(why) => format!("failed{node}: {}", escape(why)),
            State::Gone => format!("gone: the guest ended under the fault{node}"),
            State::Leaked => format!("MAY STILL BE IN PLACE{node}"),
            State::Moving { to } => format!("moving to {}", escape(to)),
            State::Skipped => "skipped".to_owned(),
            State::Step(what) | State::Done(what) | State::Cancelled(what) => escape(what),
        }
    }

    /// ` on NODE`, where that is known.
    pub(super) fn on(&self) -> String {
        if self.node.is_empty() {
            String::new()
        } else {
            format!(" on {}", self.node)
        }
    }

    /// What is said beside the state, after a comma.
    pub(super) fn and_beside(&self) -> String {
        let beside = self.beside.as_ref();
        beside.map_or_else(String::new, |text| format!(", {text}"))
    }

    /// Time until the fault ends by itself.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.hold.map(|hold| hold.until.saturating_duration_since(now))
    }
}

impl State {
    /// Whether it is told with the node it is on.
    fn names_node(&self) -> bool {
        !matches!(
            self,
            Self::Waiting | Self::Moving { .. } | Self::Skipped | Self::Cancelled(_) | Self::Step(_) | Self::Done(_)
        )
    }

    pub(super) fn group(&self) -> Group {
        match self {
            Self::Waiting => Group::Waiting,
            Self::PodStarting => Group::PodStarting,
            Self::Ready => Group::Ready,
            Self::Injected { .. } => Group::Injected,
            Self::RollingBack => Group::RollingBack,
            Self::Restored => Group::Restored,
            Self::Failed(_) => Group::Failed,
            Self::Gone => Group::Gone,
            Self::Leaked => Group::Leaked,
            Self::Moving { .. } => Group::Moving,
            Self::Skipped | Self::Cancelled(_) => Group::Skipped,
            Self::Step(_) => Group::InProgress,
            Self::Done(_) => Group::Done,
        }
    }
}

impl Group {
    pub(super) fn is_final(self) -> bool {
        matches!(
            self,
            Self::Leaked | Self::Failed | Self::Gone | Self::Restored | Self::Done | Self::Skipped
        )
    }

    fn word(self) -> &'static str {
        match self {
            Self::Leaked => "MAY STILL BE IN PLACE",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Injected => "injected",
            Self::RollingBack => "rolling back",
            Self::Moving => "moving",
            Self::InProgress => "in progress",
            Self::Ready => "armed",
            Self::PodStarting => "pod starting",
            Self::Waiting => "waiting",
            Self::Restored => "restored",
            Self::Done => "done",
            Self::Skipped => "skipped",
        }
    }
}

/// e.g. `1 failed, 10 injected, 2 restored`.
pub(super) fn count<'a>(vms: impl IntoIterator<Item = &'a Vm>) -> String {
    let mut counts: std::collections::BTreeMap<Group, usize> = std::collections::BTreeMap::new();
    for vm in vms {
        *counts.entry(vm.state.group()).or_default() += 1;
    }
    if counts.is_empty() {
        return "nothing done".to_owned();
    }
    counts
        .iter()
        .map(|(group, n)| format!("{n} {}", group.word()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Time until the last of the faults ends.
pub(super) fn left<'a>(vms: impl IntoIterator<Item = &'a Vm>, now: Instant) -> Duration {
    vms.into_iter().filter_map(|vm| vm.left(now)).max().unwrap_or_default()
}

/// When a fault ends, on both clocks, e.g. `120s left, until 12:05:04`: whole seconds, rounded up, `0s` only when it is over.
pub(super) fn ends(left: Duration, now: &Now) -> String {
    let until = (&now.clock + left).strftime(CLOCK);
    format!("{}s left, until {until}", left.as_millis().div_ceil(1000))
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
