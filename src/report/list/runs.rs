//! The runs that are, or were, in place.

use serde::Serialize;

use super::{Item, RunState, since};
use crate::report::{Seconds, Time};
use crate::ui::age;

/// A run somebody has, or had, in place.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunItem {
    pub id: String,
    /// e.g. `netem`.
    pub fault: String,
    /// The fault in words, e.g. `latency 100ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    pub state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<Seconds>,
    /// Time until the nodes end it, counted from when the fault was put in place where that is known, else from the start of
    /// its pods; absent when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_seconds: Option<Seconds>,
    /// `namespace/name` of each VMI.
    pub targets: Vec<String>,
    pub nodes: Vec<String>,
    /// `namespace/name` of each debug pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// The verdict of a finished run, or what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Item for RunItem {
    const KIND: &'static str = "RunList";

    fn headers(wide: bool) -> Vec<&'static str> {
        let mut headers = vec![
            "run", "fault", "effect", "state", "owner", "reason", "age", "left", "targets", "nodes",
        ];
        if wide {
            headers.push("pods");
        }
        headers.push("detail");
        headers
    }

    fn cells(&self, wide: bool, now: Time) -> Vec<String> {
        let mut cells = vec![
            self.id.clone(),
            self.fault.clone(),
            self.effect.clone().unwrap_or_default(),
            self.state.to_string(),
            self.user.clone().unwrap_or_default(),
            self.reason.clone().unwrap_or_default(),
            since(self.started_at, now),
            self.left_seconds.map(|left| age(left.0)).unwrap_or_default(),
            shortened(&self.targets, wide),
            shortened(&self.nodes, wide),
        ];
        if wide {
            cells.push(shortened(&self.pods, wide));
        }
        cells.push(self.detail.clone().unwrap_or_default());
        cells
    }

    /// The ID alone: what `halt` and `cleanup` take.
    fn name(&self) -> String {
        self.id.clone()
    }
}

/// The first two and how many more; all of them when there is room.
fn shortened(names: &[String], wide: bool) -> String {
    const FIRST: usize = 2;
    if wide || names.len() <= FIRST + 1 {
        return names.join(",");
    }
    format!("{} and {} more", names[..FIRST].join(","), names.len() - FIRST)
}
