//! The migrations of a run in numbers: how many, how long, and how each node fared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Migration, MigrationResult, Seconds};

/// Counts and times over all migrations of a run; times are of those that succeeded, from creation to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSummary {
    pub migrations: usize,
    pub succeeded: usize,
    pub failed: usize,
    pub cancelled: usize,
    /// Their end was not seen: they may still be under way.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_seconds: Option<Seconds>,
    /// `namespace/name` of the VMI that took longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<String>,
    /// By name.
    pub nodes: Vec<NodeMigrations>,
}

/// A node's part in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct NodeMigrations {
    pub node: String,
    /// VMs that left it, and that came to it.
    pub left: usize,
    pub arrived: usize,
    /// Migrations away from it that did not succeed.
    pub failed: usize,
    /// Of those that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_seconds: Option<Seconds>,
}

// === impl MigrationSummary ===

impl MigrationSummary {
    /// `None` when there was no migration.
    pub fn of(migrations: &[Migration]) -> Option<Self> {
        if migrations.is_empty() {
            return None;
        }
        let good = || migrations.iter().filter(|one| one.result == MigrationResult::Succeeded);
        let count = |result| migrations.iter().filter(|one| one.result == result).count();
        let (cancelled, unknown) = (count(MigrationResult::Cancelled), count(MigrationResult::Unknown));
        let times = times(good());
        let longest = good().filter_map(|one| Some((one.took()?.0, &one.vmi))).max();
        Some(Self {
            migrations: migrations.len(),
            succeeded: good().count(),
            failed: migrations.len() - good().count() - cancelled - unknown,
            cancelled,
            unknown,
            median_seconds: median(&times),
            worst_seconds: times.last().copied(),
            worst: longest.map(|(_, vmi)| vmi.clone()),
            nodes: nodes(migrations),
        })
    }

    /// For a person: a line for all, and one a node.
    pub fn words(&self) -> String {
        let mut text = format!(
            "{} migration{}: {} succeeded",
            self.migrations,
            plural(self.migrations),
            self.succeeded
        );
        for (count, word) in [
            (self.failed, "failed"),
            (self.cancelled, "cancelled"),
            (self.unknown, "may still be under way"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {word}");
            }
        }
        if let (Some(median), Some(worst), Some(vmi)) = (self.median_seconds, self.worst_seconds, &self.worst) {
            let _ = write!(text, "; median {median}, worst {worst} ({vmi})");
        }
        text.push('\n');
        for node in &self.nodes {
            let _ = write!(text, "  {}: {} left, {} arrived", node.node, node.left, node.arrived);
            if node.failed > 0 {
                let _ = write!(text, ", {} failed", node.failed);
            }
            if let (Some(median), Some(worst)) = (node.median_seconds, node.worst_seconds) {
                let _ = write!(text, "; away from it median {median}, worst {worst}");
            }
            text.push('\n');
        }
        text
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn nodes(migrations: &[Migration]) -> Vec<NodeMigrations> {
    let mut nodes: BTreeMap<&str, NodeMigrations> = BTreeMap::new();
    for one in migrations {
        let good = one.result == MigrationResult::Succeeded;
        if let Some(from) = &one.from {
            let node = nodes.entry(from).or_default();
            node.left += usize::from(good);
            let open = [MigrationResult::Cancelled, MigrationResult::Unknown].contains(&one.result);
            node.failed += usize::from(!good && !open);
        }
        if let Some(to) = one.to.as_ref().filter(|_| good) {
            nodes.entry(to).or_default().arrived += 1;
        }
    }
    let told = nodes.into_iter().map(|(name, node)| {
        let away = |one: &&Migration| one.result == MigrationResult::Succeeded && one.from.as_deref() == Some(name);
        let times = times(migrations.iter().filter(away));
        NodeMigrations {
            node: name.to_owned(),
            median_seconds: median(&times),
            worst_seconds: times.last().copied(),
            ..node
        }
    });
    told.collect()
}

/// Shortest first.
fn times<'a>(migrations: impl Iterator<Item = &'a Migration>) -> Vec<Seconds> {
    let mut times: Vec<Seconds> = migrations.filter_map(Migration::took).collect();
    times.sort_unstable_by_key(|time| time.0);
    times
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(sorted: &[Seconds]) -> Option<Seconds> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[sorted.len() / 2 - 1];
    Some(Seconds((lower.0 + upper.0) / 2))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Time;

    fn migration(vmi: &str, from: &str, to: Option<&str>, result: MigrationResult, seconds: i64) -> Migration {
        let at = |second: i64| Time(jiff::Timestamp::from_second(1_800_000_000 + second).unwrap());
        Migration {
            vmi: vmi.into(),
            uid: "u".into(),
            from: Some(from.into()),
            to: to.map(str::to_owned),
            created_at: at(0),
            started_at: None,
            ended_at: Some(at(seconds)),
            phases: Vec::new(),
            mode: None,
            result,
            failure_reason: None,
        }
    }

    #[test]
    fn counts_median_and_worst_for_all_and_for_each_node() {
        let all = [
            migration("a/1", "n1", Some("n2"), MigrationResult::Succeeded, 4),
            migration("a/2", "n1", Some("n3"), MigrationResult::Succeeded, 9),
            migration("a/3", "n2", Some("n3"), MigrationResult::Succeeded, 6),
            migration("a/4", "n2", Some("n3"), MigrationResult::Timeout, 300),
            migration("a/5", "n3", None, MigrationResult::Cancelled, 1),
            migration("a/6", "n3", None, MigrationResult::Unknown, 1),
        ];
        let summary = MigrationSummary::of(&all).unwrap();
        assert_eq!(
            summary.words(),
            "6 migrations: 3 succeeded, 1 failed, 1 cancelled, 1 may still be under way; median 6s, worst 9s (a/2)\n\
             \x20 n1: 2 left, 0 arrived; away from it median 6.5s, worst 9s\n\
             \x20 n2: 1 left, 1 arrived, 1 failed; away from it median 6s, worst 6s\n\
             \x20 n3: 0 left, 2 arrived\n"
        );
        assert_eq!(MigrationSummary::of(&[]), None);
    }
}
