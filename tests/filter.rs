//! `filter` from the command line to the "kernel" and back, against practice clusters: one a test, so that nothing is
//! shared. What is the same for every fault (signals, a lost operator, permissions …) is proven with `netem`; here is what
//! rests on the rules themselves.

mod both_faults;
mod devices;
mod document;
mod dry_run;
mod ends;
mod engines;
mod others;
mod probes;

/// A fault that ends by itself while the test looks.
const SHORT: [&str; 7] = ["filter", "web-1", "--ports", "53", "--duration", "1s", "-y"];
/// A fault that outlasts every test.
const LONG: [&str; 7] = ["filter", "web-1", "--ports", "53", "--duration", "10m", "-y"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

/// What cuts packets in the "kernel" of a VM in the namespace `default`, with RUN for the run's name.
fn cuts(rehearsal: &crate::support::Rehearsal, vmi: &str) -> Vec<String> {
    let filters = rehearsal.practice.filters("default", vmi);
    let mut cuts: Vec<_> = filters
        .into_iter()
        .map(|line| match line.strip_prefix("nft vmchaos_") {
            Some(run) if !run.starts_with("lock_") => "nft RUN".to_owned(),
            _ => line,
        })
        .collect();
    cuts.sort();
    cuts
}
