//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does when it is told to kill: a guest ends as by a crash.

use serde_json::json;

use super::double_agent::{Double, Phase};

impl Double {
    pub(super) fn kill(&mut self, vm: usize) {
        let plan = &self.plans[vm];
        if self.over || !plan.kills || !matches!(self.phases[vm], Phase::Found) {
            return;
        }
        let uid = plan.pod_uid.clone();
        let guest = self.kernel.launchers().get_mut(&uid).and_then(|it| it.guest.take());
        let Some(pid) = guest else {
            return self.refuse(vm, ("no-guest", "no QEMU process is in the container".to_owned(), None));
        };
        self.phases[vm] = Phase::Ended("killed");
        self.verdicts.push(json!([vm, "killed", "operator", 0]));
        self.emit(json!({"ev": "killed", "vm": vm, "pid": pid}));
        self.kernel.crashed(&uid);
    }
}
