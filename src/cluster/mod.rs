//! Everything that talks to the API server, except the attach session of a debug pod.
//!
//! ```text
//! Connection ── kubeconfig, proxy, transport ──▶ Cluster
//! Cluster + Selection ── discovery (one list of VMIs, pods, nodes) ── judge (pure) ──▶ Target | Unfit
//! ```
//! What the server says is never trusted with a terminal or a shell: messages are escaped ([`crate::escape`]),
//! names are checked ([`objects`]) before they become part of anything, and once more before a request is sent.

mod absent;
pub mod access;
pub mod client;
pub mod connection;
mod crd;
mod credential_plugin;
pub mod discovery;
pub mod eligibility;
pub mod error;
pub mod events;
mod failure;
mod kubeconfig;
pub mod kubevirt;
pub mod launcher;
pub mod launcher_images;
pub mod lifecycle;
mod looking_permissions;
pub mod manifest;
pub mod migration;
pub mod names;
pub mod node_affinity;
pub mod nodes;
mod nullable;
pub mod objects;
pub mod outage_rules;
mod path;
pub mod pod_admission;
pub mod pod_namespace;
mod prepare;
pub mod protection;
mod proxy;
pub mod rbac;
pub mod roles;
pub mod rules;
pub mod selection;
mod timed;
mod transport;
pub mod undo;
pub mod vm;
pub mod vmi;
mod vmi_network;
pub mod volume;
pub mod watch;

pub use client::{Cluster, MANAGER};
pub use connection::{Connection, Impersonate, without_login};
pub use discovery::{Found, Survey, find, survey};
pub use eligibility::Reach;
pub use error::{Ask, ClusterError, ErrorKind};
pub use launcher_images::LauncherImages;
pub use selection::{NamedTarget, Selection};
pub use transport::WarningSink;
pub use vmi::VirtualMachineInstance;
