use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::gameday::file::yaml::Path;
use crate::gameday::step::{Action as Does, FaultStep, Repeat};

const START: Turn = turn(0, 1);

const fn turn(fault: usize, time: u32) -> Turn {
    Turn { fault, time }
}

fn step(action: Does) -> Step {
    Step {
        name: "s".into(),
        source: 0,
        path: Path::default(),
        action,
        repeat: Repeat::ONCE,
    }
}

fn fault() -> Step {
    let (command, settings) = ("netem", Vec::new());
    step(Does::Fault(FaultStep { command, settings }))
}

fn wait(seconds: u64) -> Step {
    step(Does::Wait(Duration::from_secs(seconds)))
}

fn times(step: Step, times: u32, every: u64) -> Step {
    let every = Duration::from_secs(every);
    Step {
        repeat: Repeat { times, every },
        ..step
    }
}

/// A game day, and the seconds that have passed.
struct Day {
    engine: Engine,
    zero: Instant,
    seconds: u64,
}

impl Day {
    fn begin(steps: &[Step]) -> (Self, Vec<Action>) {
        let mut day = Self {
            engine: Engine::new(steps),
            zero: Instant::now(),
            seconds: 0,
        };
        let now = day.now();
        let actions = day.engine.begin(now);
        (day, actions)
    }

    fn now(&self) -> Moment {
        Moment {
            at: self.zero + Duration::from_secs(self.seconds),
            clock: Timestamp::UNIX_EPOCH,
        }
    }

    fn take(&mut self, input: Input) -> Vec<Action> {
        let now = self.now();
        self.engine.handle(input, now)
    }

    fn well(&mut self, turn: Turn) -> Vec<Action> {
        self.take(Input::Ended(turn, Went::Well))
    }

    /// Goes to the moment that the engine wants to be woken at.
    fn sleep(&mut self) -> Vec<Action> {
        let wake = self.engine.wake_at().unwrap();
        self.seconds = (wake - self.zero).as_secs();
        self.take(Input::Outside(Outside::Tick))
    }
}

#[test]
fn steps_follow_each_other_and_waits_lie_between_them() {
    let (mut day, actions) = Day::begin(&[fault(), wait(60), fault()]);
    assert_eq!(actions, [Action::Start(START)]);
    assert_eq!(day.engine.wake_at(), None);
    day.seconds = 10;
    assert!(matches!(day.well(START).as_slice(), [Action::Waits(..)]));
    assert_eq!(day.sleep(), [Action::Start(turn(1, 1))]);
    assert_eq!(day.seconds, 70);
    assert!(!day.engine.is_done());
    assert_eq!(day.well(turn(1, 1)), []);
    assert!(day.engine.is_done() && day.engine.cut().is_none());
}

#[test]
fn what_is_parallel_begins_at_once_and_ends_with_the_last() {
    let (mut day, actions) = Day::begin(&[step(Does::Parallel(vec![fault(), fault()])), fault()]);
    assert_eq!(actions, [Action::Start(START), Action::Start(turn(1, 1))]);
    assert_eq!(day.well(turn(1, 1)), []);
    assert_eq!(day.well(START), [Action::Start(turn(2, 1))]);
}

#[test]
fn what_is_repeated_begins_at_even_distances_or_as_soon_as_the_last_is_over() {
    let (mut day, _) = Day::begin(&[times(fault(), 3, 60), fault()]);
    day.seconds = 20;
    assert_eq!(day.well(START), []);
    assert_eq!(day.sleep(), [Action::Start(turn(0, 2))]);
    assert_eq!(day.seconds, 60);
    day.seconds = 150;
    assert_eq!(day.well(turn(0, 2)), [Action::Start(turn(0, 3))]);
    assert_eq!(day.well(turn(0, 3)), [Action::Start(turn(1, 1))]);
}

#[test]
fn what_is_repeated_may_be_several_steps() {
    let (mut day, _) = Day::begin(&[times(step(Does::Serial(vec![fault(), wait(5), fault()])), 2, 0)]);
    assert!(matches!(day.well(START).as_slice(), [Action::Waits(..)]));
    assert_eq!(day.sleep(), [Action::Start(turn(1, 1))]);
    assert_eq!(day.well(turn(1, 1)), [Action::Start(turn(0, 2))]);
    day.well(turn(0, 2));
    day.sleep();
    assert_eq!(day.well(turn(1, 2)), []);
    assert!(day.engine.is_done());
}

#[test]
fn a_signal_rolls_everything_back_and_skips_the_rest() {
    let (mut day, _) = Day::begin(&[step(Does::Parallel(vec![fault(), fault()])), fault()]);
    let stopped = day.take(Input::Outside(Outside::Signal));
    assert_eq!(stopped, [Action::Stop(START), Action::Stop(turn(1, 1))]);
    assert_eq!(day.engine.cut(), Some(Cut::Signal));
    assert_eq!(day.well(START), []);
    assert!(!day.engine.is_done());
    assert_eq!(day.take(Input::Outside(Outside::Signal)), [Action::Leave(turn(1, 1))]);
    assert_eq!(day.well(turn(1, 1)), []);
    assert!(day.engine.is_done());
}

#[test]
fn an_abort_and_a_step_that_goes_badly_do_the_same() {
    for (input, cut) in [
        (Input::Abort, Cut::Abort),
        (Input::Ended(START, Went::Badly), Cut::Step),
    ] {
        let (mut day, _) = Day::begin(&[step(Does::Parallel(vec![fault(), fault()])), wait(1), fault()]);
        let actions = day.take(input);
        assert!(actions.contains(&Action::Stop(turn(1, 1))), "{actions:?}");
        assert_eq!(day.engine.cut(), Some(cut));
        day.well(START);
        day.well(turn(1, 1));
        assert!(day.engine.is_done() && day.engine.wake_at().is_none());
    }
}

#[test]
fn the_first_signal_after_an_abort_says_nothing_new() {
    let (mut day, _) = Day::begin(&[fault()]);
    day.take(Input::Abort);
    assert_eq!(day.take(Input::Outside(Outside::Signal)), []);
    assert_eq!(day.take(Input::Outside(Outside::Signal)), [Action::Leave(START)]);
}

#[test]
fn enough_ends_the_step_under_way() {
    let (mut day, _) = Day::begin(&[fault(), wait(60), times(fault(), 2, 100)]);
    let enough = |day: &mut Day| day.take(Input::Outside(Outside::Enough));
    assert_eq!(enough(&mut day), [Action::Enough(START)]);
    day.well(START);
    assert_eq!(enough(&mut day), [Action::Start(turn(1, 1))]);
    day.well(turn(1, 1));
    // Also the pause before it is done again.
    assert_eq!(enough(&mut day), [Action::Start(turn(1, 2))]);
    day.well(turn(1, 2));
    assert!(day.engine.is_done());
}
