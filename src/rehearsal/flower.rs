//! The clsact qdisc of a device and its flower filters without a kernel, for [`DoubleNode`](super::double::DoubleNode).

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::nft::Hook;
use super::qdisc::Refusal;
use super::traffic::counted;

/// A flower filter that drops what it matches.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) hook: Hook,
    /// `ip`, `ipv6` or `802.1Q`.
    pub(super) protocol: String,
    pub(super) pref: u32,
    pub(super) handle: u32,
    /// Match words in pairs: `ip_proto`, `tcp`.
    keys: Vec<(String, String)>,
    /// The number of its action.
    action: usize,
    since: Instant,
}

impl Filter {
    /// `tc filter add dev … HOOK protocol PROTOCOL pref PREF handle HANDLE flower WORDS… action drop`.
    pub(super) fn new(hook: Hook, protocol: &str, pref: u32, handle: u32, words: &[&str]) -> Option<Self> {
        let (pairs, []) = words.as_chunks::<2>() else {
            return None;
        };
        let keys: Vec<(String, String)> = pairs
            .iter()
            .map(|[key, value]| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let known = |(key, value): &(String, String)| printed(key, value).is_some();
        keys.iter().all(known).then(|| Self {
            hook,
            protocol: protocol.to_owned(),
            pref,
            handle,
            keys,
            action: 0,
            since: Instant::now(),
        })
    }

    /// Whether it drops an IPv4 packet to that port, if its protocol has ports; filters for some peers alone are not about
    /// the node.
    pub(super) fn drops(&self, protocol: &str, port: Option<u16>) -> bool {
        let hit = |(key, value): &(String, String)| match key.as_str() {
            "ip_proto" => value == protocol,
            "dst_port" => port.is_some_and(|port| {
                let (first, last) = value.split_once('-').unwrap_or((value, value));
                let number = |text: &str| text.parse::<u16>().unwrap_or_default();
                (number(first)..=number(last)).contains(&port)
            }),
            // An ICMP type other than that of an echo may be meant.
            _ => false,
        };
        self.protocol == "ip" && self.keys.iter().all(hit)
    }

    /// `first` is whether it is the first of its hook.
    fn json(&self, first: bool) -> Value {
        let own = ethernet_type(&self.protocol).map(|name| ("eth_type", name.into()));
        let matches = self
            .keys
            .iter()
            .filter_map(|(key, value)| printed(key, value))
            .flatten();
        let keys: Map<String, Value> = own
            .into_iter()
            .chain(matches)
            .map(|(key, value): (&str, Value)| (key.to_owned(), value))
            .collect();
        let (packets, bytes) = if first { counted(self.since) } else { (0, 0) };
        let age = self.since.elapsed().as_secs();
        let mut object = self.head();
        object.insert(
            "options".into(),
            json!({
                "handle": self.handle, "keys": keys, "not_in_hw": true,
                "actions": [{
                    "order": 1, "kind": "gact", "control_action": {"type": "drop"},
                    "prob": {"random_type": "none", "control_action": {"type": "pass"}, "val": 0},
                    "index": self.action, "ref": 1, "bind": 1, "installed": age, "last_used": age,
                    "stats": {
                        "bytes": bytes, "packets": packets, "drops": packets, "overlimits": 0, "requeues": 0, "backlog": 0,
                        "qlen": 0,
                    },
                }],
            }),
        );
        object.into()
    }

    fn head(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("protocol".into(), self.protocol.as_str().into());
        object.insert("pref".into(), self.pref.into());
        object.insert("kind".into(), "flower".into());
        object.insert("chain".into(), 0.into());
        object
    }
}

/// One match as tc prints it; none for words without transcript.
fn printed(key: &str, value: &str) -> Option<Vec<(&'static str, Value)>> {
    let port = |text: &str| text.parse::<u16>().ok().map(Value::from);
    Some(match key {
        "dst_port" => match value.split_once('-') {
            Some((first, last)) => vec![("dst_port", json!({"start": port(first)?, "end": port(last)?}))],
            None => vec![("dst_port", port(value)?)],
        },
        "vlan_ethtype" => vec![
            ("vlan_ethtype", value.into()),
            ("eth_type", ethernet_type(value)?.into()),
        ],
        // Of a mask that leaves nothing open nothing is shown.
        "type" => vec![("icmp_type", value.trim_end_matches("/255").into())],
        "ip_proto" => vec![("ip_proto", value.into())],
        "src_ip" => vec![("src_ip", address(value).into())],
        "dst_ip" => vec![("dst_ip", address(value).into())],
        _ => return None,
    })
}

/// A single address is shown without its length.
fn address(text: &str) -> &str {
    text.strip_suffix("/32")
        .or_else(|| text.strip_suffix("/128"))
        .unwrap_or(text)
}

fn ethernet_type(protocol: &str) -> Option<&'static str> {
    match protocol {
        "ip" => Some("ipv4"),
        "ipv6" => Some("ipv6"),
        _ => None,
    }
}

/// The filters on a device that has a clsact qdisc.
#[derive(Debug, Clone, Default)]
pub(super) struct Clsact {
    filters: Vec<Filter>,
}

impl Clsact {
    /// Adds a filter.
    pub(super) fn add(&mut self, mut filter: Filter) -> Result<(), Refusal> {
        let mut beside = self
            .filters
            .iter()
            .filter(|other| other.hook == filter.hook && other.pref == filter.pref);
        if beside.clone().any(|other| other.protocol != filter.protocol) {
            return Err("Error: Filter with specified priority/protocol not found.");
        }
        if beside.clone().any(|other| other.handle == filter.handle) {
            return Err("Error: Filter already exists.");
        }
        if beside.any(|other| other.keys == filter.keys) {
            return Err("RTNETLINK answers: File exists");
        }
        // The lowest number that is free.
        let taken: BTreeSet<usize> = self.filters.iter().map(|other| other.action).collect();
        filter.action = (1..=self.filters.len() + 1)
            .find(|number| !taken.contains(number))
            .unwrap_or_default();
        self.filters.push(filter);
        self.filters.sort_by_key(|filter| (filter.pref, filter.handle));
        Ok(())
    }

    /// Whether it carries filters of this program, and nothing else.
    pub(super) fn is_of_runs(&self) -> bool {
        !self.filters.is_empty() && self.filters.iter().all(|filter| run_of(filter).is_some())
    }

    /// All its filters, by preference and handle.
    pub(super) fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Takes out the filters that are named.
    pub(super) fn remove(&mut self, which: impl Fn(&Filter) -> bool) {
        self.filters.retain(|filter| !which(filter));
    }

    /// As `tc -s -j filter show dev … HOOK` prints it: before the filters of a preference an object for all of them.
    pub(super) fn json(&self, hook: Hook) -> Value {
        let mut all = Vec::new();
        let mut pref = None;
        for filter in self.filters.iter().filter(|filter| filter.hook == hook) {
            let first = all.is_empty();
            if pref.replace(filter.pref) != Some(filter.pref) {
                all.push(filter.head().into());
            }
            all.push(filter.json(first));
        }
        all.into()
    }
}

/// Whose filter it is: the number of the run whose marks it carries, `0x7000` to `0x7fff`; none if it is not of this program.
///
/// Preference and upper half of the handle agree: the number itself for IPv4, 0x1000 more for IPv6, 0x2000 for tagged frames.
pub(super) fn run_of(filter: &Filter) -> Option<u32> {
    let number = filter.handle >> 16;
    let offset = match filter.protocol.as_str() {
        "ip" => 0,
        "ipv6" => 0x1000,
        "802.1Q" => 0x2000,
        _ => return None,
    };
    ((0x7000..0x8000).contains(&number) && filter.pref == number + offset).then_some(number)
}

#[cfg(test)]
#[path = "flower_tests.rs"]
mod tests;
