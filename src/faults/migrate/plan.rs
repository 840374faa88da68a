//! The whole of a run of migrations before any is made. What a dry run prints, what is confirmed, and what is run are this
//! one value.

use std::collections::BTreeMap;
use std::time::Duration;

use super::explain::Limits;
use super::schedule::Schedule;
use crate::fault::Unfit;
use crate::faults::migrate::spec::{Eligible, Extent, MigrateSpec};
use crate::plan::pod_options::{FAULT, started_by};

/// Annotations of a migration object: its round, how many seconds there may be between its end and the next round (absent
/// on those of the last round), and who told the run to end.
pub(crate) const ROUND: &str = "vmchaos.dev/round";
pub(crate) const NEXT_WITHIN: &str = "vmchaos.dev/next-within";
pub(crate) const HALTED_BY: &str = "vmchaos.dev/halted-by";

/// A schedule without an end is shown as far as this.
const SHOWN_OF_ENDLESS: u64 = 20;
/// A schedule that ends by time may have no pauses at all.
const SHOWN_AT_MOST: u64 = 10_000;

/// Everything a run of migrations does.
#[derive(Debug, Clone)]
pub(crate) struct MigrationPlan {
    /// Six of `[a-z0-9]`: in the names and labels of all that the run makes.
    pub run: String,
    pub spec: MigrateSpec,
    /// The VMs that take part, by namespace and name.
    pub pool: Vec<Eligible>,
    pub schedule: Schedule,
    /// How many VMIs the selection matched that can be migrated.
    pub matched: usize,
    /// Matched, and cannot be migrated.
    pub left_out: Vec<Unfit>,
    /// Labels the target node must have, as the API knows them.
    pub node_labels: BTreeMap<String, String>,
    /// How many migrations KubeVirt lets be under way.
    pub limits: Limits,
    /// Whether the installation could be read: without it nobody knows whether a migration can be told where to go.
    pub is_version_known: bool,
    pub user: String,
    pub reason: Option<String>,
}

// === impl MigrationPlan ===

impl MigrationPlan {
    /// What a migration object says of its run to whoever looks at it.
    pub(crate) fn annotations(&self, round: u64) -> BTreeMap<String, String> {
        let what = match self.schedule.rounds() {
            Some(rounds) => format!("live migration, round {round} of {rounds}"),
            None => format!("live migration, round {round}"),
        };
        let mut annotations = started_by(&self.user, self.reason.as_ref());
        annotations.insert(FAULT.to_owned(), what);
        annotations.insert(ROUND.to_owned(), round.to_string());
        if self.is_followed(round) {
            let within = self.schedule.longest_gap().as_secs() + 1;
            annotations.insert(NEXT_WITHIN.to_owned(), within.to_string());
        }
        annotations
    }

    /// Whether another round may come after this one.
    pub(crate) fn is_followed(&self, round: u64) -> bool {
        self.schedule.rounds().is_none_or(|rounds| round < rounds)
    }

    /// The rounds to come when every VM stays eligible, with the time before each: at most `limit`, and where they end by
    /// time, those that begin before it.
    pub(crate) fn rounds(&self, limit: u64) -> impl Iterator<Item = (u64, Duration, Vec<usize>)> {
        let limit = self.schedule.rounds().map_or(limit, |rounds| rounds.min(limit));
        let until = match self.spec.extent {
            Extent::For(time) => time.as_duration(),
            _ => Duration::MAX,
        };
        let mut waited = Duration::ZERO;
        (1..=limit).map_while(move |number| {
            let gap = self.schedule.gap(number);
            waited += gap;
            (waited <= until).then(|| (number, gap, self.schedule.round(number, |_| true).members))
        })
    }

    /// How many rounds a dry run shows: all of them, where they have an end; where that is a time, those that begin before it.
    pub(crate) fn shown(&self) -> u64 {
        match self.spec.extent {
            Extent::For(_) => SHOWN_AT_MOST,
            _ => self.schedule.rounds().unwrap_or(SHOWN_OF_ENDLESS),
        }
    }

    /// How long one migration may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.spec.timeout.as_duration()
    }
}
