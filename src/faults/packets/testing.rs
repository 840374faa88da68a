//! Runs of the state machine in its tests: what the node says goes in, what is said and how the VMs end comes out.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::engine::{Action, Engine, Input, Settings, VmiSeen};
use super::vm::{Placement, Step, Vm};
use crate::faults::packets::compile::Reading;
use crate::node::pod_state::PodState;
use crate::node::session::SessionEvent;
use crate::node::verdict::{EndState, Verdict};
use crate::node::wire::{By, Event, Line};
use crate::run::machine::{Machine, Moment, Outside};
use crate::run::sweep::Swept;

/// A run with one VM a pod, and a clock that only moves when told.
pub(super) struct TestRun {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    actions: Vec<Action>,
}

pub(super) const HOLD: Duration = Duration::from_secs(60);

pub(super) fn settings() -> Settings {
    Settings {
        serial: false,
        detach: false,
        follow: true,
        hold: HOLD,
    }
}

fn vm(pod: usize) -> Vm {
    // What is read back counts as right when it says `ok`.
    let check = |read: &std::collections::BTreeMap<String, serde_json::Value>| {
        if read.get("tap0") == Some(&json!("ok")) {
            Ok(vec![Reading {
                device: "tap0".to_owned(),
                engine: "tc",
                asked: "delay 100ms".into(),
                read: "delay 100ms".into(),
                packets: Some(7),
                dropped: 0,
            }])
        } else {
            Err("delay is 0".to_owned())
        }
    };
    let node = format!("node-{}", pod + 1);
    Vm::new(
        &format!("default/web-{pod}"),
        Placement::new(pod, 0, &node),
        Box::new(check),
    )
}

impl TestRun {
    pub(super) fn new(settings: Settings, vms: usize) -> Self {
        let engine = Engine::new(settings, (0..vms).map(vm).collect(), vms);
        Self {
            engine,
            now: Instant::now(),
            actions: Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, input: Input) -> &mut Self {
        let actions = self.engine.handle(
            input,
            Moment {
                at: self.now,
                clock: jiff::Timestamp::now(),
            },
        );
        self.actions
            .extend(actions.into_iter().filter(|action| !matches!(action, Action::Show(_))));
        self
    }

    pub(super) fn says(&mut self, pod: usize, event: Event) -> &mut Self {
        self.tell(Input::Session(pod, SessionEvent::Line(Line { s: 1, t: 0.0, event })))
    }

    pub(super) fn found(&mut self, pod: usize) -> &mut Self {
        self.tell(Input::Session(pod, SessionEvent::Attached))
            .says(pod, Event::Found { vm: 0 })
    }

    pub(super) fn ready(&mut self, pod: usize) -> &mut Self {
        self.says(
            pod,
            Event::Ready {
                vm: 0,
                before: [].into(),
            },
        )
    }

    pub(super) fn injected(&mut self, pod: usize) -> &mut Self {
        self.says(
            pod,
            Event::Injected {
                vm: 0,
                read: [("tap0".to_owned(), json!("ok"))].into(),
            },
        )
    }

    pub(super) fn ending(&mut self, pod: usize, by: By, read: &str) -> &mut Self {
        self.says(
            pod,
            Event::Ending {
                vm: 0,
                by,
                read: [("tap0".to_owned(), json!(read))].into(),
            },
        )
    }

    pub(super) fn restored(&mut self, pod: usize, by: By) -> &mut Self {
        self.says(
            pod,
            Event::Restored {
                vm: 0,
                by,
                held: 60.0,
                after: [].into(),
                changed: None,
            },
        )
    }

    /// All the way to a fault that is there, on every VM.
    pub(super) fn hold(settings: Settings, vms: usize) -> Self {
        let mut run = Self::new(settings, vms);
        (0..vms).for_each(|pod| _ = run.found(pod));
        (0..vms).for_each(|pod| _ = run.ready(pod));
        (0..vms).for_each(|pod| _ = run.injected(pod));
        run.actions.clear();
        run
    }

    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.tell(Outside::Tick.into())
    }

    pub(super) fn said(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(super) fn end(&self, vm: usize) -> &Step {
        &self.engine.vms()[vm].current().step
    }

    pub(super) fn reason(&self, vm: usize) -> Option<&str> {
        self.engine.vms()[vm]
            .problem
            .as_ref()
            .map(|problem| problem.reason.word())
    }
}

pub(super) fn here(node: &str) -> VmiSeen {
    VmiSeen {
        node: Some(node.to_owned()),
        ..VmiSeen::default()
    }
}

pub(super) fn over(verdict: Option<Verdict>) -> SessionEvent {
    SessionEvent::Over(PodState::Deleted { verdict })
}

/// What another agent found in `web-0`, and has removed.
pub(super) fn swept(removed: &[&str]) -> Swept {
    Swept {
        key: "default/web-0".to_owned(),
        removed: removed.iter().map(|&it| it.to_owned()).collect(),
        gone: false,
    }
}

/// What the pod of a run says in its status of some of its VMs: index, state, by.
pub(super) fn verdict(vms: &[(usize, EndState, By)], more: u32) -> Verdict {
    Verdict {
        run: "r".to_owned(),
        vms: vms.iter().map(|&(vm, state, by)| (vm, state, by, 9.0)).collect(),
        more,
        armed: None,
    }
}
