//! One suite, two clusters: what an operator does, with nothing but what every cluster offers (the binary, the API, the
//! kernel of a VM's node). Here it runs against the practice cluster; `tests/run kubevirt` runs the same scenarios against a
//! real Kubernetes with KubeVirt, so that the practice cluster is held to what those answer.
//!
//! The fault is a bandwidth limit, which every kernel takes. VMs are shared on a real cluster: `web-1` keeps its guest,
//! `web-3` may be moved and ended.
#![cfg(target_os = "linux")]

mod answers;
mod backend;
mod ends;
mod filter;
mod job;
mod looking;
mod migrate;
mod outage;
mod refused;
mod several;
use crate::support::Running;
use backend::Backend;

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
