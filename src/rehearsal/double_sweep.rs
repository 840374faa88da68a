//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does when it is told to sweep: it takes out what carries the
//! marks of this program, whoever put it there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::double::Launcher;
use super::double_agent::{Double, Phase};
use super::double_plan::{VmPlan, is_of_a_run};
use super::flower::{Clsact, Filter, run_of};
use super::host::Feature;
use super::nft::Table;
use super::qdisc::Root;

impl Double {
    pub(super) fn sweep(&mut self, vm: usize) {
        let plan = &self.plans[vm];
        if self.over || plan.sweeps.is_empty() || !matches!(self.phases[vm], Phase::Found) {
            return;
        }
        if !self.kernel.has(Feature::Removal) {
            self.phases[vm] = Phase::Ended("leaked");
            self.verdicts.push(json!([vm, "leaked", "cleanup", 0]));
            let left = ["it cannot be removed"];
            return self.emit(json!({"ev": "swept", "vm": vm, "removed": [], "left": left}));
        }
        let removed = self
            .kernel
            .launchers()
            .get_mut(&plan.pod_uid)
            .map(|launcher| -> Vec<String> {
                let mut removed = Vec::new();
                for (device, root) in &mut launcher.roots {
                    let taken = take(root, |handle| plan.sweeps(device, handle));
                    removed.extend(taken.map(|it| format!("{device} {it}")));
                    removed.extend(plan.take_filters(device, &mut launcher.clsacts));
                }
                removed.extend(plan.take_tables(launcher, &self.run));
                removed
            });
        if let Some(removed) = removed {
            self.phases[vm] = Phase::Ended("restored");
            self.verdicts.push(json!([vm, "restored", "cleanup", 0]));
            self.emit(json!({"ev": "swept", "vm": vm, "removed": removed, "left": []}));
        } else {
            self.phases[vm] = Phase::Ended("gone");
            self.verdicts.push(json!([vm, "gone", "gone", 0]));
            self.emit(json!({"ev": "gone", "vm": vm, "by": "gone"}));
        }
    }
}

impl VmPlan {
    /// Deletes a device's filters that carry a mark that is asked for, and its clsact if nothing is on it then: device and
    /// mark.
    fn take_filters(&self, device: &str, clsacts: &mut BTreeMap<String, Clsact>) -> Vec<String> {
        let Some(clsact) = clsacts.get_mut(device) else {
            return Vec::new();
        };
        let mark = |filter: &Filter| run_of(filter).map(|run| format!("{run:x}:"));
        let asked = |filter: &Filter| mark(filter).is_some_and(|mark| self.sweeps(device, &mark));
        let marks: BTreeSet<String> = clsact
            .filters()
            .iter()
            .filter(|one| asked(one))
            .filter_map(mark)
            .collect();
        clsact.remove(asked);
        if clsact.filters().is_empty() && !marks.is_empty() {
            clsacts.remove(device);
        }
        marks.iter().map(|mark| format!("{device} flower {mark}")).collect()
    }

    /// Deletes the tables of this program; if marks are asked for, those of this run alone.
    fn take_tables(&self, launcher: &mut Launcher, run: &str) -> Vec<String> {
        let own = format!("vmchaos_{run}");
        let every = self.sweeps.iter().any(|(_, only)| only.is_none());
        let ours =
            |table: &Table| table.name.starts_with("vmchaos_") && (every || table.name == own || table.has_chain(&own));
        let names: Vec<String> = launcher
            .tables
            .iter()
            .filter(|table| ours(table))
            .map(|table| table.name.clone())
            .collect();
        for name in &names {
            // It is there.
            let _ = launcher.tables.delete(name);
        }
        names.into_iter().map(|name| format!("nft {name}")).collect()
    }

    fn sweeps(&self, device: &str, handle: &str) -> bool {
        let asked = |only: &Option<String>| only.as_ref().is_none_or(|only| only == handle);
        is_of_a_run(handle) && self.sweeps.iter().any(|(name, only)| name == device && asked(only))
    }
}

/// Deletes a root of a kind that this program sets, if its handle is asked for: its kind and handle.
fn take(root: &mut Root, asked: impl Fn(&str) -> bool) -> Option<String> {
    let (kind, handle) = root.is();
    let (kind, handle) = (kind.to_owned(), handle.to_owned());
    let ours = ["netem", "tbf"].contains(&kind.as_str()) && asked(&handle);
    (ours && root.command("del", &handle, &[]).is_ok()).then(|| format!("{kind} {handle}"))
}
