//! Whatever is read from a file, a stream, a command line or an API server: nothing of it brings the program down, and what is
//! wrong is said. `tests/run fuzz` runs the same for as long as one likes; here it is a short run of a seed that stays.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![cfg(target_os = "linux")]

mod annotations;
mod campaign;
mod command_lines;
mod files;
mod mutate;
mod replies;
mod streams;
mod values;
