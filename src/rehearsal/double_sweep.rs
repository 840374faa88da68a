//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does when it is told to sweep: it takes out what carries the
//! marks of this program, whoever put it there.

use serde_json::json;

use super::double_agent::{Double, Phase};
use super::double_plan::{VmPlan, is_of_a_run};
use super::qdisc::Root;

impl Double {
    pub(super) fn sweep(&mut self, vm: usize) {
        let plan = &self.plans[vm];
        if self.over || plan.sweeps.is_empty() || !matches!(self.phases[vm], Phase::Found) {
            return;
        }
        let removed = self
            .kernel
            .launchers()
            .get_mut(&plan.pod_uid)
            .map(|launcher| -> Vec<String> {
                let roots = launcher.roots.iter_mut();
                roots
                    .filter_map(|(device, root)| {
                        take(root, |handle| plan.sweeps(device, handle)).map(|it| format!("{device} {it}"))
                    })
                    .collect()
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
