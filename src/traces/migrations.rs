//! Everybody's runs of migrations, read off their objects alone: from whatever machine they were started.
//!
//! ```text
//! migrations with our label ── MigrationSeen::of (pure) ──> by run ──> MigrationRun ──> status, halt
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::faults::migrate::COMMAND;
use crate::faults::migrate::plan::{HALTED_BY, NEXT_WITHIN};
use crate::name::is_subdomain;
use crate::node::pod::{LABEL_FAULT, LABEL_RUN};
use crate::plan::pod_options::{FAULT, REASON, USER};
use crate::report::{RunItem, RunState, Time};
use crate::traces::items::unique;

/// Past the time by which a round should have begun: a survey and a request, on a slow cluster.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A migration of somebody's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSeen {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub run: String,
    pub vmi: String,
    /// Empty before virt-controller has seen it.
    pub phase: String,
    /// Told to end, and not over yet.
    pub leaving: bool,
    /// When it was created, and when its last phase began.
    pub since: Option<Timestamp>,
    pub changed: Option<Timestamp>,
    /// The next round begins so long after its end at the latest; `None` in the last round.
    pub next_within: Option<Duration>,
    pub halted_by: Option<String>,
    pub user: Option<String>,
    pub reason: Option<String>,
    /// What the run does, in words.
    pub what: Option<String>,
    pub nodes: Vec<String>,
}

/// All migrations of a run that are still kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationRun {
    pub id: String,
    /// Oldest first; never empty.
    pub migrations: Vec<MigrationSeen>,
}

// === impl MigrationSeen ===

impl MigrationSeen {
    /// Reads a migration; `None` when it is not of one of our runs.
    pub fn of(object: &VirtualMachineInstanceMigration) -> Option<Self> {
        // The VMI's name is asked for, and no API server has checked it.
        if object.label(LABEL_FAULT) != Some(COMMAND) || !is_subdomain(&object.spec.vmi_name) {
            return None;
        }
        let text = |name: &str| object.annotation(name).map(str::to_owned);
        let stamps = &object.status.phase_transition_timestamps;
        let state = object.status.migration_state.as_ref();
        let nodes = state.map(|state| [state.source_node.clone(), state.target_node.clone()]);
        Some(Self {
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            run: object.label(LABEL_RUN)?.to_owned(),
            vmi: object.spec.vmi_name.clone(),
            phase: object.status.phase.clone(),
            leaving: object.is_being_deleted(),
            since: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
            changed: stamps.iter().filter_map(|stamp| stamp.phase_transition_timestamp).max(),
            next_within: text(NEXT_WITHIN)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs),
            halted_by: text(HALTED_BY),
            user: text(USER),
            reason: text(REASON),
            what: text(FAULT),
            nodes: nodes
                .into_iter()
                .flatten()
                .flatten()
                .filter(|node| !node.is_empty())
                .collect(),
        })
    }

    pub fn is_in_flight(&self) -> bool {
        !matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// `namespace/name` of the VMI.
    pub fn vmi_key(&self) -> String {
        format!("{}/{}", self.namespace, self.vmi)
    }
}

// === impl MigrationRun ===

impl MigrationRun {
    /// Groups migrations by run, in the order of the runs' ids.
    pub fn group(migrations: impl IntoIterator<Item = MigrationSeen>) -> Vec<Self> {
        let mut runs: BTreeMap<String, Vec<MigrationSeen>> = BTreeMap::new();
        for migration in migrations {
            runs.entry(migration.run.clone()).or_default().push(migration);
        }
        let sorted = runs.into_iter().map(|(id, mut migrations)| {
            migrations.sort_by(|a, b| (a.changed.max(a.since), &a.name).cmp(&(b.changed.max(b.since), &b.name)));
            Self { id, migrations }
        });
        sorted.collect()
    }

    pub fn in_flight(&self) -> impl Iterator<Item = &MigrationSeen> {
        self.migrations.iter().filter(|one| one.is_in_flight())
    }

    /// The one that ended last, or is still under way.
    pub fn newest(&self) -> Option<&MigrationSeen> {
        self.migrations.last()
    }

    /// Between two rounds, as far as its last migration tells; a command that was killed looks so for a while.
    pub fn is_waiting(&self, now: Time) -> bool {
        let halted = self.migrations.iter().any(|one| one.halted_by.is_some());
        let due = self.newest().and_then(|newest| {
            let within = SignedDuration::try_from(newest.next_within?).ok()?;
            newest
                .changed
                .max(newest.since)?
                .checked_add(within.checked_add(MARGIN)?)
                .ok()
        });
        !halted && due.is_some_and(|due| now.0 < due)
    }

    /// Whether something of it is under way, or will be.
    pub fn is_live(&self, now: Time) -> bool {
        self.in_flight().next().is_some() || self.is_waiting(now)
    }

    /// As a list shows it.
    pub fn item(&self, now: Time) -> RunItem {
        let flying: Vec<&MigrationSeen> = self.in_flight().collect();
        let state = if flying.is_empty() {
            if self.is_waiting(now) {
                RunState::Waiting
            } else {
                RunState::Finished
            }
        } else if flying.iter().all(|one| one.leaving) {
            RunState::Ending
        } else {
            RunState::Running
        };
        let phases: Vec<String> = flying
            .iter()
            .map(|one| {
                let phase = if one.phase.is_empty() { "created" } else { &one.phase };
                format!("{}: {phase}", one.vmi_key())
            })
            .collect();
        let last = |of: fn(&MigrationSeen) -> Option<&String>| self.migrations.iter().rev().find_map(of).cloned();
        let shown: Vec<&MigrationSeen> = if flying.is_empty() {
            self.newest().into_iter().collect()
        } else {
            flying
        };
        RunItem {
            id: self.id.clone(),
            fault: COMMAND.to_owned(),
            effect: last(|one| one.what.as_ref()),
            state,
            user: last(|one| one.user.as_ref()),
            reason: last(|one| one.reason.as_ref()),
            started_at: self.migrations.iter().filter_map(|one| one.since).min().map(Time),
            duration_seconds: None,
            left_seconds: None,
            targets: shown.iter().map(|one| one.vmi_key()).collect(),
            nodes: unique(shown.iter().flat_map(|one| one.nodes.clone())),
            pods: Vec::new(),
            detail: (!phases.is_empty()).then(|| phases.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn seen(name: &str, phase: &str, at: &str, annotations: &Value) -> Option<MigrationSeen> {
        let object = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-11-20T12:00:00Z", "annotations": annotations,
                "labels": {"vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "migrate"},
            },
            "spec": {"vmiName": "web-1"},
            "status": {"phase": phase, "phaseTransitionTimestamps": [{"phase": phase, "phaseTransitionTimestamp": at}]},
        });
        MigrationSeen::of(&serde_json::from_value(object).unwrap())
    }

    fn state(migrations: Vec<Option<MigrationSeen>>, now: &str) -> RunState {
        let runs = MigrationRun::group(migrations.into_iter().flatten());
        runs[0].item(Time(now.parse().unwrap())).state
    }

    #[test]
    fn a_run_is_running_waiting_or_over() {
        let more = json!({"vmchaos.dev/next-within": "600"});
        let done = || seen("a", "Succeeded", "2026-11-20T12:00:10Z", &more);
        assert_eq!(state(vec![done()], "2026-11-20T12:05:00Z"), RunState::Waiting);
        assert_eq!(
            state(vec![done()], "2026-11-20T12:10:40Z"),
            RunState::Finished,
            "its command is gone"
        );
        let flying = seen("b", "Running", "2026-11-20T12:04:00Z", &more);
        assert_eq!(state(vec![done(), flying], "2026-11-20T13:00:00Z"), RunState::Running);
        let last = seen("b", "Failed", "2026-11-20T12:04:00Z", &json!({}));
        assert_eq!(
            state(vec![done(), last], "2026-11-20T12:04:01Z"),
            RunState::Finished,
            "there is no round after it"
        );
        let halted = json!({"vmchaos.dev/next-within": "600", "vmchaos.dev/halted-by": "joe"});
        let halted = seen("a", "Succeeded", "2026-11-20T12:00:10Z", &halted);
        assert_eq!(state(vec![halted], "2026-11-20T12:00:11Z"), RunState::Finished);
    }

    #[test]
    fn migrations_of_others_are_none_of_our_business() {
        let object = json!({"metadata": {"name": "x", "labels": {"kubevirt.io/vmi-name": "web-1"}}, "spec": {"vmiName": "web-1"}});
        assert_eq!(MigrationSeen::of(&serde_json::from_value(object).unwrap()), None);
    }
    #[test]
    fn a_migration_of_what_no_vmi_is_called_is_not_ours() {
        let of = |vmi: &str| {
            let object = json!({"metadata": {"name": "x", "namespace": "shop",
                "labels": {"vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "migrate"}}, "spec": {"vmiName": vmi}});
            MigrationSeen::of(&serde_json::from_value(object).unwrap()).map(|seen| seen.vmi_key())
        };
        assert_eq!(of("web-1").as_deref(), Some("shop/web-1"));
        for vmi in ["", "../web-1", "Web 1"] {
            assert_eq!(of(vmi), None, "{vmi:?}");
        }
    }

    #[test]
    fn a_run_tells_what_is_under_way_and_between_which_nodes_each_once() {
        let on = |name: &str, phase: &str, nodes: [&str; 2]| MigrationSeen {
            nodes: nodes.map(str::to_owned).to_vec(),
            ..seen(name, phase, "2026-11-20T12:00:10Z", &json!({})).unwrap()
        };
        let item = |migrations: Vec<MigrationSeen>| {
            let now = Time("2026-11-20T12:00:20Z".parse().unwrap());
            MigrationRun::group(migrations)[0].item(now)
        };
        let flying = item(vec![
            on("a", "Running", ["node-1", "node-2"]),
            on("b", "", ["node-3", "node-1"]),
            on("c", "Succeeded", ["node-8", "node-9"]),
        ]);
        assert_eq!(
            flying.detail.as_deref(),
            Some("shop/web-1: Running; shop/web-1: created")
        );
        assert_eq!(flying.nodes, ["node-1", "node-2", "node-3"]);
        let over = item(vec![on("a", "Succeeded", ["node-1", "node-2"])]);
        assert_eq!(
            (over.detail, over.nodes),
            (None, vec!["node-1".to_owned(), "node-2".to_owned()])
        );
    }

    #[test]
    fn the_nodes_of_a_migration_are_those_that_it_names() {
        let nodes = |state: Value| {
            let object = json!({
                "metadata": {"name": "m", "namespace": "shop", "uid": "m",
                    "labels": {"vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "migrate"}},
                "spec": {"vmiName": "web-1"}, "status": {"migrationState": state}});
            let seen = MigrationSeen::of(&serde_json::from_value(object).unwrap()).unwrap();
            seen.nodes.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(nodes(json!({"sourceNode": "a", "targetNode": "b"})), "a b");
        assert_eq!(
            nodes(json!({"sourceNode": "a", "targetNode": ""})),
            "a",
            "not chosen yet"
        );
        assert_eq!(nodes(Value::Null), "");
    }
}
