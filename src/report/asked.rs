//! What was asked for, as the document has it.

use serde::Serialize;
use serde_json::{Map, Value};

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
