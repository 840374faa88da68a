//! Which VMs are migrated in which round, and how long it is between rounds. Pure, and drawn anew from the seed for every
//! round: nothing is kept, and a VM that cannot be moved for a while does not change the draw of any other.

use std::time::Duration;

use crate::fault::Time;
use crate::faults::migrate::spec::{Extent, MigrateSpec};
use crate::plan::draw::Draw;

/// A schedule over a pool of VMs, which are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub extent: Extent,
    pub seed: u64,
    pool: usize,
    parallel: usize,
    /// In milliseconds.
    interval: Option<(u64, u64)>,
}

/// What one round does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Round {
    /// VMs to be migrated, all at once.
    pub members: Vec<usize>,
    /// VMs that would have been drawn, and cannot be moved now.
    pub left_out: Vec<usize>,
}

// === impl Schedule ===

impl Schedule {
    pub(crate) fn new(spec: &MigrateSpec, pool: usize, seed: u64) -> Self {
        let millis = |time: Time| time.as_micros() / 1_000;
        Self {
            extent: spec.extent,
            seed,
            pool,
            parallel: spec.parallel.max(1) as usize,
            interval: spec.interval.map(|(min, max)| (millis(min), millis(max))),
        }
    }

    /// How many rounds there are; `None` when that is decided by time or by somebody.
    pub(crate) fn rounds(&self) -> Option<u64> {
        match self.extent {
            Extent::Once => Some(self.pool.div_ceil(self.parallel) as u64),
            Extent::Rounds(rounds) => Some(u64::from(rounds)),
            Extent::Endless | Extent::For(_) => None,
        }
    }

    /// Whether anything of it comes from the seed.
    pub(crate) fn is_drawn(&self) -> bool {
        self.extent != Extent::Once || self.interval.is_some_and(|(min, max)| min < max)
    }

    /// Time from the end of the round before to round `number`, which is 1 for the first.
    pub(crate) fn gap(&self, number: u64) -> Duration {
        match self.interval {
            Some((min, max)) if number > 1 => Duration::from_millis(Draw::step(self.seed, number).between(min, max)),
            _ => Duration::ZERO,
        }
    }

    /// The longest time there can be between two rounds.
    pub(crate) fn longest_gap(&self) -> Duration {
        Duration::from_millis(self.interval.map_or(0, |(_, max)| max))
    }

    /// The longest that all the pauses of a schedule with so many rounds can take together.
    pub(crate) fn longest_pauses(&self) -> Duration {
        let pauses = self.rounds().unwrap_or_default().saturating_sub(1);
        self.longest_gap()
            .saturating_mul(u32::try_from(pauses).unwrap_or(u32::MAX))
    }

    /// The longest all of it can take where a migration has `timeout`; `None`: until somebody ends it.
    pub(crate) fn most(&self, timeout: Duration) -> Option<Duration> {
        if let Extent::For(time) = self.extent {
            // The last round begins before the time is over.
            return Some(time.as_duration() + timeout);
        }
        let rounds = u32::try_from(self.rounds()?).unwrap_or(u32::MAX);
        Some(timeout.saturating_mul(rounds).saturating_add(self.longest_pauses()))
    }

    /// Round `number` when only the VMs that are `fit` can be moved.
    pub(crate) fn round(&self, number: u64, fit: impl Fn(usize) -> bool) -> Round {
        let mut round = Round::default();
        if self.extent == Extent::Once {
            let first = usize::try_from(number.saturating_sub(1))
                .unwrap_or(usize::MAX)
                .saturating_mul(self.parallel);
            (round.members, round.left_out) = (first..self.pool).take(self.parallel).partition(|vm| fit(*vm));
            return round;
        }
        let mut draw = Draw::step(self.seed, number);
        // The gap's draw comes first in the stream, also where it is not asked for.
        let _ = draw.between(0, 1);
        let mut order: Vec<usize> = (0..self.pool).collect();
        draw.shuffle(&mut order);
        for vm in order {
            if round.members.len() == self.parallel {
                break;
            }
            if fit(vm) {
                round.members.push(vm);
            } else {
                round.left_out.push(vm);
            }
        }
        round.members.sort_unstable();
        round
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::migrate::spec::Destination;

    fn schedule(extent: Extent, parallel: u32, interval: Option<(u64, u64)>, pool: usize, seed: u64) -> Schedule {
        let spec = MigrateSpec {
            extent,
            parallel,
            interval: interval.map(|(min, max)| (Time::from_millis(min), Time::from_millis(max))),
            timeout: Time::from_millis(1),
            destination: Destination::default(),
        };
        Schedule::new(&spec, pool, seed)
    }

    #[test]
    fn the_whole_pool_once_takes_everybody_in_order_and_nobody_twice() {
        let schedule = schedule(Extent::Once, 3, None, 7, 1);
        assert_eq!(schedule.rounds(), Some(3));
        let rounds: Vec<_> = (1..=4).map(|number| schedule.round(number, |_| true).members).collect();
        assert_eq!(rounds, [vec![0, 1, 2], vec![3, 4, 5], vec![6], vec![]]);
        assert_eq!(schedule.gap(2), Duration::ZERO);
        assert!(!schedule.is_drawn());
        let is_drawn = |extent, interval| self::schedule(extent, 3, interval, 7, 1).is_drawn();
        assert!(!is_drawn(Extent::Once, Some((10, 10))));
        assert!(is_drawn(Extent::Once, Some((10, 11))), "the pauses");
        assert!(is_drawn(Extent::Rounds(2), None), "the VMs");
    }

    #[test]
    fn the_same_seed_draws_the_same_on_every_version() {
        let members = |seed| {
            let schedule = schedule(Extent::Rounds(5), 2, Some((120_000, 600_000)), 6, seed);
            let rounds = 1..=5;
            rounds
                .map(|number| {
                    (
                        schedule.round(number, |_| true).members,
                        schedule.gap(number).as_millis(),
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(members(42), members(42));
        assert_ne!(members(42), members(43));
        assert_eq!(members(42), PINNED.map(|(vms, gap)| (vms.to_vec(), gap)));
    }

    const PINNED: [([usize; 2], u128); 5] = [
        ([0, 3], 0),
        ([0, 5], 357_303),
        ([2, 3], 504_500),
        ([0, 5], 392_598),
        ([0, 3], 301_627),
    ];

    #[test]
    fn gaps_lie_within_their_bounds_and_reach_both() {
        let schedule = schedule(Extent::Endless, 1, Some((10, 13)), 3, 7);
        let gaps: std::collections::BTreeSet<u128> = (2..500).map(|number| schedule.gap(number).as_millis()).collect();
        assert_eq!(gaps.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert_eq!(schedule.gap(1), Duration::ZERO, "the first round begins at once");
    }

    #[test]
    fn a_vm_that_cannot_be_moved_is_left_out_and_changes_nobody_elses_draw() {
        let schedule = schedule(Extent::Endless, 2, None, 10, 3);
        for number in 1..200 {
            let all = schedule.round(number, |_| true);
            let without = schedule.round(number, |vm| vm != 4);
            assert_eq!((all.members.len(), without.members.len()), (2, 2));
            assert!(!without.members.contains(&4));
            if all.members.contains(&4) {
                assert_eq!(without.left_out, [4]);
                let kept = all.members.iter().filter(|vm| without.members.contains(vm)).count();
                assert_eq!(kept, 1, "the other one is drawn all the same");
            } else {
                assert_eq!(
                    without,
                    Round {
                        left_out: without.left_out.clone(),
                        ..all
                    }
                );
            }
        }
    }

    #[test]
    fn a_round_draws_nobody_twice_and_everybody_about_as_often() {
        let schedule = schedule(Extent::Endless, 4, None, 10, 9);
        let mut seen = [0_u32; 10];
        for number in 1..=2_500 {
            let mut members = schedule.round(number, |_| true).members;
            for vm in &members {
                seen[*vm] += 1;
            }
            members.dedup();
            assert_eq!(members.len(), 4);
        }
        // 1,000 expected, standard deviation 25.
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn nobody_fit_is_an_empty_round() {
        let schedule = schedule(Extent::Rounds(1), 2, None, 3, 3);
        let round = schedule.round(1, |_| false);
        assert_eq!((round.members.len(), round.left_out.len()), (0, 3));
    }

    #[test]
    fn the_longest_pauses_are_those_between_the_rounds() {
        let longest = |extent, interval| {
            let schedule = schedule(extent, 1, interval, 3, 7);
            (
                schedule.longest_gap().as_millis(),
                schedule.longest_pauses().as_millis(),
            )
        };
        assert_eq!(longest(Extent::Rounds(4), Some((10, 13))), (13, 39));
        assert_eq!(longest(Extent::Rounds(1), Some((10, 13))), (13, 0));
        assert_eq!(
            longest(Extent::Endless, Some((10, 13))),
            (13, 0),
            "nobody knows how many"
        );
        assert_eq!(longest(Extent::Rounds(4), None), (0, 0));
    }
}
