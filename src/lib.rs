//! kubectl-vmchaos puts faults on the network of KubeVirt VMs, and proves that each was there and is gone. It also migrates
//! them, and ends them to see them recover: `plan::migrations` and `run::migrate`, `plan::outages` and `run::outage` stand in
//! the same places of the same way, without a node's agent.
//!
//! The way of the data:
//!
//! ```text
//! cli ──> Selection ── cluster ──> Target ── plan ──> Plan ── a confirmation ──> Confirmed ── run ──> Vm ── report ──> exit code
//!                      one list      VMI,     pure,    what a                     one session a        the
//!                      of VMIs,      node,    all that dry run                    node drives the      document
//!                      one of pods   taps     is done  shows                      agent in its pod
//! ```
//!
//! | room | holds | may use |
//! |---|---|---|
//! | [`cli`] | clap types, one file a command | `fault`, `cluster` |
//! | [`commands`] | one file a command: select, plan, confirm, run, report | everything |
//! | [`run`] | state machine, rollback, signals and what keys ask for, following a migration | `plan`, `node`, `cluster`, `fault`, `report` |
//! | [`report`] | the run document, tables, exit codes; pure | `ui` |
//! | [`ui`] | printer, picker, form, confirmation, keys, progress: the only place that prints | nothing |
//! | [`plan`] | fault × targets → what happens on each node; pure | `fault` |
//! | [`node`] | the debug pod, the agent's script, its protocol, the session that drives it | `cluster`, `fault` |
//! | [`cluster`] | everything else that talks to the API server | `fault` |
//! | [`fault`] | what a fault is: values with units, netem, filter, presets, directions; pure | nothing |
//! | [`escape`] | text from strangers, made safe to show | nothing |
//! | [`command_line`] | command lines that are printed to be run later | `escape` |
//! | [`name`] | what can be a name in a cluster | nothing |
//! | [`local`] | the user's own files: where they are kept, and how they are read | nothing |
//!
//! Every room may use the small ones: `escape`, `command_line`, `name`, `local`. `tests/house.rs` holds the sources to this table.
//!
//! The practice cluster is a package of its own, [`vmchaos_rehearsal`] in `src/rehearsal`: it knows nothing of the rest, and of
//! the rest only `commands::rehearse` knows it.

pub mod cli;
pub mod cluster;
pub mod command_line;
pub mod commands;
pub mod escape;
pub mod fault;
pub mod faults;
pub mod local;
pub mod name;
pub mod node;
pub mod plan;
pub mod report;
pub mod run;
pub mod stop;
pub mod traces;
pub mod ui;
