//! `netem` from the command line to the "kernel" and back, against practice clusters: one a test, so that nothing is
//! shared.

mod agreeing;
mod bad_input;
mod choosing;
mod detached;
mod devices;
mod dry_run;
mod guest_ends;
mod job;
mod keys;
mod lost_operator;
mod migration;
mod others;
mod permissions;
mod pod_ends;
mod probes;
mod requests;
mod server_faults;
mod signals;
mod terminal;
mod two_vms;
mod undone;

/// A fault that ends by itself while the test looks.
const SHORT: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s", "-y"];
/// A fault that outlasts every test.
const LONG: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "10m", "-y"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}
