//! A run's nft table, read back as JSON (libnftables-json(5), schema version 1).
//!
//! Releases differ in what they print for one and the same rule: numbers or names, a match on the upper protocol that is
//! implied by the next one or not. So a rule is taken apart into what it matches and put together again.

mod rule;

use std::net::IpAddr;

use serde_json::Value;

use super::line;
use crate::fault::{Cidr, Ports};
use crate::faults::packets::compile::{Mismatch, Reading};
use crate::faults::packets::filter::{ExpectedFilter, Hook};

/// Priority of the chains: before those of firewalls, which begin at -300.
const PRIORITY: i64 = -500;

pub(super) fn verify(expected: &ExpectedFilter, read: &Value) -> Result<Vec<Reading>, Mismatch> {
    let mismatch = |device: &str, asked: String, problem: String| Mismatch {
        device: device.to_owned(),
        asked,
        problem,
    };
    let whole = |problem: String| mismatch(&expected.table(), "its rules".to_owned(), problem);
    let table = Table::new(expected, read).map_err(whole)?;
    let sets = table.check_sets(expected).map_err(whole)?;
    let mut readings = Vec::new();
    for hook in &expected.hooks {
        let rules = expected.ruleset.rules.iter().map(|rule| rule.nft(hook.direction));
        let asked_sets = expected.ruleset.sets().into_iter();
        let asked_sets = asked_sets.map(|(name, _, elements)| format!("{name} {elements}"));
        let asked = line(hook, &rules.chain(asked_sets).collect::<Vec<_>>());
        let (mut words, dropped) = table
            .check_chain(expected, hook)
            .map_err(|problem| mismatch(&hook.device, asked.clone(), problem))?;
        words.extend(sets.iter().cloned());
        readings.push(Reading {
            device: hook.device.clone(),
            engine: "nft",
            asked,
            read: line(hook, &words),
            packets: None,
            dropped,
        });
    }
    if let Some(chain) = table.chains.iter().find(|chain| {
        let name = text(chain, "name");
        !expected.hooks.iter().any(|hook| hook.chain() == name)
    }) {
        return Err(whole(format!(
            "there is a chain nobody asked for, {}",
            text(chain, "name").escape_debug()
        )));
    }
    Ok(readings)
}

/// The parts of a table.
#[derive(Default)]
struct Table<'a> {
    sets: Vec<&'a Value>,
    chains: Vec<&'a Value>,
    rules: Vec<&'a Value>,
}

// === impl Table ===

impl<'a> Table<'a> {
    fn new(expected: &ExpectedFilter, read: &'a Value) -> Result<Self, String> {
        let objects = read
            .get("nftables")
            .and_then(Value::as_array)
            .ok_or("nft printed something else than a table")?;
        let name = expected.table();
        let mut parts = Self::default();
        let mut tables = 0;
        for object in objects {
            let Some((kind, object)) = object.as_object().and_then(|object| object.iter().next()) else {
                return Err("nft printed something that is not an object".into());
            };
            let of = if kind == "table" { "name" } else { "table" };
            if kind != "metainfo" && (text(object, "family") != "netdev" || text(object, of) != name) {
                return Err(format!("nft printed a {} of another table", kind.escape_debug()));
            }
            match kind.as_str() {
                "metainfo" => {}
                "table" => tables += 1,
                "set" => parts.sets.push(object),
                "chain" => parts.chains.push(object),
                "rule" => parts.rules.push(object),
                other => return Err(format!("there is a {} nobody asked for", other.escape_debug())),
            }
        }
        if tables == 1 {
            Ok(parts)
        } else {
            Err("the kernel has no such table".into())
        }
    }

    /// The sets in words.
    fn check_sets(&self, expected: &ExpectedFilter) -> Result<Vec<String>, String> {
        let ruleset = &expected.ruleset;
        let asked = ruleset.sets();
        if let Some(set) = self
            .sets
            .iter()
            .find(|set| !asked.iter().any(|(name, ..)| *name == text(set, "name")))
        {
            return Err(format!(
                "there is a set nobody asked for, {}",
                text(set, "name").escape_debug()
            ));
        }
        let mut words = Vec::new();
        for (name, of_type, elements) in asked {
            let mut found = self.sets.iter().filter(|set| text(set, "name") == name);
            let (Some(set), None) = (found.next(), found.next()) else {
                return Err(format!("the kernel has no set {name}"));
            };
            if text(set, "type") != of_type {
                return Err(format!("the set {name} is not of type {of_type}"));
            }
            let wanted = match name {
                "ports" => {
                    let ports = ruleset.ports.iter().flat_map(Ports::ranges);
                    ports.map(|&(first, last)| (first.into(), last.into())).collect()
                }
                "peers4" => ruleset.peers4.iter().map(Cidr::range).collect(),
                _ => ruleset.peers6.iter().map(Cidr::range).collect(),
            };
            let listed = set.get("elem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let Some(read) = listed.iter().map(range).collect::<Option<Vec<_>>>() else {
                return Err(format!("the set {name} has elements that are not {of_type}"));
            };
            if merged(read) != merged(wanted) {
                return Err(format!("the set {name} does not hold just {elements}"));
            }
            let shown: Vec<_> = listed.iter().map(shown).collect();
            words.push(format!("{name} {}", shown.join(",")));
        }
        Ok(words)
    }

    /// The rules of one hook in words, and how many packets they have hit.
    fn check_chain(&self, expected: &ExpectedFilter, hook: &Hook) -> Result<(Vec<String>, u64), String> {
        let name = hook.chain();
        let mut found = self.chains.iter().filter(|chain| text(chain, "name") == name);
        let (Some(chain), None) = (found.next(), found.next()) else {
            return Err(format!("the kernel has no chain {name}"));
        };
        // nft 1.0.6 does not print the device of a chain, so that its name has to do; later releases print it, or a list.
        let device_differs = chain.get("dev").is_some_and(|device| {
            let device = device
                .as_array()
                .filter(|all| all.len() == 1)
                .map_or(device, |all| &all[0]);
            device.as_str() != Some(&hook.device)
        });
        for (key, asked) in [("type", "filter"), ("hook", hook.at.name()), ("policy", "accept")] {
            if text(chain, key) != asked {
                let read = text(chain, key).escape_debug();
                return Err(format!("the chain {name} has {key} {read}, not {asked}"));
            }
        }
        if device_differs || chain.get("prio").and_then(Value::as_i64) != Some(PRIORITY) {
            return Err(format!("the chain {name} is on another device or at another priority"));
        }
        let rules: Vec<_> = self.rules.iter().filter(|rule| text(rule, "chain") == name).collect();
        let wanted = &expected.ruleset.rules;
        if rules.len() != wanted.len() {
            return Err(format!(
                "the chain {name} has {} rules, not {}",
                rules.len(),
                wanted.len()
            ));
        }
        let mut words = Vec::new();
        let mut dropped = 0;
        for (rule, wanted) in rules.into_iter().zip(wanted) {
            let read = rule::read(rule, hook.direction).map_err(|problem| {
                format!(
                    "a rule of the chain {name} {problem}, where `{}` was asked for",
                    wanted.nft(hook.direction)
                )
            })?;
            let shown = read.rule.nft(hook.direction);
            if read.rule != *wanted {
                return Err(format!(
                    "the kernel has `{shown}`, not `{}`",
                    wanted.nft(hook.direction)
                ));
            }
            words.push(shown);
            dropped += read.packets;
        }
        Ok((words, dropped))
    }
}

/// A text of an object, empty when there is none.
fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An element of a set as first and last: a number, an address, a range or a prefix.
fn range(element: &Value) -> Option<(u128, u128)> {
    let single = |value: &Value| match value {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::String(address) => address.parse().ok().map(|address| match address {
            IpAddr::V4(v4) => u32::from(v4).into(),
            IpAddr::V6(v6) => v6.into(),
        }),
        _ => None,
    };
    if let Some(prefix) = element.get("prefix") {
        let block = format!("{}/{}", prefix.get("addr")?.as_str()?, prefix.get("len")?.as_u64()?);
        return Cidr::parse(&block).ok().map(|block| block.range());
    }
    if let Some(range) = element.get("range") {
        return Some((single(range.get(0)?)?, single(range.get(1)?)?));
    }
    // With a counter or a timeout the value is wrapped; neither is ours.
    single(element).map(|value| (value, value))
}

/// An element of a set as nft's own text has it.
fn shown(element: &Value) -> String {
    let plain = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.escape_debug().to_string(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    if let Some(prefix) = element.get("prefix") {
        format!("{}/{}", plain(prefix.get("addr")), plain(prefix.get("len")))
    } else if let Some(range) = element.get("range") {
        format!("{}-{}", plain(range.get(0)), plain(range.get(1)))
    } else {
        plain(Some(element))
    }
}

/// Ranges in order, with those joined that overlap or touch, as nft does it for sets with `auto-merge`.
fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}
