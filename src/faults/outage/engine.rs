//! The outages of a run: whose turn it is, and whose a VMI is that came back. Pure: the time is given.
//!
//! It owns the [`Outage`] of each VM and the VMIs that were seen. Only the driver's task calls it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::VmiState;
use super::vm::{Done, Effect, Outage, Outcome, Step};
use crate::cluster::events::Happened;
use crate::cluster::watch::Change;
use crate::fault::Execution;
use crate::problem::Problem;
use crate::run::machine::{Machine, Moment, Outside};

/// Position in the plan.
pub(crate) type VmIndex = usize;

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// To the VMIs that an outage watches.
    Change(VmIndex, Change<VmiState>),
    /// They cannot be watched any more.
    Blind(VmIndex, Problem),
    /// Answer to [`Action::Do`].
    Done(VmIndex, Done),
    Outside(Outside),
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

/// What the engine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Watch the VMIs of this outage, until [`Action::Leave`].
    Watch(VmIndex),
    Leave(VmIndex),
    Do(VmIndex, Effect),
    /// Its state has changed.
    Show(VmIndex),
    /// Leave an Event on its VMI.
    Tell(VmIndex, Happened),
}

/// All outages of a run.
pub(crate) struct Engine {
    /// In the order of the plan.
    vms: Vec<Outage>,
    execution: Execution,
    /// The VMIs that each outage watches, as they were seen last.
    known: Vec<Vec<VmiState>>,
    /// Which VMI that came back belongs to which outage: two of one replica set must not count the same one.
    claimed: BTreeMap<String, VmIndex>,
    signals: u32,
    actions: Vec<Action>,
}

// === impl Engine ===

impl Engine {
    /// The second value is what is to be done first.
    pub(crate) fn new(vms: Vec<Outage>, execution: Execution) -> (Self, Vec<Action>) {
        let mut engine = Self {
            known: vec![Vec::new(); vms.len()],
            vms,
            execution,
            claimed: BTreeMap::new(),
            signals: 0,
            actions: Vec::new(),
        };
        engine.go_on();
        let first = std::mem::take(&mut engine.actions);
        (engine, first)
    }

    pub(crate) fn vms(&self) -> &[Outage] {
        &self.vms
    }

    pub(crate) fn into_vms(self) -> Vec<Outage> {
        self.vms
    }

    /// Begins those whose turn it is. One after the other, they end with the first that did not go as asked.
    fn go_on(&mut self) {
        let waiting = |vm: &Outage| vm.step == Step::Waiting;
        match self.execution {
            Execution::Parallel => {
                for index in 0..self.vms.len() {
                    if waiting(&self.vms[index]) {
                        self.begin(index);
                    }
                }
            }
            Execution::Serial if self.vms.iter().any(is_under_way) => {}
            Execution::Serial => {
                let ends = self.signals > 0 || self.vms.iter().any(|vm| vm.is_over() && !vm.is_well());
                if !ends {
                    if let Some(next) = self.vms.iter().position(waiting) {
                        self.begin(next);
                    }
                    return;
                }
                for index in 0..self.vms.len() {
                    if waiting(&self.vms[index]) {
                        self.vms[index].skip();
                        self.actions.push(Action::Show(index));
                    }
                }
            }
        }
    }

    fn begin(&mut self, index: VmIndex) {
        self.vms[index].begin();
        self.actions.push(Action::Watch(index));
    }

    /// Lets each outage that is under way do something.
    fn every(&mut self, act: impl Fn(&mut Outage, &[VmiState]) -> Option<Effect>) {
        for index in 0..self.vms.len() {
            self.one(index, &act);
        }
    }

    /// Lets an outage that is under way do something, with the VMIs that may be its own.
    fn one(&mut self, index: VmIndex, act: impl FnOnce(&mut Outage, &[VmiState]) -> Option<Effect>) {
        if !is_under_way(&self.vms[index]) {
            return;
        }
        let visible = self.visible(index);
        let before = self.vms[index].clone();
        let effect = act(&mut self.vms[index], &visible);
        self.claim(index);
        self.tell(index, &before);
        self.actions.extend(effect.map(|effect| Action::Do(index, effect)));
        if self.vms[index].is_over() {
            self.actions.push(Action::Leave(index));
        }
    }

    /// What is there, without what came back of other outages.
    fn visible(&self, index: VmIndex) -> Vec<VmiState> {
        let free = |vmi: &&VmiState| self.claimed.get(&vmi.uid).is_none_or(|by| *by == index);
        self.known[index].iter().filter(free).cloned().collect()
    }

    fn claim(&mut self, index: VmIndex) {
        self.claimed.retain(|_, by| *by != index);
        if let Some(new) = &self.vms[index].new {
            self.claimed.insert(new.uid.clone(), index);
        }
    }

    /// Says what is new about an outage.
    fn tell(&mut self, index: VmIndex, before: &Outage) {
        let vm = &self.vms[index];
        if before.step != vm.step || before.hurried != vm.hurried || before.new != vm.new || before.times != vm.times {
            self.actions.push(Action::Show(index));
        }
        if before.times.acted.is_none() && vm.times.acted.is_some() {
            self.actions.push(Action::Tell(index, Happened::Injected));
        }
        let happened = match &vm.step {
            Step::Over(Outcome::Recovered(_)) => Happened::Restored,
            Step::Over(Outcome::Failed(_) | Outcome::Leaked(_)) if vm.times.acted.is_some() => Happened::Failed,
            _ => return,
        };
        self.actions.push(Action::Tell(index, happened));
    }
}

impl Machine for Engine {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Moment) -> Vec<Action> {
        match input {
            Input::Change(index, change) => {
                take(&mut self.known[index], change);
                self.one(index, |vm, vmis| vm.see(vmis, now));
            }
            Input::Blind(index, problem) => self.one(index, |vm, vmis| vm.blind(problem, vmis, now)),
            Input::Done(index, done) => self.one(index, |vm, vmis| vm.done(done, vmis, now)),
            Input::Outside(Outside::Signal) => {
                self.signals += 1;
                if self.signals == 1 {
                    self.every(|vm, vmis| vm.hurry(vmis, now));
                }
            }
            Input::Outside(Outside::Enough) => self.every(|vm, vmis| vm.enough(vmis, now)),
            Input::Outside(Outside::Tick) => {
                for index in 0..self.vms.len() {
                    if self.vms[index].wake_at().is_some_and(|at| at <= now.at) {
                        self.one(index, |vm, vmis| vm.tick(vmis, now));
                    }
                }
            }
        }
        self.go_on();
        std::mem::take(&mut self.actions)
    }

    fn wake_at(&self) -> Option<Instant> {
        let under_way = self.vms.iter().filter(|vm| is_under_way(vm));
        under_way.filter_map(Outage::wake_at).min()
    }

    /// A second signal leaves everything as it is.
    fn is_done(&self) -> bool {
        self.signals > 1 || self.vms.iter().all(Outage::is_over)
    }
}

fn is_under_way(vm: &Outage) -> bool {
    !vm.is_over() && vm.step != Step::Waiting
}

/// Brings what is known up to date.
fn take(known: &mut Vec<VmiState>, change: Change<VmiState>) {
    match change {
        Change::Listed(all) => *known = all,
        Change::Applied(seen) => match known.iter_mut().find(|one| one.uid == seen.uid) {
            Some(one) => *one = seen,
            None => known.push(seen),
        },
        Change::Deleted(gone) => known.retain(|one| one.uid != gone.uid),
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
