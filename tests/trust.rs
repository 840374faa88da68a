//! Attacks on whoever uses this program, each with the permissions of the one who makes it: a tenant of the cluster, a guest,
//! another local user, the author of a file. SECURITY.md has the threat model that these tests hold.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![cfg(target_os = "linux")]

mod attack;
mod files;
mod image;
mod kubeconfig;
mod launcher;
mod namespaces;
mod practice;
mod replay;
mod requests;
mod waits;
