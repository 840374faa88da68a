//! `kubectl vmchaos run -f`: game days from files, on a practice cluster.

mod checks;
mod ends;
mod files;
#[cfg(unix)]
mod history;
mod plans;
mod reports;
mod runs;
mod tcp;
#[cfg(unix)]
mod unattended;

use std::time::Duration;

use serde_json::Value;

use crate::support::{Ended, Rehearsal, Running};

/// A file of a game day on a practice cluster of its own.
struct Day {
    rehearsal: Rehearsal,
    folder: tempfile::TempDir,
}

impl Day {
    /// `spec` is what stands below `spec:`.
    fn new(spec: &str) -> Self {
        Self::on(quick(), spec)
    }

    fn on(rehearsal: Rehearsal, spec: &str) -> Self {
        let day = Self {
            rehearsal,
            folder: tempfile::tempdir().unwrap(),
        };
        day.write(&format!(
            "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {{name: day}}\nspec:\n{spec}"
        ));
        day
    }

    /// The whole file.
    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> String {
        self.folder.path().join("day.yaml").display().to_string()
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let file = self.file();
        let words = ["run", "-f", &file].into_iter().chain(more.iter().copied());
        words.map(str::to_owned).collect()
    }

    fn run(&self, more: &[&str]) -> Ended {
        self.spawn(more).end()
    }

    fn spawn(&self, more: &[&str]) -> Running {
        let args = self.args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = self.rehearsal.command(&args);
        command.current_dir(self.folder.path());
        Running::start(command)
    }

    /// Runs it to its end; its document.
    #[track_caller]
    fn document(&self, more: &[&str], code: i32) -> Value {
        let more = [more, &["--yes=vmchaos-rehearsal", "-o", "json"]].concat();
        let ended = self.run(&more).expect(code);
        ended.json()
    }

    /// Nothing of any run is left on these VMs, and no debug pod runs.
    #[track_caller]
    fn is_clean(&self, vms: &[&str]) {
        for vm in vms {
            assert_eq!(self.rehearsal.ours("default", vm), Vec::<String>::new(), "{vm}");
        }
        let pods = self.rehearsal.debug_pods();
        assert!(pods.iter().all(|(_, phase)| phase == "Succeeded"), "{pods:?}");
    }
}

fn quick() -> Rehearsal {
    Rehearsal::with(vmchaos_rehearsal::Options {
        guest: Duration::from_millis(100),
        pod_start: Duration::from_millis(20),
        running_lag: Duration::from_millis(20),
        migration_step: Duration::from_millis(50),
        ..vmchaos_rehearsal::Options::default()
    })
}

/// Of each step: its name, and how each of its runs ended.
fn outcomes(document: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = document["steps"].as_array().unwrap().iter();
    let runs = |step: &Value| {
        step["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| text(&run["outcome"]))
            .collect()
    };
    steps.map(|step| (text(&step["name"]), runs(step))).collect()
}
