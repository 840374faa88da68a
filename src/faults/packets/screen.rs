//! Shows a run as it goes and leaves Events on the VMIs.

use std::time::Duration;

use crate::cluster::events::{Happened, Regarding};
use crate::fault::Target;
use crate::faults::packets::vm::{Step, Vm};
use crate::faults::screen::Screen;
use crate::report::{self, TargetState};
use crate::ui::State;

/// The VM's state has changed.
pub(super) fn show(screen: &Screen, vm: &Vm, hold: Duration) {
    let progress = &screen.progress;
    progress.update(&vm.key, &vm.current().node, state(vm, hold));
    if let Some(latest) = vm.probing.latest() {
        let told = latest
            .ms
            .map_or_else(|| "no answer".to_owned(), |ms| report::Millis(ms).to_string());
        progress.beside(&vm.key, &format!("probe {told}"));
    }
}

/// Leaves an Event on a VMI.
pub(super) fn tell(screen: &Screen, target: &Target, happened: Happened, note: String) {
    let about = Regarding::new(&target.namespace, &target.name, &target.uid);
    screen.tell(about, happened, note);
}

fn state(vm: &Vm, hold: Duration) -> State {
    if vm.is_final() {
        return match crate::faults::packets::report::state(vm) {
            TargetState::Leaked => State::Leaked,
            TargetState::Failed => State::Failed(vm.problem.as_ref().map(|t| t.message.clone()).unwrap_or_default()),
            TargetState::Skipped => State::Skipped,
            TargetState::Detached => State::Done("in place until its deadline".to_owned()),
            TargetState::Gone => State::Gone,
            _ => State::Restored,
        };
    }
    if let (Some(_), Some(moved)) = (vm.bare_since, vm.moves.last()) {
        return State::Moving { to: moved.to.clone() };
    }
    match vm.current().step {
        Step::Waiting | Step::Found | Step::Arming => State::PodStarting,
        Step::Ready | Step::Going => State::Ready,
        Step::Injected => {
            let since = vm.injected_at.map_or(Duration::ZERO, |(_, at)| at.elapsed());
            State::Injected {
                left: hold.saturating_sub(since),
            }
        }
        Step::Ending | Step::Verifying | Step::Final(_) => State::RollingBack,
    }
}
