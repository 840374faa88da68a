//! When each step of a game day is, as far as that can be said before it; and what is in place at once.

use std::time::Duration;

use super::step::{Action, Step};

/// How long something takes; `most` is `None` where only somebody ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub least: Duration,
    pub most: Option<Duration>,
}

/// A line of the timeline: a fault or a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub name: String,
    /// Its number among the faults; `None` for a wait.
    pub fault: Option<usize>,
    pub begins: Bounds,
    pub ends: Bounds,
    pub times: u32,
}

/// Everything in its order, and when the last of it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    pub rows: Vec<Row>,
    pub ends: Bounds,
}

/// More combinations of parallel steps than that are looked at as if all of them were at once.
const MOST_MOMENTS: usize = 10_000;

// === impl Bounds ===

impl Bounds {
    pub(crate) const NOW: Self = Self {
        least: Duration::ZERO,
        most: Some(Duration::ZERO),
    };

    fn then(self, next: Self) -> Self {
        Self {
            least: self.least.saturating_add(next.least),
            most: self.most.zip(next.most).map(|(a, b)| a.saturating_add(b)),
        }
    }

    fn later(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: self.most.zip(other.most).map(|(a, b)| a.max(b)),
        }
    }

    fn exactly(time: Duration) -> Self {
        Self {
            least: time,
            most: Some(time),
        }
    }
}

// === impl Timeline ===

impl Timeline {
    /// `takes`: how long each fault takes once, in the order of the file.
    pub(crate) fn new(steps: &[Step], takes: &[Bounds]) -> Self {
        let mut walk = Walk {
            takes,
            fault: 0,
            rows: Vec::new(),
        };
        let ends = walk.serial(steps, Bounds::NOW);
        Self { rows: walk.rows, ends }
    }
}

struct Walk<'a> {
    takes: &'a [Bounds],
    fault: usize,
    rows: Vec<Row>,
}

impl Walk<'_> {
    fn serial(&mut self, steps: &[Step], begins: Bounds) -> Bounds {
        steps.iter().fold(begins, |begins, step| self.step(step, begins))
    }

    fn step(&mut self, step: &Step, begins: Bounds) -> Bounds {
        let (row, fault) = (self.rows.len(), self.fault);
        let mut ends = self.once(step, begins);
        let mut began = begins;
        for _ in 1..step.repeat.times {
            // The rows are those of the first time; of the others only how long they take.
            let (rows, faults) = (self.rows.len(), self.fault);
            self.fault = fault;
            began = ends.later(began.then(Bounds::exactly(step.repeat.every)));
            ends = self.once(step, began);
            self.rows.truncate(rows);
            self.fault = faults;
        }
        if step.repeat.times > 1 {
            for row in &mut self.rows[row..] {
                row.times = row.times.saturating_mul(step.repeat.times);
                row.ends = ends;
            }
        }
        ends
    }

    fn once(&mut self, step: &Step, begins: Bounds) -> Bounds {
        let (fault, ends) = match &step.action {
            Action::Serial(steps) => return self.serial(steps, begins),
            Action::Parallel(steps) => {
                let ends = steps.iter().map(|step| self.step(step, begins));
                return ends.fold(begins, Bounds::later);
            }
            Action::Wait(time) => (None, begins.then(Bounds::exactly(*time))),
            Action::Fault(_) => {
                let fault = self.fault;
                self.fault += 1;
                let takes = self.takes.get(fault).copied().unwrap_or(Bounds::NOW);
                (Some(fault), begins.then(takes))
            }
        };
        self.rows.push(Row {
            name: step.name.clone(),
            fault,
            begins,
            ends,
            times: 1,
        });
        ends
    }
}

/// Every set of faults that can be in place at once, by their numbers; each set as large as it gets.
pub(crate) fn moments(steps: &[Step]) -> Vec<Vec<usize>> {
    of_serial(steps, &mut 0)
}

fn of_serial(steps: &[Step], fault: &mut usize) -> Vec<Vec<usize>> {
    steps.iter().flat_map(|step| of_step(step, fault)).collect()
}

fn of_step(step: &Step, fault: &mut usize) -> Vec<Vec<usize>> {
    match &step.action {
        Action::Wait(_) => Vec::new(),
        Action::Fault(_) => {
            *fault += 1;
            vec![vec![*fault - 1]]
        }
        Action::Serial(steps) => of_serial(steps, fault),
        Action::Parallel(steps) => {
            let first = *fault;
            let branches: Vec<_> = steps.iter().map(|step| of_step(step, fault)).collect();
            let branches: Vec<_> = branches.into_iter().filter(|branch| !branch.is_empty()).collect();
            let count = branches
                .iter()
                .fold(1_usize, |count, branch| count.saturating_mul(branch.len()));
            if branches.is_empty() {
                return Vec::new();
            }
            if count > MOST_MOMENTS {
                return vec![(first..*fault).collect()];
            }
            branches.into_iter().fold(vec![Vec::new()], |all, branch| {
                let with = |set: &Vec<usize>| {
                    let set = set.clone();
                    branch
                        .iter()
                        .map(move |more| set.iter().chain(more).copied().collect::<Vec<_>>())
                        .collect::<Vec<_>>()
                };
                all.iter().flat_map(with).collect()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::yaml::Path;
    use super::super::step::{FaultStep, Repeat};
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn step(action: Action) -> Step {
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
        step(Action::Fault(FaultStep { command, settings }))
    }

    fn takes(least: u64, most: u64) -> Bounds {
        Bounds {
            least: secs(least),
            most: Some(secs(most)),
        }
    }

    #[test]
    fn steps_follow_each_other_and_those_at_once_end_with_the_longest() {
        let parallel = step(Action::Parallel(vec![fault(), fault()]));
        let steps = [fault(), step(Action::Wait(secs(60))), parallel, fault()];
        let line = Timeline::new(&steps, &[takes(10, 20), takes(5, 100), takes(30, 40), takes(1, 2)]);
        let rows: Vec<_> = line
            .rows
            .iter()
            .map(|row| (row.fault, row.begins.least.as_secs(), row.ends))
            .collect();
        assert_eq!(
            rows,
            [
                (Some(0), 0, takes(10, 20)),
                (None, 10, takes(70, 80)),
                (Some(1), 70, takes(75, 180)),
                (Some(2), 70, takes(100, 120)),
                (Some(3), 100, takes(101, 182)),
            ]
        );
        assert_eq!(line.ends, takes(101, 182));
    }

    #[test]
    fn what_is_repeated_takes_its_distances_or_as_long_as_it_takes() {
        let every = |every| Step {
            repeat: Repeat {
                times: 3,
                every: secs(every),
            },
            ..fault()
        };
        let of = |every_secs, took| Timeline::new(&[every(every_secs), fault()], &[took, takes(1, 1)]);
        let line = of(300, takes(10, 20));
        assert_eq!(
            (line.rows.len(), line.rows[0].times, line.rows[1].fault),
            (2, 3, Some(1))
        );
        assert_eq!(line.rows[0].ends, takes(610, 620));
        assert_eq!(of(5, takes(10, 20)).rows[0].ends, takes(30, 60));
    }

    #[test]
    fn what_nobody_can_say_the_end_of_has_none() {
        let endless = Bounds {
            least: secs(1),
            most: None,
        };
        let line = Timeline::new(&[fault(), fault()], &[endless, takes(1, 2)]);
        assert_eq!(
            line.ends,
            Bounds {
                least: secs(2),
                most: None
            }
        );
    }

    #[test]
    fn what_can_be_in_place_at_once() {
        let two = step(Action::Serial(vec![fault(), step(Action::Wait(secs(1))), fault()]));
        let steps = [
            fault(),
            step(Action::Parallel(vec![two, fault()])),
            step(Action::Wait(secs(1))),
        ];
        assert_eq!(moments(&steps), [vec![0], vec![1, 3], vec![2, 3]]);
        let many = step(Action::Serial((0..200).map(|_| fault()).collect()));
        let all = moments(&[step(Action::Parallel(vec![many.clone(), many.clone(), many]))]);
        assert_eq!((all.len(), all[0].len()), (1, 600));
    }
}
