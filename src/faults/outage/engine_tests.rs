use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::fault::RunField;
use crate::faults::outage::recovery::predict;
use crate::faults::outage::spec::{Mode, OutageSpec, OutageTarget, Owner};
use crate::faults::outage::vm::Done;
use crate::problem::{Problem, Reason};

fn now() -> Moment {
    Moment {
        at: Instant::now(),
        clock: Timestamp::UNIX_EPOCH,
    }
}

fn outage(name: &str, owner: &Owner) -> Outage {
    let spec = OutageSpec::plain(Mode::Delete);
    let target = OutageTarget {
        namespace: "default".into(),
        name: name.into(),
        uid: name.into(),
        node: "node-1".into(),
        launcher: None,
        owner: owner.clone(),
        agent: false,
        shutdown: Duration::from_secs(30),
        volatile: Vec::new(),
    };
    let prediction = predict(&spec, &target, Some((1, 9)));
    Outage::new(target, spec, prediction)
}

fn always() -> Owner {
    Owner::Vm(RunField::RunStrategy("Always".into()))
}

fn engine(execution: Execution, names: &[&str], owner: &Owner) -> (Engine, Vec<Action>) {
    Engine::new(names.iter().map(|name| outage(name, owner)).collect(), execution)
}

fn seen(name: &str, uid: &str) -> VmiState {
    VmiState {
        uid: uid.into(),
        name: name.into(),
        node: "node-1".into(),
        phase: "Running".into(),
        ready: true,
        ..VmiState::default()
    }
}

/// A VM is deleted, and comes back as `NAME-2`.
fn recovers(engine: &mut Engine, index: VmIndex, name: &str) -> Vec<Action> {
    let listed = |uid: &str| Input::Change(index, Change::Listed(vec![seen(name, uid)]));
    let mut done = engine.handle(listed(name), now());
    done.extend(engine.handle(Input::Done(index, Done::Acted), now()));
    done.extend(engine.handle(listed(&format!("{name}-2")), now()));
    done
}

fn signal() -> Input {
    Outside::Signal.into()
}

fn outcomes(engine: &Engine) -> Vec<String> {
    let word = |vm: &Outage| match &vm.step {
        Step::Over(Outcome::Recovered(_)) => "recovered",
        Step::Over(Outcome::Skipped) => "skipped",
        Step::Over(_) => "failed",
        Step::Waiting => "waiting",
        _ => "under way",
    };
    engine.vms().iter().map(|vm| word(vm).to_owned()).collect()
}

#[test]
fn in_parallel_all_begin_at_once() {
    let (mut engine, first) = engine(Execution::Parallel, &["a", "b"], &always());
    assert_eq!(first, [Action::Watch(0), Action::Watch(1)]);
    let done = recovers(&mut engine, 0, "a");
    assert!(done.contains(&Action::Do(0, Effect::Act)), "{done:?}");
    assert!(
        done.ends_with(&[Action::Tell(0, Happened::Restored), Action::Leave(0)]),
        "{done:?}"
    );
    assert_eq!(
        (outcomes(&engine), engine.is_done()),
        (vec!["recovered".into(), "under way".into()], false)
    );
    recovers(&mut engine, 1, "b");
    assert!(engine.is_done());
}

#[test]
fn one_after_the_other_the_next_begins_when_one_is_back() {
    let (mut engine, first) = engine(Execution::Serial, &["a", "b", "c"], &always());
    assert_eq!(first, [Action::Watch(0)]);
    assert_eq!(outcomes(&engine), ["under way", "waiting", "waiting"]);
    let done = recovers(&mut engine, 0, "a");
    assert!(done.ends_with(&[Action::Leave(0), Action::Watch(1)]), "{done:?}");
    assert_eq!(outcomes(&engine), ["recovered", "under way", "waiting"]);
}

#[test]
fn one_after_the_other_they_end_with_the_first_that_fails() {
    let (mut engine, _) = engine(Execution::Serial, &["a", "b", "c"], &always());
    engine.handle(Input::Change(0, Change::Listed(vec![seen("a", "a")])), now());
    let refused = Done::Refused {
        problem: Problem::new(Reason::Refused, "no"),
        marked: false,
    };
    let done = engine.handle(Input::Done(0, refused), now());
    assert!(
        done.ends_with(&[Action::Leave(0), Action::Show(1), Action::Show(2)]),
        "{done:?}"
    );
    assert_eq!(
        (outcomes(&engine), engine.is_done()),
        (vec!["failed".into(), "skipped".into(), "skipped".into()], true)
    );
}

#[test]
fn after_a_signal_nothing_more_begins() {
    let (mut engine, _) = engine(Execution::Serial, &["a", "b"], &always());
    engine.handle(Input::Change(0, Change::Listed(vec![seen("a", "a")])), now());
    engine.handle(Input::Done(0, Done::Acted), now());
    engine.handle(signal(), now());
    assert_eq!(
        (outcomes(&engine), engine.is_done()),
        (vec!["under way".into(), "waiting".into()], false)
    );
    engine.handle(Input::Change(0, Change::Listed(vec![seen("a", "a-2")])), now());
    assert_eq!(
        (outcomes(&engine), engine.is_done()),
        (vec!["recovered".into(), "skipped".into()], true)
    );
}

#[test]
fn a_second_signal_leaves_everything_as_it_is() {
    let (mut engine, _) = engine(Execution::Parallel, &["a"], &always());
    engine.handle(Input::Change(0, Change::Listed(vec![seen("a", "a")])), now());
    engine.handle(signal(), now());
    assert!(!engine.is_done());
    assert_eq!(engine.handle(signal(), now()), []);
    assert_eq!(
        (outcomes(&engine), engine.is_done()),
        (vec!["under way".to_owned()], true)
    );
}

#[test]
fn what_came_back_counts_for_one_outage() {
    let owner = Owner::ReplicaSet {
        uid: "set".into(),
        name: "farm".into(),
    };
    let (mut engine, _) = engine(Execution::Parallel, &["a", "b"], &owner);
    let of_set = |uid: &str| VmiState {
        owner: Some("set".into()),
        ..seen(uid, uid)
    };
    let both = || Change::Listed(vec![of_set("a"), of_set("b")]);
    for index in [0, 1] {
        engine.handle(Input::Change(index, both()), now());
        engine.handle(Input::Done(index, Done::Acted), now());
        engine.handle(Input::Change(index, Change::Listed(Vec::new())), now());
    }
    for index in [0, 1] {
        engine.handle(Input::Change(index, Change::Applied(of_set("c"))), now());
    }
    assert_eq!(outcomes(&engine), ["recovered", "under way"], "one guest for two");
    engine.handle(Input::Change(1, Change::Applied(of_set("d"))), now());
    assert_eq!(outcomes(&engine), ["recovered", "recovered"]);
    let uids: Vec<_> = engine.vms().iter().map(|vm| vm.new.clone().unwrap().uid).collect();
    assert_eq!(uids, ["c", "d"]);
}

#[test]
fn it_wakes_for_the_outage_that_is_due_first() {
    let (mut engine, _) = engine(Execution::Parallel, &["a", "b"], &always());
    assert_eq!(engine.wake_at(), None);
    let later = Moment {
        at: Instant::now() + Duration::from_secs(10),
        ..now()
    };
    for (index, name, at) in [(0, "a", later), (1, "b", now())] {
        engine.handle(Input::Change(index, Change::Listed(vec![seen(name, name)])), at);
        engine.handle(Input::Done(index, Done::Acted), at);
        engine.handle(Input::Change(index, Change::Listed(Vec::new())), at);
    }
    let due: Vec<_> = engine.vms().iter().map(|vm| vm.wake_at().unwrap()).collect();
    assert!(due[1] < due[0]);
    assert_eq!(engine.wake_at(), Some(due[1]));
    let tick = |at| Moment { at, ..now() };
    engine.handle(Outside::Tick.into(), tick(due[1]));
    assert_eq!(engine.vms()[0].wake_at(), Some(due[0]), "it was not its time");
}
