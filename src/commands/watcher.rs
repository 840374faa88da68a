//! Shows a run as it goes and leaves Events on the VMIs.

use std::time::Duration;

use super::recording::Recording;
use crate::cluster::events::{Happened, Recorder, Regarding};
use crate::fault::Target;
use crate::report::{self, TargetState};
use crate::run::driver::Watcher;
use crate::run::vm::{Step, Vm};
use crate::ui::{Progress, State};

/// The screen and the Events of one run.
pub(super) struct Shown {
    progress: Progress,
    events: Recording,
}

// === impl Shown ===

impl Shown {
    pub(super) fn new(progress: Progress, recorder: Recorder) -> Self {
        Self {
            progress,
            events: Recording::new(recorder),
        }
    }

    /// Waits for the Events that are under way, and takes the progress off the screen.
    pub(super) async fn finish(self) {
        self.progress.finish();
        self.events.finish().await;
    }
}

impl Watcher for Shown {
    fn show(&self, vm: &Vm, hold: Duration) {
        self.progress.update(&vm.key, &vm.current().node, state(vm, hold));
        if let Some(latest) = vm.probing.latest() {
            let told = latest.map_or_else(|| "no answer".to_owned(), |ms| report::Millis(ms).to_string());
            self.progress.beside(&vm.key, &format!("probe {told}"));
        }
    }

    fn tell(&self, target: &Target, happened: Happened, note: String) {
        let about = Regarding::new(&target.namespace, &target.name, &target.uid);
        self.events.tell(about, happened, note);
    }
}

fn state(vm: &Vm, hold: Duration) -> State {
    if vm.is_final() {
        return match crate::run::report::state(vm) {
            TargetState::Leaked => State::Leaked,
            TargetState::Failed => State::Failed(vm.trouble.as_ref().map(|t| t.message.clone()).unwrap_or_default()),
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
