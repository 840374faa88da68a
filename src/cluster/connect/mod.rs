//! From the connection flags to a client: what kubectl does here, and kube does otherwise.
//!
//! kube has all of it, and its client and its attach are used; each file says at its top what of kube's it stands in for, and why.

mod client;
mod connection;
mod credential_plugin;
pub(super) mod kubeconfig;
mod prepare;
mod proxy;
mod remembered;
mod resolved;
pub(super) mod timed;
mod transport;
mod web;

pub use client::{Cluster, MANAGER};
pub use connection::{Connection, Impersonate, without_login};
pub use transport::WarningSink;
pub(crate) use web::Web;
