//! `--report` and `--replay`: the files that keep a run, and one that is run again.

mod files;
mod replay;

use crate::support::Rehearsal;

const SHORT: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s", "-y"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

/// A folder, and the path of a file in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Every line of a file, each one object.
    fn lines(&self, name: &str) -> Vec<serde_json::Value> {
        let text = self.read(name);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// The VMIs that a run of the binary was about.
fn vmis(document: &serde_json::Value) -> Vec<String> {
    let targets = document["targets"].as_array().unwrap();
    targets
        .iter()
        .map(|target| {
            format!(
                "{}/{}",
                target["namespace"].as_str().unwrap(),
                target["name"].as_str().unwrap()
            )
        })
        .collect()
}

fn quick() -> Rehearsal {
    use std::time::Duration;
    Rehearsal::with(vmchaos_rehearsal::Options {
        guest: Duration::from_millis(100),
        pod_start: Duration::from_millis(20),
        running_lag: Duration::from_millis(20),
        ..vmchaos_rehearsal::Options::default()
    })
}
