//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does to one VM: what a sentinel does.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::double_agent::{Double, Phase, hundredths};
use super::double_plan::VmPlan;
use super::host::Feature;

impl Double {
    pub(super) fn arm(&mut self, vm: usize, go_limit: Duration) {
        if self.over
            || !self.plans[vm].sweeps.is_empty()
            || self.plans[vm].kills
            || !matches!(self.phases[vm], Phase::Found)
        {
            return;
        }
        let inspected = self.inspect(vm);
        if let Err(refused) = inspected {
            return self.refuse(vm, refused);
        }
        let before: Vec<(String, String)> = if self.plans[vm].cuts.is_empty() {
            self.look(vm)
                .into_iter()
                .map(|(device, kind, _, _)| (device, kind))
                .collect()
        } else {
            self.places(vm)
        };
        let kinds: Map<String, Value> = before
            .iter()
            .map(|(device, kind)| (device.clone(), kind.as_str().into()))
            .collect();
        self.phases[vm] = Phase::Armed {
            until: Instant::now() + go_limit,
            before,
        };
        self.emit(json!({"ev": "ready", "vm": vm, "before": kinds}));
        self.probe_on(vm);
    }

    /// What is on the VM's devices: name, kind, handle, JSON.
    fn look(&self, vm: usize) -> Vec<(String, String, String, Value)> {
        let mut launchers = self.kernel.launchers();
        let Some(launcher) = launchers.get_mut(&self.plans[vm].pod_uid) else {
            return Vec::new();
        };
        let mut seen = Vec::new();
        for (device, _) in &self.plans[vm].owned {
            let Some(root) = launcher.roots.get_mut(device) else {
                continue;
            };
            root.catch_up();
            let (kind, handle) = root.is();
            seen.push((device.clone(), kind.to_owned(), handle.to_owned(), root.json()));
        }
        seen
    }

    fn read(&self, vm: usize) -> Map<String, Value> {
        if !self.plans[vm].cuts.is_empty() {
            return self.read_cut(vm);
        }
        self.look(vm)
            .into_iter()
            .map(|(device, _, _, json)| (device, json))
            .collect()
    }

    /// Runs commands of a plan; returns what was refused.
    fn tc(&self, vm: usize, commands: fn(&VmPlan) -> &Vec<Vec<String>>) -> Vec<&'static str> {
        let mut launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get_mut(&plan.pod_uid) else {
            return Vec::new();
        };
        commands(plan)
            .iter()
            .filter_map(|words| {
                let [verb, device, handle, options @ ..] = words.as_slice() else {
                    return None;
                };
                let options: Vec<&str> = options.iter().map(String::as_str).collect();
                launcher.roots.get_mut(device)?.command(verb, handle, &options).err()
            })
            .collect()
    }

    /// The objects of this run that are there.
    fn ours(&self, vm: usize) -> Vec<String> {
        let seen = self.look(vm);
        let there = |device: &str, handle: &str| {
            seen.iter()
                .any(|(name, _, number, _)| name == device && number == handle)
        };
        self.plans[vm]
            .owned
            .iter()
            .filter(|(device, handle)| there(device, handle))
            .map(|(device, handle)| format!("{device}:{handle}"))
            .collect()
    }

    pub(super) fn go(&mut self, vm: usize) {
        if !matches!(self.phases[vm], Phase::Armed { .. }) {
            return;
        }
        let since = Instant::now();
        let (refused, complete) = if self.plans[vm].cuts.is_empty() {
            let refused = self.tc(vm, |plan| &plan.apply);
            (refused, self.ours(vm).len() == self.plans[vm].owned.len())
        } else {
            (self.put_cut(vm), self.is_cut(vm))
        };
        let Phase::Armed { before, .. } = std::mem::replace(&mut self.phases[vm], Phase::Found) else {
            return;
        };
        if complete {
            self.phases[vm] = Phase::Held { since, before };
            let read = self.read(vm);
            self.emit(json!({"ev": "injected", "vm": vm, "read": read}));
            self.probe_held(vm);
        } else {
            let (reason, detail) = if refused.is_empty() {
                ("readback", "what was applied is not what is read back".to_owned())
            } else {
                ("apply", refused.join(" "))
            };
            self.emit(json!({"ev": "failed", "vm": vm, "reason": reason, "detail": detail}));
            self.failed.push(vm);
            self.undo(vm, "sentinel", Some(hundredths(since.elapsed().as_secs_f64())), &before);
        }
    }

    pub(super) fn end(&mut self, vm: usize, by: &'static str) {
        match std::mem::replace(&mut self.phases[vm], Phase::Found) {
            Phase::Armed { before, .. } => self.undo(vm, by, None, &before),
            Phase::Held { since, before } => {
                let held = hundredths(since.elapsed().as_secs_f64());
                let read = self.read(vm);
                self.emit(json!({"ev": "ending", "vm": vm, "by": by, "read": read}));
                self.tc(vm, |plan| &plan.easing);
                self.phases[vm] = Phase::Easing {
                    until: Instant::now() + self.plans[vm].ease,
                    by,
                    held,
                    before,
                };
            }
            other => self.phases[vm] = other,
        }
    }

    pub(super) fn undo(&mut self, vm: usize, by: &'static str, held: Option<f64>, before: &[(String, String)]) {
        match self.plans[vm].cuts.is_empty() {
            _ if !self.kernel.has(Feature::Removal) => {}
            true => drop(self.tc(vm, |plan| &plan.undo)),
            false => self.take_cut(vm, before),
        }
        // Never injected: held for no time at all.
        let held = held.map_or_else(|| json!(0), |held| json!(held));
        let mut left = self.ours(vm);
        if !self.plans[vm].cuts.is_empty() && !self.kernel.has(Feature::Removal) && self.is_cut(vm) {
            left.push(self.table());
        }
        if !left.is_empty() {
            self.phases[vm] = Phase::Ended("leaked");
            self.verdicts.push(json!([vm, "leaked", by, held]));
            self.probe_ended(vm, false);
            return self.emit(json!({"ev": "leaked", "vm": vm, "by": by, "held": held, "left": left.join(" ")}));
        }
        let after = self.after(vm);
        let mut changed = self.others(vm);
        changed.extend(after.iter().filter_map(|(device, kind, handle)| {
            let (_, was) = before.iter().find(|(name, _)| name == device)?;
            let same = was == kind && ["", " 0:"].contains(&handle.as_str());
            (!same).then(|| format!("{device} was {was}, is {kind}{handle}"))
        }));
        let kinds: Map<String, Value> = after
            .iter()
            .map(|(device, kind, _)| (device.clone(), kind.as_str().into()))
            .collect();
        let mut event = json!({"ev": "restored", "vm": vm, "by": by, "held": held, "after": kinds});
        if !changed.is_empty() {
            event["changed"] = changed.join("; ").into();
        }
        self.phases[vm] = Phase::Ended("restored");
        self.verdicts.push(json!([vm, "restored", by, held]));
        self.emit(event);
        self.probe_ended(vm, true);
    }

    /// What is on the VM's devices afterwards: name, kind, and for a root qdisc its handle.
    fn after(&self, vm: usize) -> Vec<(String, String, String)> {
        if self.plans[vm].cuts.is_empty() {
            let seen = self.look(vm).into_iter();
            return seen
                .map(|(device, kind, handle, _)| (device, kind, format!(" {handle}")))
                .collect();
        }
        let places = self.places(vm).into_iter();
        places.map(|(device, kind)| (device, kind, String::new())).collect()
    }

    /// A launcher has gone, and its network namespace with it.
    pub(super) fn gone(&mut self, pod_uid: &str) {
        for vm in 0..self.plans.len() {
            if self.plans[vm].pod_uid != pod_uid || matches!(self.phases[vm], Phase::Found | Phase::Ended(_)) {
                continue;
            }
            let held = match &self.phases[vm] {
                Phase::Held { since, .. } => json!(hundredths(since.elapsed().as_secs_f64())),
                Phase::Easing { held, .. } => json!(held),
                _ => json!(0),
            };
            self.phases[vm] = Phase::Ended("gone");
            self.verdicts.push(json!([vm, "gone", "gone", held]));
            self.probe_ended(vm, false);
            self.emit(json!({"ev": "gone", "vm": vm, "by": "gone", "held": held}));
        }
    }
}
