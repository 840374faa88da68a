//! kubectl-vmchaos.
pub mod cli;
pub mod cluster;
pub mod fault;
pub mod node;
pub mod plan;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod ui;
