//! The practice cluster against independent clients: kube-rs always, the installed kubectl where there is one. What works here must work the same way against a real
//! API server.

#[path = "practice_cluster/kubectl.rs"]
mod kubectl;
#[path = "practice_cluster/support.rs"]
mod support;
