//! The practice cluster against independent clients: kube-rs always, the installed kubectl where there is one. What
//! works here must work the same way against a real API server.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "practice_cluster/access.rs"]
mod access;
#[path = "practice_cluster/api.rs"]
mod api;
#[path = "practice_cluster/attach.rs"]
mod attach;
#[path = "practice_cluster/faults.rs"]
mod faults;
#[path = "practice_cluster/kubectl.rs"]
mod kubectl;
#[path = "practice_cluster/kubevirt.rs"]
mod kubevirt;
#[path = "practice_cluster/nodes.rs"]
mod nodes;
#[path = "practice_cluster/pods.rs"]
mod pods;
#[path = "support/mod.rs"]
mod rehearsal;
#[path = "practice_cluster/scale.rs"]
mod scale;
#[path = "support/skip.rs"]
mod skip;
#[path = "practice_cluster/support.rs"]
mod support;
#[path = "practice_cluster/tenant.rs"]
mod tenant;
