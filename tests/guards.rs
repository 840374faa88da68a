//! The guards, each with a refusal and a pass, through the real binary on practice clusters of their own.

mod beside;
mod ceilings;
mod config;
mod dry_run;
mod protected;
mod typed;

use crate::support::faults::LEAST as FAULTS;

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}
