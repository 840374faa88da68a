//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does when it is told to sweep: it takes away what carries the
//! marks of this program, whoever made it.

use serde_json::json;

use super::double_agent::{Double, Phase};
use super::qdisc::Root;

impl Double {
    pub(super) fn sweep(&mut self, vm: usize) {
        if self.over || self.plans[vm].sweeps.is_empty() || !matches!(self.phases[vm], Phase::Found) {
            return;
        }
        let checked = self.plans[vm].check(&self.kernel.launchers());
        if let Err(refused) = checked {
            return self.refuse(vm, refused);
        }
        let plan = &self.plans[vm];
        let mut removed = Vec::new();
        if let Some(launcher) = self.kernel.launchers().get_mut(&plan.pod_uid) {
            for device in &plan.sweeps {
                if let Some((kind, handle)) = launcher.roots.get_mut(device).and_then(take) {
                    removed.push(format!("{device} {kind} {handle}"));
                }
            }
        }
        self.phases[vm] = Phase::Ended("restored");
        self.verdicts.push(json!([vm, "restored", "rollback", 0]));
        self.emit(json!({"ev": "swept", "vm": vm, "removed": removed, "left": []}));
    }
}

/// Deletes a root that carries a handle of this program; its kind and handle.
fn take(root: &mut Root) -> Option<(String, String)> {
    let (kind, handle) = root.is();
    let (kind, handle) = (kind.to_owned(), handle.to_owned());
    let ours = ["netem", "tbf"].contains(&kind.as_str()) && handle.len() == 5 && handle.starts_with('7');
    (ours && root.command("del", &handle, &[]).is_ok()).then_some((kind, handle))
}
