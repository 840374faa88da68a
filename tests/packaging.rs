//! What people get: archives, the installer, man pages, completions.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod completions;
mod image;
mod install;
mod release;
mod support;
