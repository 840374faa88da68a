//! What came of halting runs: as lists show it, and what may still be in place.

use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::report::{RunItem, Time};
use crate::traces::changes::Changed;
use crate::traces::halt::Halted;
use crate::traces::halt_migrations as migrate;
use crate::traces::items::{item, summary};

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) items: Vec<RunItem>,
    /// What may still be in place, and the command that takes it away.
    pub(super) left: Vec<(String, String)>,
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn of(cluster: &Cluster, halted: Vec<Halted>, flags: &[String]) -> Self {
        let mut outcome = Self::default();
        let now = Time::now();
        for halted in halted {
            let mut item = item(&halted.run, now);
            let state = if halted.left.is_empty() { "finished" } else { "leaked" };
            state.clone_into(&mut item.state);
            item.left_seconds = None;
            let left = halted.left.iter().map(|left| left.what.clone());
            let verdicts: Vec<_> = halted.run.pods.iter().filter_map(|pod| pod.state.verdict()).collect();
            let said = (!verdicts.is_empty()).then(|| summary(&verdicts));
            let mut told: Vec<String> = said.into_iter().chain(halted.told).chain(left).collect();
            told.dedup();
            item.detail = Some(told.join("; "));
            outcome.items.push(item);
            for left in halted.left {
                outcome.left.push((left.what, to_remove(cluster, &left.again, flags)));
            }
        }
        outcome
    }

    /// Undoes what outages have changed.
    pub(super) async fn put_right(&mut self, cluster: &Cluster, changes: Vec<Changed>) {
        for change in changes {
            let mut item = change.item(Time::now());
            item.left_seconds = None;
            item.detail = None;
            match change.put_right(cluster).await {
                Ok(()) => "finished".clone_into(&mut item.state),
                Err((left, hint)) => {
                    "leaked".clone_into(&mut item.state);
                    item.detail = Some(left.what.clone());
                    self.left.push((left.what, cluster.again(hint).into()));
                }
            }
            self.items.push(item);
        }
    }

    /// A run of migrations that was told to end.
    pub(super) fn add(&mut self, cluster: &Cluster, halted: migrate::Halted) {
        let item = halted.run.item(Time::now());
        let state = if halted.left.is_empty() { "finished" } else { "leaked" };
        let told: Vec<String> = halted.told.into_iter().chain(halted.left.iter().cloned()).collect();
        let hint = to_remove(cluster, &item.id, &[]);
        self.left
            .extend(halted.left.into_iter().map(|left| (left, hint.clone())));
        self.items.push(RunItem {
            state: state.to_owned(),
            detail: Some(told.join("; ")),
            ..item
        });
    }
}

fn to_remove(cluster: &Cluster, run: &str, flags: &[String]) -> String {
    let halt = CommandLine::new("kubectl vmchaos halt").arg(run).args(flags);
    cluster.again(halt.to("to remove it: ")).into()
}
