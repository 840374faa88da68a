//! Does what the engine of a game day decides: steps are run, checks are looked at, everybody is told.
//!
//! ```text
//! runs of steps ─┐
//! looks ─────────┼─> Message ─> Engine ─> Action ─> a run begins, ends, is rolled back
//! signals, keys ─┘
//! ```
//! The task that awaits [`run`] owns engine, runs and reports; each check has a task of its own that only sends.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use jiff::Zoned;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::checks::{self, Looked};
use super::plan::GameDayPlan;
use super::screen::{self, Stage};
use super::step_fault::{Closing, Desk, Ran};
use super::telling::Telling;
use crate::faults::registry::FAULTS;
use crate::gameday::check::Window;
use crate::gameday::engine::{Action, Cut, Engine, Input, Turn, Went};
use crate::gameday::file::game_day::Occasion;
use crate::gameday::look::Looker;
use crate::plan::consent::Agreed;
use crate::report::{AbortReport, ExitCode, GameDayReport, Time};
use crate::run::machine::{self, Moment, drive};
use crate::run::signals::Signals;
use crate::ui::Progress;

enum Message {
    Ran(Turn, Box<Ran>),
    Heard(Heard),
}

/// What other tasks say.
enum Heard {
    Looked(Looked),
    /// The fault of a run is in place on a VM.
    Injected(Turn),
}

/// How a game day went, beside what its report says.
pub(super) struct Ended {
    pub(super) cut: Option<Cut>,
    pub(super) signals: u32,
    /// What is said last of each run.
    pub(super) closings: Vec<Closing>,
}

struct Driver<'a> {
    plan: &'a GameDayPlan,
    engine: Engine,
    progress: Progress,
    report: &'a mut GameDayReport,
    windows: Vec<Option<Window>>,
    /// Of each run that is under way.
    signals: Vec<(Turn, Signals)>,
    starts: UnboundedSender<(Turn, Signals)>,
    closings: Vec<Closing>,
    aborted: Option<std::time::Instant>,
    telling: &'a Telling,
    /// Runs of which it was told that their fault is in place.
    injected: BTreeSet<Turn>,
    began: Zoned,
    /// Faults that have begun, whichever time.
    begun: BTreeSet<usize>,
    unicode: bool,
}

/// Runs a confirmed game day to its end: until everything is back, or it is known what is not.
pub(super) async fn run(
    desk: &Desk<'_>,
    plan: &GameDayPlan,
    agreed: &Agreed,
    lookers: &[Arc<Looker>],
    progress: &Progress,
    telling: &Telling,
    report: &mut GameDayReport,
) -> Ended {
    let (tell, mut messages) = unbounded_channel();
    let (starts, starting) = unbounded_channel();
    let mut driver = Driver {
        plan,
        engine: Engine::new(&plan.day.steps),
        progress: progress.clone(),
        windows: lookers.iter().map(|_| plan.day.abort.map(Window::new)).collect(),
        report,
        signals: Vec::new(),
        starts,
        closings: Vec::new(),
        aborted: None,
        telling,
        injected: BTreeSet::new(),
        began: Zoned::now(),
        begun: BTreeSet::new(),
        unicode: desk.context.printer.look().unicode,
    };
    let (heard, mut all_heard) = unbounded_channel();
    let looked = heard.clone();
    let watching = checks::watch(lookers, move |it| looked.send(Heard::Looked(it)).is_ok());
    let begun = driver.engine.begin(Moment::now());
    machine::Driver::act(&mut driver, begun);
    let signals = tokio::select! {
        signals = drive(&mut driver, &mut messages, &desk.context.signals) => signals,
        () = runs(desk, plan, agreed, progress, starting, (&tell, &heard)) => 0,
        () = pass_on(&mut all_heard, &tell) => 0,
    };
    drop(watching);
    if let (Some(aborted), Some(abort)) = (driver.aborted, &mut driver.report.abort) {
        abort.restored_after = Some(aborted.elapsed().into());
    }
    Ended {
        cut: driver.engine.cut(),
        signals,
        closings: driver.closings,
    }
}

/// Runs what is begun; never ends by itself.
async fn runs(
    desk: &Desk<'_>,
    plan: &GameDayPlan,
    agreed: &Agreed,
    progress: &Progress,
    mut starting: UnboundedReceiver<(Turn, Signals)>,
    (tell, heard): (&UnboundedSender<Message>, &UnboundedSender<Heard>),
) {
    let mut under_way: FuturesUnordered<LocalBoxFuture<'_, (Turn, Ran)>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some((turn, signals)) = starting.recv() => {
                let step = &plan.faults[turn.fault];
                let heard = heard.clone();
                let progress = progress.of_step(&step.name, move || _ = heard.send(Heard::Injected(turn)));
                let run = step.fault.again();
                under_way.push(Box::pin(async move {
                    (turn, run.run(desk, (agreed, turn.fault), signals, progress).await)
                }));
            }
            Some((turn, ran)) = under_way.next() => {
                let _ = tell.send(Message::Ran(turn, Box::new(ran)));
            }
            else => std::future::pending().await,
        }
    }
}

async fn pass_on(all_heard: &mut UnboundedReceiver<Heard>, tell: &UnboundedSender<Message>) {
    while let Some(heard) = all_heard.recv().await {
        let _ = tell.send(Message::Heard(heard));
    }
    std::future::pending::<()>().await;
}

// === impl Driver ===

impl machine::Driver for Driver<'_> {
    type Machine = Engine;
    type Message = Message;

    fn machine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn take(&mut self, message: Message) -> Option<Input> {
        match message {
            Message::Ran(turn, ran) => Some(self.ran(turn, *ran)),
            Message::Heard(Heard::Looked(looked)) => self.looked(looked),
            Message::Heard(Heard::Injected(turn)) => {
                self.injected(turn);
                None
            }
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Start(turn) => self.start(turn),
                Action::Enough(turn) => self.say(turn, Signals::say_enough),
                Action::Stop(turn) | Action::Leave(turn) => self.say(turn, Signals::raise),
                Action::Waits(name, until) => {
                    let left = until.saturating_duration_since(tokio::time::Instant::now());
                    self.progress
                        .note(&format!("{name}: waits for {}s", left.as_secs_f64().round()));
                }
            }
        }
        self.show();
    }
}

impl Driver<'_> {
    fn show(&self) {
        let stage = Stage {
            plan: self.plan,
            under_way: self.engine.under_way(),
            begun: &self.begun,
            began: &self.began,
            checks: &self.report.checks,
        };
        self.progress.below(screen::lines(&stage, self.unicode));
    }

    fn start(&mut self, turn: Turn) {
        let step = &self.plan.faults[turn.fault];
        let time = if step.times > 1 {
            format!(" ({} of {})", turn.time, step.times)
        } else {
            String::new()
        };
        self.progress
            .note(&format!("step {}{time}: {}", step.name, step.command));
        let is_held = FAULTS.iter().any(|kind| kind.command == step.command && kind.enters_vm);
        if !is_held {
            // Of what is not held, its begin is all there is.
            self.injected(turn);
        }
        self.begun.insert(turn.fault);
        let signals = Signals::none();
        self.signals.push((turn, signals.clone()));
        // Whoever runs them lives as long as this.
        let _ = self.starts.send((turn, signals));
    }

    /// Told once a run, however many VMs it has.
    fn injected(&mut self, turn: Turn) {
        if self.injected.insert(turn) {
            self.telling.tell(Occasion::Injected, Some(turn), self.told_of(turn));
        }
    }

    fn told_of(&self, turn: Turn) -> Value {
        let step = &self.plan.faults[turn.fault];
        let vms: Vec<String> = step
            .planned
            .vms
            .iter()
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect();
        json!({"step": step.name, "fault": step.command, "time": turn.time, "vms": vms})
    }

    fn say(&self, turn: Turn, what: fn(&Signals)) {
        for (_, signals) in self.signals.iter().filter(|(of, _)| *of == turn) {
            what(signals);
        }
    }

    fn ran(&mut self, turn: Turn, ran: Ran) -> Input {
        self.signals.retain(|(of, _)| *of != turn);
        let code = ran.report.exit_code;
        // That it was ended by a signal of ours, or that a VM did not come back in time, stops nothing.
        let went = match code {
            ExitCode::Done | ExitCode::Unrecovered | ExitCode::Interrupted => Went::Well,
            _ => Went::Badly,
        };
        if went == Went::Badly && self.engine.cut().is_none() {
            let name = &self.plan.faults[turn.fault].name;
            self.progress.note(&format!(
                "step {name} went wrong: everything is rolled back, the rest is skipped"
            ));
        }
        self.closings.extend(ran.closing);
        let mut told = self.told_of(turn);
        told["run"] = json!(ran.report.id);
        told["outcome"] = json!(ran.report.outcome);
        self.telling.tell(Occasion::Restored, Some(turn), told);
        if let Some(step) = self.report.steps.get_mut(turn.fault) {
            step.runs.push(ran.report);
        }
        Input::Ended(turn, went)
    }

    fn looked(&mut self, looked: Looked) -> Option<Input> {
        let (check, failed) = (looked.check, looked.sample.failed.clone());
        let was_good = self.report.checks[check]
            .samples
            .last()
            .is_none_or(|sample| sample.failed.is_none());
        let name = self.report.checks[check].name.clone();
        checks::add(&mut self.report.checks, looked);
        self.show();
        match (&failed, was_good) {
            (Some(why), true) => self.progress.note(&format!("check {name} failed: {why}")),
            (None, false) => self.progress.note(&format!("check {name} is good again")),
            _ => {}
        }
        // Between steps nothing is in place that could be to blame.
        if self.engine.under_way().is_empty() {
            return None;
        }
        let too_many = self.windows[check].as_mut()?.take(failed.is_some());
        if !too_many || self.engine.cut().is_some() {
            return None;
        }
        let message = failed.unwrap_or_default();
        self.progress.note(&format!(
            "abort: check {name} failed too often: everything is rolled back"
        ));
        self.telling
            .tell(Occasion::Abort, None, json!({"check": name, "message": message}));
        self.aborted = Some(std::time::Instant::now());
        self.report.abort = Some(AbortReport {
            at: Time::now(),
            check: name,
            message,
            restored_after: None,
        });
        Some(Input::Abort)
    }
}
