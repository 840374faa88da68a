//! Rules, read back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Mismatch, Reading};
use crate::plan::compile::ExpectedFilter;

/// Compares what the agent read back with the rules of the run.
pub(super) fn verify(expected: &ExpectedFilter, read: &BTreeMap<String, Value>) -> Result<Vec<Reading>, Mismatch> {
    let _ = read;
    Err(Mismatch {
        device: expected.table(),
        asked: String::new(),
        problem: "nothing was read back".into(),
    })
}
