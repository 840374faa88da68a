//! Rules, read back: by whichever tool the node's kernel had.

mod flower;
mod nft;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::faults::packets::compile::{Mismatch, Reading};
use crate::faults::packets::filter::Engine;
use crate::faults::packets::filter::{ExpectedFilter, Hook};

/// Compares what the agent read back with the rules of the run: under `nft` the object that `nft -j list table` prints, or
/// under `DEVICE HOOK` the array that `tc -s -j filter show` does.
pub(crate) fn verify(expected: &ExpectedFilter, read: &BTreeMap<String, Value>) -> Result<Vec<Reading>, Mismatch> {
    let table = read.get("nft");
    let of_other_engine = match expected.ruleset.engine {
        Engine::Auto => false,
        Engine::Nft => table.is_none(),
        Engine::Tc => table.is_some(),
    };
    if of_other_engine {
        return Err(Mismatch {
            device: expected.table(),
            asked: format!("engine {}", expected.ruleset.engine),
            problem: "another tool was used on the node".into(),
        });
    }
    match table {
        Some(table) => nft::verify(expected, table),
        None => expected
            .hooks
            .iter()
            .map(|hook| flower::verify(expected, hook, read))
            .collect(),
    }
}

/// Rules as one line, with the hook they are on.
fn line(hook: &Hook, parts: &[String]) -> String {
    format!("{}: {}", hook.in_words(), parts.join("; "))
}

#[cfg(test)]
mod tests;
