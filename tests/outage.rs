//! `outage` from the command line to the VMI's recovery, against practice clusters: one a test, so that nothing is shared.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod support;

mod outage {
    mod delete;
}

/// Skips the question that asks for a VM's name, too.
const YES: &str = "--yes=vmchaos-rehearsal";

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}
