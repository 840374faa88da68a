//! One case: which command runs, when something is killed, and what.

use std::fmt;
use std::time::Duration;

use super::killer::{Killer, Signal};

/// A case, drawn from a seed and its number.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) args: Vec<&'static str>,
    /// The fault ends by itself while the case runs.
    pub(crate) short: bool,
    pub(crate) moment: Moment,
    pub(crate) killer: Killer,
}

/// When the killer comes: so long after the command has come to a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) point: Point,
    pub(crate) delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Its process has begun.
    Begun,
    /// Its debug pod is there.
    Pod,
    /// Its agents are ready.
    Armed,
    /// The fault is in place.
    Injected,
}

impl Point {
    /// What the command says when it is there.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Begun | Self::Pod => None,
            Self::Armed => Some("armed on"),
            Self::Injected => Some("injected on"),
        }
    }
}

/// Faults, each on VMs that can be moved and that come back.
const FAULTS: [&[&str]; 6] = [
    &["netem", "web-1", "--latency", "20ms"],
    &[
        "netem",
        "web-1",
        "--latency",
        "20ms",
        "--loss",
        "5%",
        "--egress",
        "false",
    ],
    &[
        "netem",
        "web-1",
        "web-2",
        "--bandwidth",
        "10mbit",
        "--execution",
        "parallel",
    ],
    &["netem", "web-1", "web-2", "--latency", "20ms"],
    &["filter", "web-1", "--ports", "80", "--engine", "nft"],
    &["filter", "web-1", "--preset", "isolate", "--engine", "tc"],
];

impl Case {
    pub(crate) fn draw(seed: u64, number: u64) -> Self {
        let mut dice = Dice::new(seed, number);
        let killer = Killer::draw(&mut dice);
        // What may miss a run altogether is tried on one that ends by itself.
        let short = killer.may_miss() || dice.below(4) == 0;
        let mut args = dice.one_of(&FAULTS).to_vec();
        args.extend([
            "--duration",
            if short { dice.one_of(&["1s", "2s", "3s"]) } else { "10m" },
        ]);
        args.extend(["-y", "-o", "json"]);
        let point = dice.one_of(killer.points());
        let most = match point {
            Point::Begun => 1_500,
            Point::Pod => 500,
            Point::Armed => 100,
            Point::Injected => 2_500,
        };
        Self {
            args,
            short,
            moment: Moment {
                point,
                delay: Duration::from_millis(dice.below(most)),
            },
            killer,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { point, delay } = self.moment;
        let what = &self.killer;
        write!(f, "`{}`, {delay:?} after {point:?}: {what:?}", self.args.join(" "))
    }
}

/// `SplitMix64`: the same numbers on every machine, whatever becomes of libraries.
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        let mixed = dice.next() ^ number;
        let mut dice = Self(mixed);
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let place = usize::try_from(self.below(all.len() as u64)).unwrap();
        all[place]
    }

    pub(crate) fn signal(&mut self) -> Signal {
        self.one_of(&[Signal::Int, Signal::Term, Signal::Hup])
    }
}
