//! Everything that talks to the API server, except the attach session of a debug pod.
//!
//! ```text
//! Connection ── connect (kubeconfig, proxy, credential plugin, transport) ──▶ Cluster
//! Cluster + Selection ── asked (lists of VMIs and launchers), nodes, kubevirt ── eligibility (pure) ──▶ Target | Unfit
//! ```
//! What the server says is never trusted with a terminal or a shell: messages are escaped ([`crate::escape`]),
//! names are checked ([`objects`]) before they become part of anything, and once more before a request is sent.

mod absent;
pub mod access;
pub(crate) mod asked;
mod connect;
mod crd;
pub(crate) mod discovery;
pub(crate) mod eligibility;
pub(crate) mod error;
pub mod events;
mod failure;
pub(crate) mod kubevirt;
pub(crate) mod launcher;
pub(crate) mod launcher_images;
pub(crate) mod lifecycle;
pub(crate) mod manifest;
pub mod migration;
pub mod names;
pub(crate) mod node_affinity;
pub(crate) mod nodes;
mod nullable;
pub(crate) mod objects;
#[cfg(test)]
mod oldest_tests;
mod path;
pub mod pod_admission;
pub mod pod_namespace;
pub(crate) mod protection;
pub mod rules;
pub(crate) mod selection;
pub(crate) mod undo;
pub mod vm;
pub(crate) mod vmi;
mod vmi_network;
pub(crate) mod volume;
pub mod watch;

pub(crate) use connect::Web;
pub use connect::{Cluster, Connection, Impersonate, MANAGER, WarningSink, without_login};
pub use discovery::{Found, Survey, find, survey};
pub use eligibility::VmiRow;
pub use error::{Ask, ClusterError, ErrorKind};
pub use launcher_images::LauncherImages;
pub use selection::{NamedTarget, Selection};
pub use vmi::VirtualMachineInstance;
