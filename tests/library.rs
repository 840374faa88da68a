//! What the commands are made of, room by room: the command line, the connection, the compiled fault, prompts, the practice cluster.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod connection;
mod discovery;
mod fuzz;
mod grammar;
mod house;
mod practice_cluster;
mod rbac;
mod read_back;
mod support;
mod ui_pty;
