//! The flower filters of one hook, read back as `tc -s -j filter show dev DEVICE HOOK` prints them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::line;
use crate::fault::Direction;
use crate::faults::packets::compile::{Mismatch, Reading};
use crate::faults::packets::filter::flower::FlowerFilter;
use crate::faults::packets::filter::ruleset::Family;
use crate::faults::packets::filter::{ExpectedFilter, Hook};

pub(super) fn verify(
    expected: &ExpectedFilter,
    hook: &Hook,
    read: &BTreeMap<String, Value>,
) -> Result<Reading, Mismatch> {
    let asked = expected.ruleset.flower_filters();
    let words = line(hook, &grouped(&asked, hook));
    let mismatch = |problem: String| Mismatch {
        device: hook.device.clone(),
        asked: words.clone(),
        problem,
    };
    let key = format!("{} {}", hook.device, hook.at.name());
    let shown = read
        .get(&key)
        .and_then(Value::as_array)
        .ok_or_else(|| mismatch("nothing was read back".into()))?;
    let mut left: Vec<&FlowerFilter> = asked.iter().collect();
    let mut dropped = 0;
    let mut there = Vec::new();
    for filter in shown {
        // Each preference begins with a line about itself.
        let Some(options) = filter.get("options") else { continue };
        let found = left
            .iter()
            .position(|wanted| is(wanted, expected, hook, filter, options))
            .ok_or_else(|| {
                mismatch(format!(
                    "the kernel has a filter nobody asked for: {}",
                    options_in_words(options)
                ))
            })?;
        let wanted = left.swap_remove(found);
        dropped += packets(options).ok_or_else(|| {
            mismatch(format!(
                "`{}` does not drop, or does something besides",
                in_words(wanted, hook)
            ))
        })?;
        there.push(wanted.clone());
    }
    if let Some(missing) = left.first() {
        return Err(mismatch(format!("the kernel has no `{}`", in_words(missing, hook))));
    }
    Ok(Reading {
        device: hook.device.clone(),
        engine: "tc",
        asked: words,
        read: line(hook, &grouped(&there, hook)),
        packets: None,
        dropped,
    })
}

fn in_words(filter: &FlowerFilter, hook: &Hook) -> String {
    let words = filter.words(hook.direction);
    format!("{} {words}", filter.matches.protocol()).trim_end().to_owned()
}

/// Filters in words; those that differ only in their ports are told together.
fn grouped(filters: &[FlowerFilter], hook: &Hook) -> Vec<String> {
    let mut groups: Vec<(&FlowerFilter, String)> = Vec::new();
    for filter in filters {
        match groups.last_mut() {
            Some((first, words)) if first.matches == filter.matches && first.peer == filter.peer => {
                words.push(',');
                words.push_str(&filter.ports_in_words());
            }
            _ => groups.push((filter, in_words(filter, hook))),
        }
    }
    groups.into_iter().map(|(_, words)| words).collect()
}

fn options_in_words(options: &Value) -> String {
    let keys = options.get("keys").unwrap_or(&Value::Null).to_string();
    keys.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Whether a filter that was read is this one: its place, and every key of its match.
fn is(wanted: &FlowerFilter, expected: &ExpectedFilter, hook: &Hook, filter: &Value, options: &Value) -> bool {
    let matches = &wanted.matches;
    let text = |key: &str| filter.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |value: Option<&Value>| value.and_then(Value::as_u64);
    let ours = number(options.get("handle")).is_some_and(|handle| handle >> 16 == u64::from(expected.handle.major()));
    let placed = text("kind") == "flower"
        && text("protocol").eq_ignore_ascii_case(matches.protocol())
        && number(filter.get("pref")) == Some(matches.preference(expected.handle).into())
        && number(filter.get("chain")).unwrap_or(0) == 0;
    let Some(keys) = options.get("keys").and_then(Value::as_object) else {
        return ours && placed && wanted_keys(wanted, hook).is_empty();
    };
    // What the family says once more is not asked for by name.
    let implied = |key: &str, value: &Value| {
        let (short, long) = match matches.family {
            Family::V4 => ("ip", "ipv4"),
            Family::V6 => ("ipv6", "ipv6"),
        };
        let value = value.as_str().unwrap_or_default();
        match key {
            "eth_type" => value == long || value == short,
            "vlan_ethtype" => matches.tagged && (value == short || value == long),
            _ => false,
        }
    };
    let mut wanted_keys = wanted_keys(wanted, hook);
    let known = keys.iter().all(|(key, value)| {
        if implied(key, value) {
            return true;
        }
        let found = wanted_keys
            .iter()
            .position(|(name, wanted)| name == key && same_value(wanted, value));
        found.map(|found| wanted_keys.swap_remove(found)).is_some()
    });
    let tag_is_there = !matches.tagged || keys.contains_key("vlan_ethtype");
    ours && placed && known && tag_is_there && wanted_keys.is_empty()
}

/// The keys a filter must have beyond those of its family, as texts.
fn wanted_keys(wanted: &FlowerFilter, hook: &Hook) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if let Some(peer) = wanted.peer {
        let end = match hook.direction {
            Direction::Ingress => "src_ip",
            Direction::Egress => "dst_ip",
        };
        keys.push((end, peer.to_string()));
    }
    keys.extend(wanted.matches.upper.map(|upper| ("ip_proto", upper.to_owned())));
    // A mask of all bits is not printed.
    keys.extend(wanted.matches.types.map(|(value, mask)| {
        let text = if mask == u8::MAX {
            value.to_string()
        } else {
            format!("{value}/{mask}")
        };
        ("icmp_type", text)
    }));
    keys.extend(wanted.ports.map(|_| ("dst_port", wanted.ports_in_words())));
    keys
}

/// A value of a key: numbers come as numbers or texts, ranges as objects, protocols also by number.
fn same_value(wanted: &str, read: &Value) -> bool {
    let read = match read {
        Value::String(text) => text.clone(),
        Value::Object(range) => match (
            range.get("start").and_then(Value::as_u64),
            range.get("end").and_then(Value::as_u64),
        ) {
            (Some(start), Some(end)) if range.len() == 2 => format!("{start}-{end}"),
            _ => return false,
        },
        other => other.to_string(),
    };
    let number = match wanted {
        "icmp" => "1",
        "tcp" => "6",
        "udp" => "17",
        "icmpv6" => "58",
        "sctp" => "132",
        other => other,
    };
    read == wanted || read == number
}

/// Packets that the filter's one action has dropped; `None` when it has another action.
fn packets(options: &Value) -> Option<u64> {
    let [action] = options.get("actions")?.as_array()?.as_slice() else {
        return None;
    };
    let drops =
        action.get("kind")?.as_str()? == "gact" && action.get("control_action")?.get("type")?.as_str()? == "drop";
    // Without statistics nothing is known of its effect, which `-s` asks for.
    drops.then(|| action.get("stats")?.get("packets")?.as_u64()).flatten()
}

#[cfg(test)]
pub(super) mod tests;
