//! The run waits a moment for probes, and never long.

use std::time::Duration;

use super::{HOLD, TestRun, over, settings};
use crate::faults::packets::engine::{Action, Input, Settings};
use crate::faults::packets::probes::Probing;
use crate::faults::packets::testing::here;
use crate::node::session::SessionEvent;
use crate::node::wire::{By, Event, Line, ProbePhase, Word};
use crate::run::machine::{Machine, Moment, Outside};

/// A run with one VM that is probed in two ways.
fn probed(settings: Settings) -> TestRun {
    let mut run = TestRun::new(settings, 1);
    run.engine.vms[0].probing = Probing::new(2, None);
    run
}

fn probe(run: &mut TestRun, n: usize, phase: ProbePhase, ms: Option<f64>) {
    let at = 100.0;
    run.says(
        0,
        Event::Probe {
            vm: 0,
            n,
            phase,
            at,
            ms,
        },
    );
}

fn probes(run: &mut TestRun, phase: ProbePhase, times: usize) {
    for _ in 0..times {
        probe(run, 0, phase, Some(0.4));
        probe(run, 1, phase, None);
    }
}

fn went(run: &mut TestRun) -> bool {
    run.said().contains(&Action::Say(0, Word::Go(None)))
}

#[test]
fn go_waits_for_a_few_probes_of_each_kind() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 2);
    probe(&mut run, 0, ProbePhase::Before, Some(0.4));
    assert!(!went(&mut run));
    probe(&mut run, 1, ProbePhase::Before, None);
    assert!(went(&mut run));
}

#[test]
fn go_does_not_wait_for_probes_that_never_come() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    run.pass(Duration::from_secs(9));
    assert!(!went(&mut run));
    let wake = run.engine.wake_at().expect("it wakes by itself");
    run.pass(wake - run.now);
    assert!(went(&mut run));
}

#[test]
fn after_the_end_a_few_more_are_waited_for() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 3);
    run.injected(0).ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    assert!(!run.engine.is_done());
    probes(&mut run, ProbePhase::After, 3);
    assert!(run.engine.is_done());
    let samples = &run.engine.vms()[0].probing.samples;
    assert_eq!((samples[0].len(), samples[1].len()), (6, 6));
    assert_eq!(samples[1][0].ms, None);
}

#[test]
fn a_signal_cuts_the_wait_after_the_end_and_is_no_interruption() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 3);
    run.injected(0).ending(0, By::Deadline, "ok").restored(0, By::Deadline);
    run.tell(Outside::Signal.into());
    assert!(run.engine.is_done());
    assert_eq!(run.engine.signals(), 0);
}

#[test]
fn after_a_signal_one_probe_is_enough() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 3);
    run.injected(0).tell(Outside::Signal.into());
    run.ending(0, By::Rollback, "ok").restored(0, By::Rollback);
    assert!(!run.engine.is_done());
    probes(&mut run, ProbePhase::After, 1);
    assert!(run.engine.is_done());
}

#[test]
fn detach_waits_for_a_few_under_the_fault_but_not_past_half_of_it() {
    let detach = Settings {
        detach: true,
        ..settings()
    };
    for answered in [true, false] {
        let mut run = probed(detach);
        run.found(0).ready(0);
        probes(&mut run, ProbePhase::Before, 3);
        run.injected(0).said();
        if answered {
            probes(&mut run, ProbePhase::During, 2);
            assert_eq!(run.said(), vec![]);
            probes(&mut run, ProbePhase::During, 1);
        } else {
            run.pass(Duration::from_secs(10).min(HOLD / 2));
        }
        assert_eq!(run.said(), vec![Action::Say(0, Word::Detach)]);
    }
}

#[test]
fn a_vm_without_probes_waits_for_none() {
    let mut run = TestRun::new(settings(), 1);
    run.found(0).ready(0);
    assert!(went(&mut run));
}

#[test]
fn under_a_fault_that_is_short_they_are_not_waited_for_past_half_of_it() {
    let mut run = probed(Settings {
        detach: true,
        hold: Duration::from_secs(8),
        ..settings()
    });
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 3);
    run.injected(0).said();
    run.pass(Duration::from_millis(3900));
    assert_eq!(run.said(), vec![]);
    run.pass(Duration::from_millis(100));
    assert_eq!(run.said(), vec![Action::Say(0, Word::Detach)]);
}

#[test]
fn a_probe_is_dated_by_this_machines_clock_and_shown_under_the_fault_alone() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    let clock: jiff::Timestamp = "2026-11-30T12:00:10Z".parse().unwrap();
    let mut shows = |phase| {
        let event = Event::Probe {
            vm: 0,
            n: 0,
            phase,
            at: 100.0,
            ms: Some(0.4),
        };
        let line = Line { s: 1, t: 103.0, event };
        let now = Moment { at: run.now, clock };
        let actions = run.engine.handle(Input::Session(0, SessionEvent::Line(line)), now);
        actions.contains(&Action::Show(0))
    };
    assert!(!shows(ProbePhase::Before));
    assert!(shows(ProbePhase::During));
    let samples = &run.engine.vms()[0].probing.samples[0];
    let dated = "2026-11-30T12:00:07Z".parse().unwrap();
    assert!(samples.iter().all(|sample| sample.at == dated), "{samples:?}");
}

#[test]
fn of_a_vm_that_moves_only_probes_from_where_its_fault_is_count() {
    let mut run = probed(settings());
    run.found(0).ready(0);
    probes(&mut run, ProbePhase::Before, 3);
    run.injected(0);
    let count = |run: &TestRun| run.engine.vms()[0].probing.samples[0].len();
    let from = |run: &mut TestRun, pod: usize, phase| {
        let (at, ms) = (100.0, Some(0.4));
        let (vm, n) = (0, 0);
        run.says(pod, Event::Probe { vm, n, phase, at, ms });
        count(run)
    };
    assert_eq!(from(&mut run, 0, ProbePhase::During), 4);
    run.tell(Input::Vmi(0, here("node-2"))).restored(0, By::Rollback);
    assert_eq!(from(&mut run, 0, ProbePhase::During), 4, "it is on its way");
    run.tell(Input::Placed(0, "node-2".into(), Ok(1)));
    run.found(1).ready(1);
    assert_eq!(from(&mut run, 1, ProbePhase::Before), 4, "it had the fault before");
    run.injected(1);
    assert_eq!(from(&mut run, 1, ProbePhase::Before), 4);
    assert_eq!(from(&mut run, 0, ProbePhase::During), 4, "where it was");
    assert_eq!(from(&mut run, 1, ProbePhase::During), 5);
}

#[test]
fn what_a_pod_that_is_lost_or_over_would_have_told_is_not_waited_for() {
    for lost in [SessionEvent::WireLost, over(None)] {
        let mut run = TestRun::new(settings(), 2);
        for vm in &mut run.engine.vms {
            vm.probing = Probing::new(1, None);
        }
        for pod in [0, 1] {
            run.found(pod);
        }
        for pod in [0, 1] {
            run.ready(pod);
        }
        run.pass(Duration::from_secs(10));
        for pod in [0, 1] {
            run.injected(pod)
                .ending(pod, By::Deadline, "ok")
                .restored(pod, By::Deadline);
        }
        let waits = |run: &TestRun| [0, 1].map(|vm| run.engine.awaits_probes(vm));
        assert_eq!(waits(&run), [true, true]);
        run.tell(Input::Session(1, lost));
        assert_eq!(waits(&run), [true, false]);
    }
}
