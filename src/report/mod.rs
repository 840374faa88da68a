//! What a command has to say when it is over: documents, tables, and the exit code. Pure.
//!
//! ```text
//! run ──> RunReport ──> exit code        lists ──> ListReport
//!             └──────────── print ─────────────────────┘ ──> table, wide, json, yaml, name
//! ```
//! The documents are an interface: their fields are only ever added to. What does not apply to a run is absent from its
//! document, not null; only `error` of a target is there always.

mod document;
mod exit;
mod format;
mod game_day;
mod html;
mod junit;
mod list;
mod markdown;
mod migration;
mod migrations;
pub(crate) mod probe_chart;
mod probes;
mod recorded;
mod recovery;
mod run;
mod run_table;
pub(crate) mod small_chart;
mod target;
mod value;

pub use document::Document;
pub use exit::ExitCode;
pub use format::{Format, json, yaml};
pub use game_day::{AbortReport, CheckPhase, CheckReport, GameDayHead, GameDayReport, Sample, StepReport, Verdict};
pub use list::{Check, CheckItem, CheckResult, FaultAbility, KeptItem, ListReport, RunItem, RunState, VmiTargetItem};
pub use migration::{Migration, MigrationResult, Phase, ScheduledRound};
pub use migrations::MigrationSummary;
pub use probes::{Millis, ProbePhase, ProbeReport, ProbeSample};
pub use recorded::Recorded;
pub use recovery::{RecoveryReport, RecoveryStep};
pub use run::{AskedFault, Columns, DryRun, Ending, Outcome, PlanEntry, RunReport};
pub use target::{EndedBy, Event, InterfaceReport, Move, RecoveredBy, TargetReport, TargetState, Verified};
pub use value::{Seconds, Time};

/// Version of every document.
pub const API_VERSION: &str = "vmchaos.dev/v1alpha1";
