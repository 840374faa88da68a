//! kubectl-vmchaos puts faults on KubeVirt VMs: on their packets, by live migrations, by ending them. It proves that each was
//! there and is gone.
//!
//! The way of the data, the same for every fault:
//!
//! ```text
//! cli ──> Request ── find ──> Found ── a choice ── plan ──> Plan ── a confirmation ──> Confirmed ── run ──> Ran ── report ──> exit code
//!         fault,     lists,   VMIs,    pure:       what a                   a Machine decides,     the
//!         VMs        judged   or why   all that    dry run                  a Driver does          document
//!                             not      is done     shows
//! ```
//!
//! A game day is several faults, each on that way: [`gameday`] reads its file and says which of them is when, `commands::game_day`
//! plans them all, asks once, and runs them.
//!
//! `commands::fault` is that way, [`faults`] are its stations: a folder for each kind of fault, behind one trait. A new fault is a
//! folder there, a file in [`cli`], and a line in `faults::registry`.
//!
//! | room | holds | may use |
//! |---|---|---|
//! | [`cli`] | clap types, a file for each fault and one for what looks at runs | `fault`, `faults`, `cluster`, `gameday` |
//! | [`commands`] | what each command does, a file for each; all faults share `fault`: from a request to its report | everything |
//! | [`traces`] | what runs leave on the cluster, and what ends it from outside | `faults`, `run`, `plan`, `node`, `cluster`, `fault`, `report` |
//! | [`permissions`] | the roles each command needs, and what is missing of them | `faults`, `cluster` |
//! | [`faults`] | what makes each fault different: spec, judging, plan, machine, driver, screen, permissions | `run`, `plan`, `node`, `cluster`, `fault`, `report`, `stop`, `ui` |
//! | [`gameday`] | files of game days, which step is when, what must stay true, who is told | `run`, `cluster`, `fault` |
//! | [`stop`] | why a command ends before its work | `cluster`, `report`, `ui` |
//! | [`run`] | what all runs share: the loop, signals, time, debug pods with one task | `plan`, `node`, `cluster`, `fault` |
//! | [`report`] | the run document, tables, exit codes; pure | `ui` |
//! | [`ui`] | printer, picker, form, confirmation, keys, progress: the only place that prints | nothing |
//! | [`plan`] | guards, draws, consent, and lines of a node's plan that are the same for all faults; pure | `fault`, `report` |
//! | [`node`] | the debug pod, the agent's script, its protocol, the session that drives it | `cluster`, `fault` |
//! | [`cluster`] | everything else that talks to the API server | `fault` |
//! | [`fault`] | values with units, targets and their interfaces, what the operator sets for every fault; pure | nothing |
//! | [`escape`] | text from strangers, made safe to show | nothing |
//! | [`command_line`] | command lines that are printed to be run later | `escape` |
//! | [`problem`] | what ended badly: reason, sentence, next step, cause | `command_line` |
//! | [`name`] | what can be a name in a cluster | nothing |
//! | [`program`] | argv in, exit code out: the whole of it | everything |
//! | [`testing`] | what tests and the maker of the man pages use: all that is public | everything |
//! | [`local`] | the user's own files: where they are kept, and how they are read | nothing |
//!
//! Every room may use the small ones: `escape`, `command_line`, `problem`, `name`, `local`. `tests/house.rs` holds the sources to this table.
//!
//! The practice cluster is a package of its own, [`vmchaos_rehearsal`] in `src/rehearsal`: it knows nothing of the rest, and of
//! the rest only `commands::rehearse` knows it.

mod cli;
mod cluster;
mod command_line;
mod commands;
mod escape;
mod fault;
mod faults;
mod gameday;
mod local;
mod name;
mod node;
mod permissions;
mod plan;
mod problem;
mod program;
mod report;
mod run;
mod stop;
pub mod testing;
mod traces;
mod ui;

pub use program::main;
