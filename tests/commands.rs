//! The real binary, as people and tenants use it, against practice clusters: one a test, so that nothing is shared.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod filter;
mod game_day;
mod guards;
mod guide;
mod kills;
mod migrate;
mod netem;
mod oldest_kubevirt;
mod ops;
mod outage;
mod records;
mod scenarios;
mod support;
mod trust;
mod usage;
