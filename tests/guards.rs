//! The guards, each with a refusal and a pass, through the real binary on practice clusters of their own.

mod beside;
mod ceilings;
mod config;
mod dry_run;
mod protected;
mod typed;

/// A command line of every fault, without its VMs.
const FAULTS: [&[&str]; 4] = [
    &["netem", "--latency", "20ms", "--duration", "1s"],
    &["filter", "--ports", "53", "--duration", "1s"],
    &["migrate"],
    &["outage", "--mode", "pause", "--duration", "1s"],
];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}
