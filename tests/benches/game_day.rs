//! Game days: how long a plan of many steps takes, and how long it takes from an abort until all is back.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use vmchaos_rehearsal::Options;

use super::support::{Rehearsal, Running};
use super::{median, row, seconds};

const STEPS: usize = 50;
const VMS: usize = 200;

fn file(folder: &Path, spec: &str) -> String {
    let file = folder.join("day.yaml");
    let text = format!("apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {{name: day}}\nspec:\n{spec}");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// Each step chooses among all VMs.
pub(crate) fn plan() {
    let rehearsal = Rehearsal::with(Options {
        vms: VMS,
        nodes: 4,
        latency: Duration::from_millis(5),
        ..Options::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let mut spec = "  steps:\n".to_owned();
    for step in 1..=STEPS {
        let _ = writeln!(
            spec,
            "    - netem: {{target: '.*', namespaces: '.*', all: true, exclude: web-1, latency: {step}ms, duration: 1s}}"
        );
    }
    let file = file(folder.path(), &spec);
    let mut requests = 0;
    let times = (0..5).map(|_| {
        rehearsal.practice.clear_requests();
        let began = Instant::now();
        rehearsal.run(&["run", "-f", &file, "--plan"]).expect(0);
        requests = rehearsal.practice.requests().len();
        began.elapsed()
    });
    let what = format!("game day: plan of {STEPS} steps on {VMS} VMs, 5 ms a request");
    row(&what, &seconds(median(times.collect())), "<= 1 s");
    row("game day: requests of that plan", &requests.to_string(), "<= 60");
}

/// Twenty VMs have a slow link when the check begins to fail.
pub(crate) fn abort() {
    let rehearsal = Rehearsal::with(Options {
        vms: 40,
        nodes: 4,
        latency: Duration::from_millis(25),
        ..Options::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    let spec = format!(
        "  steadyState: [{{name: it, every: 100ms, command: [test, -e, '{}']}}]
  abort: {{after: 1, of: 1}}
  steps: [{{netem: {{target: '.*', namespaces: '.*', count: 20, execution: parallel, latency: 1ms, duration: 1h}}}}]
",
        good.display()
    );
    let file = file(folder.path(), &spec);
    let times = (0..3).map(|_| {
        std::fs::write(&good, "").unwrap();
        let mut run: Running = rehearsal.spawn(&[
            "run",
            "-f",
            &file,
            "--seed",
            "7",
            "--allow-commands",
            "--yes=vmchaos-rehearsal",
            "-o",
            "json",
        ]);
        for _ in 0..20 {
            run.wait_for("injected");
        }
        std::fs::remove_file(&good).unwrap();
        let document = run.end().expect(6).json();
        Duration::from_secs_f64(document["abort"]["restoredAfter"].as_f64().unwrap())
    });
    let what = "game day: from an abort until 20 VMs on 4 nodes are restored";
    row(what, &seconds(median(times.collect())), "<= 1 s");
}
