//! The API server of the practice cluster: what a real one answers, to the letter where clients look.

pub(crate) mod access;
pub(crate) mod admission;
pub(crate) mod call;
mod columns;
pub(crate) mod delete;
mod discovery;
mod events;
mod eviction;
pub(crate) mod faults;
pub(crate) mod handler;
mod kinds;
pub(crate) mod managed_fields;
mod openapi;
mod patch;
mod pod_defaults;
mod protobuf;
pub(crate) mod pruning;
mod read;
mod represent;
pub(crate) mod resources;
mod reviews;
pub(crate) mod selectors;
pub(crate) mod status_error;
pub(crate) mod users;
pub(crate) mod validation;
mod watch;
mod write;
