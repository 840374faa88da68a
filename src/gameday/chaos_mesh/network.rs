//! `NetworkChaos`: what of it is `netem`, and what is `filter`.

use super::{Reader, setting};
use crate::fault::Cidr;
use crate::gameday::file::yaml::{Node, Path, Value};
use crate::gameday::step::Setting;

/// Effects of netem: their keys, that of their share, and the flag.
const SHARES: [(&str, &str); 3] = [("loss", "loss"), ("duplicate", "duplicate"), ("corrupt", "corrupt")];

pub(super) fn network(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Option<(&'static str, Vec<Setting>)> {
    let action = reader.word(path, spec, "action").unwrap_or_default();
    if let Some(device) = reader.word(path, spec, "device") {
        let told =
            format!("device {device} is a pod's; here every interface of the VM is meant, or those of `interfaces`");
        reader.wrong(&path.key("device"), told);
    }
    let mut settings = directions(reader, path, spec);
    if action == "partition" {
        settings.push(setting("protocols", &path.key("action"), "all"));
        settings.extend(peers(reader, path, spec));
        return Some(("filter", settings));
    }
    for key in ["target", "externalTargets"] {
        if spec.get(key).is_some() {
            let told = "cannot be had: netem is put on all of a VM's traffic, whoever its peer is";
            reader.wrong(&path.key(key), told);
        }
    }
    let known = ["netem", "delay", "loss", "duplicate", "corrupt", "bandwidth"];
    if !known.contains(&action.as_str()) {
        reader.wrong(
            &path.key("action"),
            format!("`{action}` is none of {}, partition", known.join(", ")),
        );
        return None;
    }
    let is_asked = |key: &str| action == key || action == "netem";
    if is_asked("delay") {
        settings.extend(delay(reader, path, spec));
    }
    for (key, flag) in SHARES {
        if let Some(node) = spec.get(key).filter(|_| is_asked(key)) {
            let at = path.key(key);
            if let Some(share) = reader.word(&at, node, key) {
                settings.push(setting(flag, &at.key(key), share));
            }
            correlation(reader, &at, node, key);
        }
    }
    if let Some(node) = spec.get("rate").filter(|_| action == "netem") {
        let at = path.key("rate");
        settings.extend(rate(reader, &at, node));
    }
    if action == "bandwidth" {
        match spec.get("bandwidth") {
            Some(node) => {
                settings.extend(rate(reader, &path.key("bandwidth"), node));
                reader.remark("limit and buffer of a bandwidth are computed from its rate");
            }
            None => reader.wrong(path, "missing key `bandwidth`"),
        }
    }
    Some(("netem", settings))
}

/// As seen from the VM: `to` is what it sends.
fn directions(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Vec<Setting> {
    let at = path.key("direction");
    let (ingress, egress) = match reader.word(path, spec, "direction").as_deref() {
        None | Some("to") => (false, true),
        Some("from") => (true, false),
        Some("both") => (true, true),
        Some(other) => {
            reader.wrong(&at, format!("`{other}` is none of to, from, both"));
            return Vec::new();
        }
    };
    vec![
        setting("ingress", &at, ingress.to_string()),
        setting("egress", &at, egress.to_string()),
    ]
}

fn delay(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Vec<Setting> {
    let Some(delay) = spec.get("delay") else {
        return Vec::new();
    };
    let at = path.key("delay");
    let mut settings = Vec::new();
    for key in ["latency", "jitter", "correlation"] {
        // Written for completeness where there is none.
        let none = |word: &String| word.trim_end_matches(|c: char| c.is_ascii_alphabetic()) == "0";
        if let Some(value) = reader.word(&at, delay, key).filter(|word| !none(word)) {
            settings.push(setting(key, &at.key(key), value));
        }
    }
    if let Some(reorder) = delay.get("reorder") {
        let at = at.key("reorder");
        for key in ["reorder", "gap"] {
            if let Some(value) = reader.word(&at, reorder, key).filter(|word| word != "0") {
                settings.push(setting(key, &at.key(key), value));
            }
        }
        correlation(reader, &at, reorder, "reorder");
    }
    settings
}

/// Only that of a latency can be had.
fn correlation(reader: &mut Reader<'_>, path: &Path, node: &Node, of: &str) {
    let value = reader.word(path, node, "correlation");
    if let Some(value) = value.filter(|value| value.trim_end_matches('%').parse() != Ok(0.0)) {
        reader.remark(format!(
            "correlation {value} of {of} is left out: each packet is drawn by itself"
        ));
    }
}

/// `1mbps` is a megabyte a second, as `tc` has it.
fn rate(reader: &mut Reader<'_>, path: &Path, node: &Node) -> Option<Setting> {
    let word = reader.word(path, node, "rate")?;
    let lower = word.to_ascii_lowercase();
    let split = lower.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(split);
    let value = match (unit.strip_suffix("bps"), number.trim().parse::<u64>()) {
        (Some(prefix), Ok(number)) => format!("{}{prefix}bit", number.saturating_mul(8)),
        // Anything else is judged by what reads rates.
        _ => word.clone(),
    };
    if value != word {
        reader.remark(format!("rate {word} is bytes a second: {value}"));
    }
    Some(setting("bandwidth", &path.key("rate"), value))
}

/// With whom the VM can no longer speak; without any it is everybody.
fn peers(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Vec<Setting> {
    if spec.get("target").is_some() {
        let told = "cannot be had: a peer is an address or a CIDR; write it in `externalTargets`";
        reader.wrong(&path.key("target"), told);
    }
    let at = path.key("externalTargets");
    let mut settings = Vec::new();
    if let Some(Value::List(list)) = spec.get("externalTargets").map(|node| &node.value) {
        for (n, peer) in list.iter().enumerate() {
            let word = peer.value.word().unwrap_or_default();
            if Cidr::parse(&word).is_ok() {
                settings.push(setting("peer", &at.index(n), word));
            } else {
                let told = format!("`{word}` is no address and no CIDR: names and ports of peers cannot be had");
                reader.wrong(&at.index(n), told);
            }
        }
    }
    settings
}
