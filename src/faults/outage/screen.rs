//! Shows a run of outages as it goes and leaves Events on the VMIs.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::events::{Happened, Regarding};
use crate::faults::outage::spec::Mode;
use crate::faults::outage::vm::{Outage, Outcome, Step};
use crate::faults::screen::Screen;
use crate::ui::State;

/// Something about a VMI's outage has changed.
pub(super) fn show(screen: &Screen, vm: &Outage) {
    tracing::debug!(vmi = vm.target.key(), "seen so far: {}", vm.times.seen().join(", "));
    // A new guest that has no node yet would leave a line without one.
    let new = vm.new.as_ref().filter(|new| !new.node.is_empty());
    let node = new.map_or(&vm.target.node, |new| &new.node);
    screen.progress.update(&vm.target.key(), node, state(vm));
}

/// Leaves an Event on the VMI with this UID.
pub(super) fn tell(screen: &Screen, vm: &Outage, uid: &str, happened: Happened, note: String) {
    let new = vm.new.as_ref().filter(|new| new.uid == uid);
    let name = new.map_or(&vm.target.name, |new| &new.name);
    screen.tell(Regarding::new(&vm.target.namespace, name, uid), happened, note);
}

fn state(vm: &Outage) -> State {
    let step = |words: &str| {
        State::Step(if vm.hurried {
            format!("{words} (interrupted; once more leaves it so)")
        } else {
            words.to_owned()
        })
    };
    match &vm.step {
        Step::Waiting | Step::Looking => State::Waiting,
        Step::Acting if vm.times.acted.is_none() => step(&format!("{} asked for", vm.spec.mode.name())),
        Step::Acting => step(match vm.spec.mode {
            Mode::Pause => "pausing",
            Mode::Reset => "resetting",
            _ => "its guest is ending",
        }),
        Step::Down if vm.is_kept_down() => {
            let since = vm.times.gone.map_or(Duration::ZERO, |gone| Instant::now() - gone.at);
            State::Injected {
                left: vm.spec.duration().saturating_sub(since),
            }
        }
        Step::Undoing => State::RollingBack,
        Step::Down | Step::Helping | Step::Returning => step(&down(vm)),
        Step::Over(outcome) => match outcome {
            Outcome::Recovered(_) => State::Done(recovered(vm)),
            Outcome::Skipped => State::Skipped,
            Outcome::Failed(problem) => State::Failed(problem.message.clone()),
            Outcome::Leaked(_) => State::Leaked,
        },
    }
}

fn down(vm: &Outage) -> String {
    let times = &vm.times;
    match &vm.new {
        None if vm.step == Step::Helping => "gone; bringing it back".to_owned(),
        None if vm.step == Step::Returning => "waiting for the guest to come back".to_owned(),
        None if vm.hurried => "gone; waiting for the platform".to_owned(),
        None => format!("gone; the platform has {}", vm.spec.duration),
        Some(_) if times.ready.is_some() => "Ready; waiting for its guest agent".to_owned(),
        Some(new) if times.running.is_some() => format!("running on {}, not Ready", new.node),
        Some(_) if vm.spec.mode.boots_in_place() => "booting".to_owned(),
        Some(new) if new.phase.is_empty() => "coming back: Pending".to_owned(),
        Some(new) => format!("coming back: {}", new.phase),
    }
}

fn recovered(vm: &Outage) -> String {
    if !vm.shows_its_boot() {
        return "reset; without a guest agent nothing tells when it has booted".to_owned();
    }
    let times = &vm.times;
    let took = match (times.gone, times.recovered) {
        (Some(gone), Some(back)) => back.at.saturating_duration_since(gone.at),
        _ => Duration::ZERO,
    };
    let by = if vm.by_us() { "by this command" } else { "by itself" };
    let name = vm
        .new
        .as_ref()
        .filter(|new| new.name != vm.target.name)
        .map(|new| format!(" as {}", new.name))
        .unwrap_or_default();
    format!("back {by}{name} after {:.3}s", took.as_secs_f64())
}
