//! The document of a game day.

mod html;
mod junit;
mod markdown;

use serde::Serialize;

use super::{API_VERSION, Document, DryRun, ExitCode, Outcome, RunReport, Seconds, Time};
use crate::problem::Problem;

/// Everything a game day did, whichever way it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GameDayReport {
    api_version: &'static str,
    kind: &'static str,
    pub id: String,
    pub name: String,
    /// What its file is called.
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    pub context: String,
    /// URL of the API server; absent where it never came to a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub seed: u64,
    pub dry_run: DryRun,
    pub exit_code: ExitCode,
    pub outcome: Outcome,
    /// Whether the hypothesis held; absent where nothing was done, or there were no checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    pub started_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Why it ended before its last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<AbortReport>,
    pub steps: Vec<StepReport>,
    pub checks: Vec<CheckReport>,
    /// What was to be told to somebody and could not be, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_told: Vec<String>,
    /// What concerns the whole game day, such as a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Whether what was expected to stay true did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Held,
    Refuted,
    /// Checks failed as often as ends a game day.
    Aborted,
}

/// The check that ended a game day, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortReport {
    pub at: Time,
    pub check: String,
    pub message: String,
    /// From there until everything was back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_after: Option<Seconds>,
}

/// A fault of a game day, and the runs of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    pub name: String,
    /// Its command, e.g. `netem`.
    pub fault: &'static str,
    /// `namespace/name` of each VMI it is for.
    pub vms: Vec<String>,
    /// Each time it was done.
    pub runs: Vec<RunReport>,
    /// How many times it was to be done.
    pub times: u32,
}

/// A check, and what each look at it has seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    pub name: String,
    /// What is looked at, without secrets.
    pub what: String,
    pub passed: u64,
    pub failed: u64,
    pub samples: Vec<Sample>,
}

/// One look at a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub at: Time,
    /// When in the game day it was.
    pub phase: CheckPhase,
    pub took_seconds: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Why it failed; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// When a look was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckPhase {
    Before,
    During,
    After,
}

/// What a game day is called, and by whom and where it is run.
#[derive(Debug, Clone, Default)]
pub struct GameDayHead {
    pub id: String,
    pub name: String,
    pub file: String,
    pub owner: Option<String>,
    pub hypothesis: Option<String>,
    pub reason: Option<String>,
    pub seed: u64,
}

// === impl GameDayReport ===

impl GameDayReport {
    /// A game day that starts now.
    pub fn new(head: GameDayHead, dry_run: DryRun) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "GameDayRun",
            id: head.id,
            name: head.name,
            file: head.file,
            owner: head.owner,
            hypothesis: head.hypothesis,
            context: String::new(),
            server: None,
            user: None,
            reason: head.reason,
            seed: head.seed,
            dry_run,
            exit_code: ExitCode::Done,
            outcome: Outcome::Completed,
            verdict: None,
            started_at: Time::now(),
            finished_at: None,
            abort: None,
            steps: Vec::new(),
            checks: Vec::new(),
            not_told: Vec::new(),
            error: None,
        }
    }

    /// Computes outcome and exit code; `whole` is how it ended apart from its steps and checks.
    pub fn finish(&mut self, whole: ExitCode) -> ExitCode {
        let of_verdict = match self.verdict {
            Some(Verdict::Refuted | Verdict::Aborted) => ExitCode::Refuted,
            Some(Verdict::Held) | None => ExitCode::Done,
        };
        let runs = self.steps.iter().flat_map(|step| &step.runs);
        let of_runs = runs.map(|run| match run.exit_code {
            // An abort ends runs by a signal of its own, and a step that is refused comes after others that were done.
            ExitCode::Interrupted => ExitCode::Done,
            ExitCode::Refused => ExitCode::Failed,
            code => code,
        });
        self.exit_code = ExitCode::worst(of_runs.chain([whole, of_verdict]));
        self.outcome = match self.exit_code {
            ExitCode::Done => Outcome::Completed,
            ExitCode::Failed => Outcome::Failed,
            ExitCode::Leaked => Outcome::Leaked,
            ExitCode::Refused | ExitCode::Usage => Outcome::Refused,
            ExitCode::Unrecovered => Outcome::Unrecovered,
            ExitCode::Refuted => Outcome::Refuted,
            ExitCode::Interrupted => Outcome::Interrupted,
        };
        self.finished_at = Some(Time::now());
        self.exit_code
    }

    /// Time from start to finish on the wall clock; for people.
    pub fn took(&self) -> Option<Seconds> {
        let span = self.finished_at?.0.duration_since(self.started_at.0);
        Some(Seconds(span.unsigned_abs()))
    }

    /// What it was and how it ended, without its steps and checks.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("File", self.file.clone()), ("Game day", self.id.clone())];
        let mut more = |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
        more("Owner", self.owner.clone());
        more(
            "Hypothesis",
            self.hypothesis.as_ref().map(|text| text.trim().to_owned()),
        );
        more("Verdict", self.verdict.map(Verdict::word));
        more("Context", Some(self.context.clone()));
        more("Server", self.server.clone());
        more("User", self.user.clone());
        more("Reason", self.reason.clone());
        more("Seed", Some(self.seed.to_string()));
        more("Started", Some(self.started_at.to_string()));
        more("Finished", self.finished_at.map(|at| at.to_string()));
        more("Exit code", Some(self.exit_code.code().to_string()));
        if let Some(abort) = &self.abort {
            let back = abort
                .restored_after
                .map(|after| format!("; everything was back after {after}"));
            let told = format!(
                "{} by check {}: {}{}",
                abort.at,
                abort.check,
                abort.message,
                back.unwrap_or_default()
            );
            more("Aborted", Some(told));
        }
        facts
    }
}

impl Document for GameDayReport {
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

impl Verdict {
    pub fn word(self) -> String {
        super::target::word(self)
    }
}

impl CheckReport {
    /// How many looks there were, and how many failed.
    fn words(&self) -> String {
        format!("{} looks, {} failed", self.passed + self.failed, self.failed)
    }
}
