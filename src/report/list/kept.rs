//! A run that is kept on this machine.

use serde::Serialize;
use serde_json::Value;

use super::super::Time;
use super::Item;
use crate::ui::escape;

/// What `history` shows of a run's document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptItem {
    pub id: String,
    /// `netem`, or `game day NAME`.
    pub what: String,
    pub context: String,
    pub started_at: String,
    pub vms: usize,
    pub outcome: String,
    pub exit_code: u64,
}

// === impl KeptItem ===

impl KeptItem {
    /// Of the document of a run or a game day.
    pub fn of(document: &Value) -> Self {
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        let is_game_day = document["kind"] == "GameDayRun";
        let steps = document["steps"].as_array().into_iter().flatten();
        Self {
            id: text("id"),
            what: if is_game_day {
                format!("game day {}", text("name"))
            } else {
                document["fault"]["type"].as_str().unwrap_or_default().to_owned()
            },
            context: text("context"),
            started_at: text("startedAt"),
            vms: if is_game_day {
                steps.map(|step| count(&step["vms"])).sum()
            } else {
                count(&document["targets"])
            },
            outcome: text("outcome"),
            exit_code: document["exitCode"].as_u64().unwrap_or_default(),
        }
    }
}

impl Item for KeptItem {
    const KIND: &'static str = "KeptRunList";

    fn headers(wide: bool) -> Vec<&'static str> {
        let mut headers = vec!["RUN", "STARTED", "WHAT", "VMS", "OUTCOME", "EXIT"];
        if wide {
            headers.push("CONTEXT");
        }
        headers
    }

    fn cells(&self, wide: bool, _: Time) -> Vec<String> {
        let started: String = self.started_at.chars().take("2026-11-20T12:03:04".len()).collect();
        let mut cells = vec![
            escape(&self.id),
            escape(&started.replace('T', " ")),
            escape(&self.what),
            self.vms.to_string(),
            escape(&self.outcome),
            self.exit_code.to_string(),
        ];
        if wide {
            cells.push(escape(&self.context));
        }
        cells
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}
