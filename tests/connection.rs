//! What is sent to the API server, what is not sent twice, and how its answers are told.
// A helper that fails fails its test; clippy exempts only the test functions themselves.

mod attach;
mod credentials;
mod discovery;
mod failures;
mod not_found;
mod requests;
mod watching;
mod writes;
