//! The state machine, told stories: what the node says goes in, what is said and how the VMs end comes out.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::engine::{Action, Engine, Input, Settings, VmiSeen};
use super::vm::{Cause, End, Placement, Step, Trouble, Vm};
use crate::cluster::events::Happened;
use crate::node::pod_state::PodState;
use crate::node::session::Heard;
use crate::node::wire::{By, Event, Line, Verdict, Word};
use crate::plan::Reading;

#[path = "reach_tests.rs"]
mod reach;

/// A run with one VM a pod, and a clock that only moves when told.
pub(super) struct Story {
    pub(super) engine: Engine,
    now: Instant,
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
        &format!("uid-{pod}"),
        Placement::new(pod, 0, &node),
        Box::new(check),
    )
}

impl Story {
    pub(super) fn new(settings: Settings, vms: usize) -> Self {
        let engine = Engine::new(settings, (0..vms).map(vm).collect(), vms);
        Self {
            engine,
            now: Instant::now(),
            actions: Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, input: Input) -> &mut Self {
        let actions = self.engine.handle(input, self.now);
        self.actions
            .extend(actions.into_iter().filter(|action| !matches!(action, Action::Show(_))));
        self
    }

    pub(super) fn says(&mut self, pod: usize, event: Event) -> &mut Self {
        self.tell(Input::Heard(pod, Heard::Line(Line { s: 1, t: 0.0, event })))
    }

    pub(super) fn found(&mut self, pod: usize) -> &mut Self {
        self.tell(Input::Heard(pod, Heard::Attached))
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
        let mut story = Self::new(settings, vms);
        (0..vms).for_each(|pod| _ = story.found(pod));
        (0..vms).for_each(|pod| _ = story.ready(pod));
        (0..vms).for_each(|pod| _ = story.injected(pod));
        story.actions.clear();
        story
    }

    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.tell(Input::Tick)
    }

    pub(super) fn said(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(super) fn end(&self, vm: usize) -> &Step {
        &self.engine.vms()[vm].current().step
    }

    pub(super) fn reason(&self, vm: usize) -> Option<&str> {
        self.engine.vms()[vm]
            .trouble
            .as_ref()
            .map(|trouble| trouble.reason.as_str())
    }
}

pub(super) fn here(node: &str) -> VmiSeen {
    VmiSeen {
        gone: false,
        leaving: false,
        node: Some(node.to_owned()),
    }
}

fn over(verdict: Option<Verdict>) -> Heard {
    Heard::Over(PodState::Deleted { verdict })
}

#[test]
fn go_is_said_only_when_every_vm_is_ready() {
    let mut story = Story::new(settings(), 2);
    story.found(0);
    assert_eq!(story.said(), vec![], "armed before all were found");
    story.found(1);
    assert_eq!(
        story.said(),
        vec![Action::Say(0, Word::Arm(None)), Action::Say(1, Word::Arm(None))]
    );
    story.ready(1);
    assert_eq!(story.said(), vec![], "went before all were ready");
    story.ready(0);
    assert_eq!(
        story.said(),
        vec![Action::Say(0, Word::Go(None)), Action::Say(1, Word::Go(None))]
    );
}

#[test]
fn in_parallel_one_refusal_before_go_means_that_nothing_is_injected() {
    let mut story = Story::new(settings(), 2);
    story.found(0).found(1).ready(0).said();
    let refusal = Event::Refused {
        vm: 0,
        reason: "foreign-qdisc".into(),
        device: Some("tap0".into()),
        detail: "htb".into(),
    };
    story.says(1, refusal);
    assert!(
        !story
            .said()
            .iter()
            .any(|action| matches!(action, Action::Say(_, Word::Go(_))))
    );
    assert_eq!(story.end(0), &Step::Final(End::Untouched));
    assert_eq!(story.reason(1), Some("foreign-qdisc"));
    assert!(story.engine.is_done());
}

#[test]
fn after_go_one_vms_failure_rolls_back_that_vm_alone() {
    let mut story = Story::new(settings(), 2);
    story.found(0).found(1).ready(0).ready(1).injected(0).said();
    story.says(
        1,
        Event::Injected {
            vm: 0,
            read: [("tap0".to_owned(), json!("nothing"))].into(),
        },
    );
    assert_eq!(story.said(), vec![Action::Say(1, Word::Rollback(Some(0)))]);
    story.restored(1, By::Rollback);
    assert_eq!(story.reason(1), Some("readback"));
    assert_eq!(story.end(0), &Step::Injected);
    story.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(story.engine.is_done() && story.reason(0).is_none());
}

#[test]
fn serial_gives_each_vm_its_turn_and_stops_at_the_first_failure() {
    let mut story = Story::new(
        Settings {
            serial: true,
            ..settings()
        },
        3,
    );
    story.found(0).found(1).found(2);
    assert_eq!(story.said(), vec![Action::Say(0, Word::Arm(Some(0)))]);
    story.ready(0).injected(0).said();
    story.ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(
        story.said().contains(&Action::Say(1, Word::Arm(Some(0)))),
        "the next one's turn"
    );
    story.ready(1);
    story.says(
        1,
        Event::Failed {
            vm: 0,
            reason: "apply".into(),
            detail: String::new(),
        },
    );
    story.restored(1, By::Other);
    assert_eq!(story.end(2), &Step::Final(End::Untouched), "the rest is skipped");
    assert!(story.engine.is_done());
}

#[test]
fn a_fault_that_was_gone_before_its_end_is_a_failure() {
    let mut story = Story::hold(settings(), 1);
    story.ending(0, By::Deadline, "nothing").restored(0, By::Deadline);
    assert_eq!(story.reason(0), Some("not-held"));
}

#[test]
fn a_signal_rolls_back_and_waits_for_the_proof() {
    let mut story = Story::hold(settings(), 2);
    story.tell(Input::Signal);
    assert_eq!(
        story.said(),
        vec![
            Action::Say(0, Word::Rollback(None)),
            Action::Say(1, Word::Rollback(None))
        ]
    );
    assert!(!story.engine.is_done());
    story.restored(0, By::Rollback).restored(1, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Signal));
}

#[test]
fn a_second_signal_leaves_and_says_what_may_be_left() {
    let mut story = Story::hold(settings(), 2);
    story.tell(Input::Signal).restored(0, By::Rollback).tell(Input::Signal);
    assert!(story.engine.is_done());
    assert_eq!(story.end(0), &Step::Final(End::Restored(By::Rollback)));
    assert!(story.engine.vms()[1].leaked().is_some());
}

#[test]
fn a_signal_before_any_pod_speaks_lets_go_of_the_sessions() {
    let mut story = Story::new(settings(), 1);
    story.tell(Input::Signal);
    assert_eq!(story.said(), vec![Action::Close(0)]);
    assert!(story.engine.is_done());
}

#[test]
fn a_lost_wire_is_settled_by_the_pods_verdict() {
    let mut story = Story::hold(settings(), 1);
    story.tell(Input::Heard(0, Heard::WireLost));
    assert!(!story.engine.is_done());
    let verdict = Verdict {
        run: "r".into(),
        vms: vec![(0, "restored".into(), By::LostOperator, 9.0)],
        more: 0,
    };
    story.tell(Input::Heard(0, over(Some(verdict))));
    assert_eq!(story.end(0), &Step::Final(End::Restored(By::LostOperator)));
    assert_eq!(story.reason(0), Some("stream-lost"));
}

#[test]
fn without_a_verdict_another_agent_looks_and_only_its_word_counts() {
    for (answer, clean) in [(Ok(()), true), (Err("tap0 netem".to_owned()), false)] {
        let mut story = Story::hold(settings(), 1);
        story.tell(Input::Heard(0, Heard::WireLost)).said();
        story.tell(Input::Heard(0, over(None)));
        assert_eq!(story.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
        assert!(!story.engine.is_done());
        story.tell(Input::Verified(0, 0, answer));
        assert_eq!(story.engine.vms()[0].leaked().is_none(), clean);
        assert!(story.engine.is_done());
    }
}

#[test]
fn a_vm_that_moves_gets_its_fault_back_for_the_rest_of_the_time() {
    let mut story = Story::hold(settings(), 1);
    story.pass(Duration::from_secs(20));
    story.tell(Input::Vmi(0, here("node-2")));
    let place = Action::Place {
        vm: 0,
        node: "node-2".into(),
        remaining: Duration::from_secs(40),
    };
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0))), place]);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(20.0),
        },
    );
    story.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    story.now += Duration::from_secs(3);
    story.found(1).ready(1).injected(1);
    assert_eq!(
        story.said(),
        vec![Action::Say(1, Word::Arm(Some(0))), Action::Say(1, Word::Go(Some(0)))]
    );
    assert_eq!(story.engine.vms()[0].moves[0].gap, Some(Duration::from_secs(3)));
    story.pass(Duration::from_secs(37));
    assert_eq!(
        story.said(),
        vec![Action::Say(1, Word::Rollback(Some(0)))],
        "the end of what was asked"
    );
    story.ending(1, By::Rollback, "ok").restored(1, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Deadline));
    assert_eq!(story.reason(0), None);
}

#[test]
fn a_namespace_that_ends_before_the_move_is_seen_is_a_move_when_the_vmi_runs_elsewhere() {
    let mut story = Story::hold(settings(), 1);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    assert_eq!(story.said(), vec![Action::Recheck(0)]);
    assert!(!story.engine.is_done());
    story.tell(Input::Vmi(0, here("node-2")));
    assert!(matches!(story.said()[..], [Action::Place { .. }]));
}

#[test]
fn a_restarted_guest_is_gone_and_gets_no_fault() {
    let mut story = Story::hold(settings(), 1);
    story.says(
        0,
        Event::Gone {
            vm: 0,
            held: Some(10.0),
        },
    );
    story.tell(Input::Vmi(
        0,
        VmiSeen {
            gone: true,
            leaving: false,
            node: None,
        },
    ));
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Gone));
    assert!(!story.said().iter().any(|action| matches!(action, Action::Place { .. })));
}

#[test]
fn with_stop_a_migration_ends_the_fault() {
    let mut story = Story::hold(
        Settings {
            follow: false,
            ..settings()
        },
        1,
    );
    story.tell(Input::Vmi(0, here("node-2")));
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    story.restored(0, By::Rollback);
    assert!(story.engine.is_done());
    assert_eq!(story.engine.vms()[0].cause, Some(Cause::Migration));
}

#[test]
fn a_move_that_cannot_be_followed_is_told_with_no_end_to_its_gap() {
    let mut story = Story::hold(settings(), 1);
    story.tell(Input::Vmi(0, here("node-2"))).restored(0, By::Rollback);
    story.tell(Input::Placed(
        0,
        "node-2".into(),
        Err(Trouble::new("pod-refused", "no")),
    ));
    assert!(story.engine.is_done());
    assert_eq!(story.reason(0), Some("pod-refused"));
    assert_eq!(story.engine.vms()[0].moves[0].gap, None);
}

#[test]
fn detach_is_said_only_when_every_fault_was_read_back() {
    let mut story = Story::new(
        Settings {
            detach: true,
            follow: false,
            ..settings()
        },
        2,
    );
    story.found(0).found(1).ready(0).ready(1).injected(0);
    assert!(!story.said().contains(&Action::Say(0, Word::Detach)));
    story.injected(1);
    assert!(
        story
            .said()
            .ends_with(&[Action::Say(0, Word::Detach), Action::Say(1, Word::Detach)])
    );
    story.says(0, Event::Detached).says(1, Event::Detached);
    assert!(story.engine.is_done());
    assert_eq!(story.end(1), &Step::Final(End::Detached));
}

#[test]
fn an_agent_that_does_not_answer_is_rolled_back_and_then_looked_after() {
    let mut story = Story::new(settings(), 1);
    story.found(0).ready(0).said();
    story.pass(Duration::from_secs(16));
    assert_eq!(story.said(), vec![Action::Say(0, Word::Rollback(Some(0)))]);
    story.pass(Duration::from_secs(16));
    assert_eq!(story.said(), vec![Action::Verify { vm: 0, placement: 0 }]);
}

#[test]
fn the_owner_of_the_vmi_is_told_once_of_each() {
    let mut story = Story::new(settings(), 1);
    story
        .found(0)
        .ready(0)
        .injected(0)
        .ending(0, By::Deadline, "ok")
        .restored(0, By::Deadline);
    let told: Vec<_> = story
        .said()
        .into_iter()
        .filter(|action| matches!(action, Action::Tell(..)))
        .collect();
    assert_eq!(
        told,
        vec![Action::Tell(0, Happened::Injected), Action::Tell(0, Happened::Restored)]
    );
}
