//! What is sent to the API server, what is not sent twice, and how its answers are told.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used)]

#[path = "connection/attach.rs"]
mod attach;
#[path = "connection/credentials.rs"]
mod credentials;
#[path = "connection/discovery.rs"]
mod discovery;
#[path = "connection/failures.rs"]
mod failures;
#[path = "support/http.rs"]
mod http_server;
#[path = "connection/requests.rs"]
mod requests;
#[path = "connection/watching.rs"]
mod watching;
#[path = "connection/writes.rs"]
mod writes;
