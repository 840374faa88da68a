//! The words between an operator and the agent of a [`DoubleNode`](super::double::DoubleNode), as the script takes them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::double_agent::{Double, Phase};
use super::host::Feature;

impl Double {
    /// The first word; `good` when the plan can be understood.
    pub(super) fn greet(&mut self, good: bool) {
        let netem = if self.plans.iter().any(|plan| plan.needs_netem) {
            self.kernel.has(Feature::Netem).into()
        } else {
            Value::Null
        };
        let mut hello = json!({"ev": "hello", "run": self.run, "kernel": "6.1.0-18", "tc": "iproute2-6.1.0", "shell": "double", "netem": netem});
        for (name, value) in self.try_engines(good) {
            hello[name] = value;
        }
        self.emit(hello);
    }

    /// Looks for its VMs; with a plan that is `bad` for that reason, for none.
    pub(super) fn find(&mut self, bad: Option<&str>) {
        for vm in 0..self.plans.len() {
            let found = match bad {
                Some(why) => Err(("plan", why.to_owned(), None)),
                None => self.inspect(vm),
            };
            match found {
                Ok(pid) => {
                    self.emit(
                        json!({"ev": "found", "vm": vm, "pid": pid, "netns": 4_026_532_000_u64 + u64::from(pid)}),
                    );
                }
                Err(refused) => self.refuse(vm, refused),
            }
        }
    }

    /// One line of the operator's.
    pub(super) fn hear(&mut self, line: &str, go_limit: Duration) {
        self.heard = Instant::now();
        let mut words = line.split(' ');
        let (word, argument) = (words.next().unwrap_or_default(), words.next());
        let index = argument.and_then(|text| text.parse::<usize>().ok());
        let vms: Vec<usize> = match (argument, index) {
            (Some(_), Some(vm)) if vm < self.plans.len() => vec![vm],
            (Some(_), _) => Vec::new(),
            (None, _) => (0..self.plans.len()).collect(),
        };
        match word {
            "hello" => {
                self.greeted = true;
                if let (None, _) | (_, Some(_)) = (argument, index) {
                    self.unsaid = index.unwrap_or(0).min(self.events.len());
                }
            }
            "arm" => vms.into_iter().for_each(|vm| self.arm(vm, go_limit)),
            "go" => vms.into_iter().for_each(|vm| self.go(vm)),
            "kill" => vms.into_iter().for_each(|vm| self.kill(vm)),
            "sweep" => vms.into_iter().for_each(|vm| self.sweep(vm)),
            "probe" => vms.into_iter().for_each(|vm| self.probe_only(vm)),
            "hb" if !self.ended => self.emit(json!({"ev": "hb"})),
            "rollback" => vms.into_iter().for_each(|vm| self.end(vm, "rollback")),
            "detach" => {
                let started: Vec<bool> = self
                    .phases
                    .iter()
                    .filter(|phase| !matches!(phase, Phase::Found | Phase::Ended(_)))
                    .map(|phase| matches!(phase, Phase::Held { .. }))
                    .collect();
                if !started.is_empty() && started.iter().all(|held| *held) {
                    self.detached = true;
                    self.probed.clear();
                    self.emit(json!({"ev": "detached"}));
                }
            }
            "bye" => self.leave("rollback"),
            _ => {}
        }
    }

    /// The container was killed: its sentinels undo at once, without easing.
    pub(super) fn killed(&mut self) {
        for vm in 0..self.plans.len() {
            self.end(vm, "lost-operator");
            if let Phase::Easing { until, .. } = &mut self.phases[vm] {
                *until = Instant::now();
            }
        }
        self.settle();
    }

    pub(super) fn leave(&mut self, by: &'static str) {
        self.over = true;
        self.probed.clear();
        (0..self.plans.len()).for_each(|vm| self.end(vm, by));
    }
}
