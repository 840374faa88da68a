//! How far a run is: bars on a terminal, one plain line a change elsewhere.
//!
//! ```text
//! run ── update(key, node, State) ──> Board ──> bars    a terminal: one line a VM, or a node where VMs do not fit
//!                                          └──> lines   a log: one a change, one every 30 s while holding
//! ```
//! The board is pure and is given the time; a thread of its own moves the remaining time, because the task that drives the
//! run may be waiting for a node.

mod bars;
mod board;
mod view;

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use jiff::Zoned;

use self::bars::Bars;
use self::board::Board;
use super::{Printer, Told};

/// How often the remaining time moves on a terminal.
const FRAME: Duration = Duration::from_millis(500);

/// What is on the screen of a run. Clones show the same.
#[derive(Clone)]
pub struct Progress {
    inner: Arc<Inner>,
    /// The step of a game day whose VMs are shown.
    step: Option<Step>,
}

/// A step of a game day.
#[derive(Clone)]
struct Step {
    name: Arc<str>,
    /// Is called when its fault is in place on a VM.
    injected: Arc<dyn Fn() + Send + Sync>,
}

/// Where a VM is in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Waiting,
    PodStarting,
    /// Armed: what ends the fault is in place, the fault is not.
    Ready,
    /// The fault is in place and was read back; it ends when `left` has passed.
    Injected {
        left: Duration,
    },
    RollingBack,
    Restored,
    /// Why, in one sentence; everything is back.
    Failed(String),
    /// The guest or its network namespace ended under the fault.
    Gone,
    /// Something is still in place.
    Leaked,
    /// The VM is being migrated to another node.
    Moving {
        to: String,
    },
    Skipped,
    /// Begun, ended early, and as it was before, e.g. `cancelled, node-1 to node-2`; counted as skipped.
    Cancelled(String),
    /// A step that is none of the above, e.g. `migrating: TargetReady`, `down for 12s`.
    Step(String),
    /// A good end that is none of the above, e.g. `migrated to node-2 in 14s`.
    Done(String),
}

/// A row below the bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) is_bad: bool,
}

/// What the keys do, below the bars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// While a VM has its fault.
    pub while_held: Option<String>,
    pub otherwise: Option<String>,
}

/// A moment on both clocks: one for durations, one for people.
#[derive(Debug, Clone)]
struct Now {
    at: Instant,
    clock: Zoned,
}

struct Inner {
    printer: Printer,
    screen: Mutex<Screen>,
    /// Dropped with this; the ticking thread then ends.
    _alive: Sender<()>,
}

struct Screen {
    board: Board,
    /// `None` off a terminal, and once finished.
    bars: Option<Bars>,
    /// Rows below the VMs.
    lines: Vec<Line>,
    keys: Keys,
    finished: bool,
}

impl Progress {
    /// Shows a run of `total` VMs.
    pub fn new(printer: &Printer, total: usize) -> Self {
        let bars = printer.look().live.then(|| Bars::open(printer));
        let every = if bars.is_some() { FRAME } else { Duration::from_secs(1) };
        let (alive, ended) = mpsc::channel();
        let screen = Screen {
            board: Board::new(total, &Now::read()),
            bars,
            lines: Vec::new(),
            keys: Keys::default(),
            finished: false,
        };
        let inner = Arc::new(Inner {
            printer: printer.clone(),
            screen: Mutex::new(screen),
            _alive: alive,
        });
        let watched: Weak<Inner> = Arc::downgrade(&inner);
        std::thread::spawn(move || {
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let Some(inner) = watched.upgrade() else {
                    return;
                };
                Self { inner, step: None }.tick();
            }
        });
        Self { inner, step: None }
    }

    /// The same screen, for the VMs of one step of a game day; `injected` is called when its fault is in place on a VM.
    #[must_use]
    pub(crate) fn of_step(&self, name: &str, injected: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            step: Some(Step {
                name: name.into(),
                injected: Arc::new(injected),
            }),
        }
    }

    /// A VM as it is shown.
    fn shown(&self, key: &str) -> String {
        match &self.step {
            Some(step) => format!("{}  {key}", step.name),
            None => key.to_owned(),
        }
    }

    /// Says where a VM is. `key` is `namespace/name`; the same state again only corrects the time left.
    pub fn update(&self, key: &str, node: &str, state: State) {
        if let (Some(step), State::Injected { .. }) = (&self.step, &state) {
            (step.injected)();
        }
        let mut screen = self.lock();
        let now = Now::read();
        let change = screen.board.update(&self.shown(key), node, state, &now);
        let drawn = screen.bars.as_ref().is_some_and(Bars::are_drawn);
        let log_it = !drawn || change.as_ref().is_some_and(|change| change.matters);
        if let Some(change) = &change {
            self.inner.printer.tell(&Told::Vm {
                step: self.step.as_ref().map(|step| &*step.name),
                vmi: key,
                node,
                text: &change.words,
            });
        }
        if let Some(change) = change.filter(|_| log_it) {
            self.inner.printer.line(&change.line);
        }
        screen.draw(&now);
    }

    /// Says below the bars what the keys do from now on.
    pub fn offer(&self, keys: Keys) {
        let mut screen = self.lock();
        screen.keys = keys;
        screen.draw(&Now::read());
    }

    /// Says more about the run below the VMs; on a terminal only, for it changes often.
    pub(crate) fn below(&self, lines: Vec<Line>) {
        let mut screen = self.lock();
        screen.lines = lines;
        screen.draw(&Now::read());
    }

    /// Says something about a VM beside its state while its fault is in place, e.g. `probe 204 ms`.
    pub fn beside(&self, key: &str, text: &str) {
        let mut screen = self.lock();
        screen.board.beside(&self.shown(key), text);
        screen.draw(&Now::read());
    }

    /// A line for a person, above the bars.
    pub fn note(&self, text: &str) {
        self.inner.printer.tell(&Told::Note(text));
        if self.inner.printer.look().live {
            self.inner.printer.line(text);
        } else {
            self.inner
                .printer
                .line(&format!("{}  {text}", Now::read().clock.strftime(CLOCK)));
        }
    }

    /// Takes the bars off the screen and says in one line how it went. Nothing is shown afterwards.
    pub fn finish(&self) {
        let mut screen = self.lock();
        if screen.finished {
            return;
        }
        screen.finished = true;
        let live = screen.bars.take().map(|bars| bars.close(&self.inner.printer)).is_some();
        let end = screen.board.end();
        drop(screen);
        if live {
            self.inner.printer.line(&end);
        } else {
            self.note(&end);
        }
    }

    fn tick(&self) {
        let mut screen = self.lock();
        if screen.finished {
            return;
        }
        let now = Now::read();
        if screen.bars.is_some() {
            screen.draw(&now);
        } else if let Some(line) = screen.board.holding(&now) {
            self.inner.printer.line(&line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.inner.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    fn draw(&self, now: &Now) {
        if let Some(bars) = &self.bars {
            let (height, width) = Bars::size();
            let held = self.board.vms.iter().any(|vm| vm.hold.is_some());
            let keys = self.keys.while_held.as_deref().filter(|_| held);
            let keys = keys.or(self.keys.otherwise.as_deref());
            let mut rows = view::rows(&self.board, now, height.saturating_sub(self.lines.len()));
            rows.extend(self.lines.iter().map(view::line_row));
            bars.show(&rows, keys, width);
        }
    }
}

impl Drop for Inner {
    /// An error on the way out must not leave bars on the screen that others then print around.
    fn drop(&mut self) {
        let screen = self.screen.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(bars) = screen.bars.take() {
            bars.close(&self.printer);
        }
    }
}

/// Clock times are local: they are compared with a watch.
const CLOCK: &str = "%H:%M:%S";

impl Now {
    fn read() -> Self {
        Self {
            at: Instant::now(),
            clock: Zoned::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Look;

    #[test]
    fn off_a_terminal_every_change_is_one_plain_line() {
        let (printer, recorded) = Printer::recording(Look::default());
        let progress = Progress::new(&printer, 1);
        progress.update("default/web-1", "node-1", State::PodStarting);
        progress.update(
            "default/web-1",
            "node-1",
            State::Injected {
                left: Duration::from_secs(120),
            },
        );
        progress.update(
            "default/web-1",
            "node-1",
            State::Injected {
                left: Duration::from_secs(119),
            },
        );
        progress.note("signal: rolling back");
        progress.update("default/web-1", "node-1", State::Restored);
        progress.finish();
        progress.finish();
        let lines: Vec<String> = recorded.err().lines().map(|line| line[8..].to_owned()).collect();
        let (held, until) = lines[1].split_at(lines[1].len() - "12:05:04".len());
        assert!(
            held.ends_with("120s left, until ") && until.matches(':').count() == 2,
            "{lines:?}"
        );
        let lines = [&lines[..1], &[held.to_owned()], &lines[2..]].concat();
        assert_eq!(
            lines,
            [
                "  default/web-1  pod starting on node-1",
                "  default/web-1  injected on node-1, 120s left, until ",
                "  signal: rolling back",
                "  default/web-1  restored on node-1",
                "  1 VM: 1 restored",
            ]
        );
        assert!(!recorded.err().contains('\x1b'));
        assert_eq!(recorded.out(), "");
    }
}
