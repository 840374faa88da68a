//! The practice cluster against independent clients: kube-rs always, the installed kubectl where there is one. What
//! works here must work the same way against a real API server.

#![allow(clippy::print_stdout)]

mod access;
mod api;
mod attach;
mod faults;
mod kubectl;
mod kubevirt;
mod nodes;
mod pods;
mod recordings;
use crate::support as rehearsal;
mod scale;
mod subresources;
use crate::support::skip;
mod support;
mod tenant;
