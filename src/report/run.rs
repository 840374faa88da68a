//! The document of a run.

use serde::Serialize;
use serde_json::{Map, Value};

use super::target::word;
use super::{
    API_VERSION, ExitCode, Migration, MigrationSummary, ScheduledRound, Seconds, TargetReport, TargetState, Time,
};
use crate::problem::Problem;

/// Everything a run did, whichever way it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    api_version: &'static str,
    kind: &'static str,
    pub id: String,
    pub context: String,
    /// URL of the API server; absent where it never came to a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The command line that does the same to the same VMs, without connection flags: what `--replay` runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    pub dry_run: DryRun,
    pub exit_code: ExitCode,
    pub fault: AskedFault,
    pub started_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<PlanEntry>,
    /// The rounds of a run of migrations, in a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduledRound>,
    pub targets: Vec<TargetReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<Migration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_summary: Option<MigrationSummary>,
    pub summary: Summary,
    /// What concerns the whole run, such as a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The fault a run is to put in place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AskedFault {
    /// Its command, e.g. `netem`.
    #[serde(rename = "type")]
    pub command: &'static str,
    /// By the names of the flags in camelCase, with canonical values.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
    #[serde(skip)]
    pub columns: Columns,
}

/// What the table of a run shows of each target, beside where it is and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// For how long the fault held, and what it did to packets.
    Packets,
    /// Where the VMs went; the migrations have a table of their own.
    Migrations,
    /// When each step of the recovery was.
    Recovery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DryRun {
    #[default]
    None,
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Completed,
    Interrupted,
    Failed,
    Refused,
    Unrecovered,
    /// Of a game day: its hypothesis did not hold.
    Refuted,
    Leaked,
}

/// How a run came to its end, apart from what happened to its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It did what it could.
    Ran,
    /// A signal, and it waited until all was rolled back.
    Interrupted,
    /// Something may be left: a second signal came before all was verified, or a debug pod may run on.
    Unverified,
    /// Nothing was written: a guard, a "no", nobody to ask.
    Refused,
    /// It failed as a whole, apart from any target.
    Failed,
}

/// What is done on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEntry {
    pub node: String,
    pub namespace: String,
    pub pod: String,
    pub service_account: String,
    /// What the pod runs, privileged.
    pub image: String,
    /// Who chose it: `flag`, `config`, `virt-handler` or `virt-controller`.
    pub image_source: &'static str,
    pub commands: Vec<String>,
}

/// How many of the targets ended in which way; the four add up to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    pub targets: usize,
    pub ok: usize,
    pub failed: usize,
    pub leaked: usize,
    pub skipped: usize,
}

// === impl AskedFault ===

impl AskedFault {
    /// `settings` is what makes one flat object.
    pub fn new(command: &'static str, columns: Columns, settings: &impl Serialize) -> Self {
        let settings = match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => settings,
            _ => Map::new(),
        };
        Self {
            command,
            settings,
            columns,
        }
    }
}

// === impl Summary ===

impl Summary {
    /// e.g. `300 VMs: 298 ok, 2 leaked`
    pub fn words(&self) -> String {
        let counts = [
            (self.ok, "ok"),
            (self.failed, "failed"),
            (self.leaked, "leaked"),
            (self.skipped, "skipped"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        format!("{} VMs: {}", self.targets, counts.join(", "))
    }
}

// === impl RunReport ===

impl RunReport {
    /// A run that starts now.
    pub fn new(
        id: impl Into<String>,
        context: impl Into<String>,
        user: Option<String>,
        reason: Option<String>,
        seed: Option<u64>,
        dry_run: DryRun,
        fault: AskedFault,
    ) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Run",
            id: id.into(),
            context: context.into(),
            server: None,
            command: Vec::new(),
            user,
            reason,
            seed,
            dry_run,
            exit_code: ExitCode::Done,
            fault,
            started_at: Time::now(),
            finished_at: None,
            outcome: Outcome::Completed,
            plan: Vec::new(),
            schedule: Vec::new(),
            targets: Vec::new(),
            migrations: Vec::new(),
            migration_summary: None,
            summary: Summary::default(),
            error: None,
        }
    }

    /// The target `namespace/name`, added when it is not there yet.
    pub fn target_mut(&mut self, key: &str) -> &mut TargetReport {
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        let at = self
            .targets
            .iter()
            .position(|target| target.namespace == namespace && target.name == name);
        let at = at.unwrap_or_else(|| {
            self.targets.push(TargetReport::new(namespace, name));
            self.targets.len() - 1
        });
        &mut self.targets[at]
    }

    /// Computes outcome, summary and exit code. A target that was never begun becomes skipped, but for a dry run, where none is.
    pub fn finish(&mut self, ending: Ending) -> ExitCode {
        if self.dry_run == DryRun::None {
            for target in self.targets.iter_mut().filter(|target| target.error.is_none()) {
                target.state.get_or_insert(TargetState::Skipped);
            }
        }
        let whole = match ending {
            Ending::Ran => ExitCode::Done,
            Ending::Interrupted => ExitCode::Interrupted,
            Ending::Unverified => ExitCode::Leaked,
            Ending::Refused => ExitCode::Refused,
            Ending::Failed => ExitCode::Failed,
        };
        let of_targets = self.targets.iter().map(TargetReport::exit_code);
        let of_migrations = self.migrations.iter().map(Migration::exit_code);
        self.exit_code = ExitCode::worst(of_targets.chain(of_migrations).chain([whole]));
        self.outcome = match self.exit_code {
            ExitCode::Done => Outcome::Completed,
            ExitCode::Failed => Outcome::Failed,
            ExitCode::Leaked => Outcome::Leaked,
            ExitCode::Refused | ExitCode::Usage => Outcome::Refused,
            ExitCode::Unrecovered => Outcome::Unrecovered,
            ExitCode::Refuted => Outcome::Refuted,
            ExitCode::Interrupted => Outcome::Interrupted,
        };
        self.summary = Summary::of(&self.targets);
        self.migration_summary = MigrationSummary::of(&self.migrations);
        self.finished_at = Some(Time::now());
        self.exit_code
    }

    /// Time from start to finish on the wall clock; for people.
    pub fn took(&self) -> Option<Seconds> {
        let span = self.finished_at?.0.duration_since(self.started_at.0);
        Some(Seconds(span.unsigned_abs()))
    }
}

impl super::Document for RunReport {
    fn id(&self) -> &str {
        &self.id
    }

    fn began(&self) -> String {
        self.started_at.sorting()
    }

    fn markdown(&self) -> String {
        self.as_markdown()
    }

    fn html(&self) -> String {
        self.as_html()
    }

    fn junit(&self) -> String {
        self.as_junit()
    }
}

impl Summary {
    fn of(targets: &[TargetReport]) -> Self {
        let mut summary = Self {
            targets: targets.len(),
            ..Self::default()
        };
        for target in targets {
            let counter = match (target.state, target.exit_code()) {
                (Some(TargetState::Skipped), _) => &mut summary.skipped,
                (_, ExitCode::Leaked) => &mut summary.leaked,
                (_, ExitCode::Done) => &mut summary.ok,
                _ => &mut summary.failed,
            };
            *counter += 1;
        }
        summary
    }
}

impl Outcome {
    pub fn word(self) -> String {
        word(self)
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
