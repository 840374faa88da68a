//! One suite, two clusters: what an operator does, with nothing but what every cluster offers (the binary, the API, the
//! kernel of a VM's node). Here it runs against the practice cluster; `tests/cluster/run` runs the same scenarios against a
//! real Kubernetes, so that the practice cluster is held to what a real one answers.
//!
//! The fault is a bandwidth limit, which every kernel takes. VMs are shared on a real cluster: `web-1` keeps its guest,
//! `web-3` may be moved and ended.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]
#![cfg(target_os = "linux")]

#[path = "scenarios/answers.rs"]
mod answers;
#[path = "scenarios/backend.rs"]
mod backend;
#[path = "scenarios/ends.rs"]
mod ends;
#[path = "scenarios/filter.rs"]
mod filter;
#[path = "scenarios/job.rs"]
mod job;
#[path = "scenarios/looking.rs"]
mod looking;
#[path = "scenarios/migrate.rs"]
mod migrate;
#[path = "scenarios/outage.rs"]
mod outage;
#[path = "scenarios/refused.rs"]
mod refused;
#[path = "scenarios/several.rs"]
mod several;
mod support;

use backend::Backend;
use support::Running;

/// A fault that ends by itself while the test looks.
const SHORT: [&str; 9] = [
    "netem",
    "web-1",
    "--bandwidth",
    "4Mbit",
    "--duration",
    "3s",
    "-y",
    "-o",
    "json",
];
/// A fault that outlasts every test.
const LONG: [&str; 9] = [
    "netem",
    "web-1",
    "--bandwidth",
    "4Mbit",
    "--duration",
    "10m",
    "-y",
    "-o",
    "json",
];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

/// A run whose fault is in place.
#[track_caller]
fn injected(backend: &Backend, args: &[&str]) -> Running {
    let mut run = backend.spawn(args);
    run.wait_for("injected on");
    run
}
