//! One rule of an nft table, taken apart into what it matches.

use serde_json::Value;

use crate::fault::Direction;
use crate::faults::packets::filter::Protocol;
use crate::faults::packets::filter::ruleset::{Family, Rule, Upper, Verdict};

/// A rule and its counter.
pub(super) struct Counted {
    pub rule: Rule,
    pub packets: u64,
}

/// What has been read of a rule so far.
#[derive(Default)]
struct Parts {
    /// `None` is nothing said, which is both.
    families: Option<Vec<Family>>,
    peers: bool,
    /// Upper protocols by the numbers of IANA; `None` is nothing said.
    upper: Option<Vec<u8>>,
    without_nd: bool,
    ports: bool,
    packets: Option<u64>,
    verdict: Option<Verdict>,
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// Takes a rule apart; the error says what is in it that none of ours has.
pub(super) fn read(rule: &Value, direction: Direction) -> Result<Counted, String> {
    let expressions = rule.get("expr").and_then(Value::as_array).ok_or("has no expressions")?;
    let mut parts = Parts::default();
    for expression in expressions {
        let Some((kind, value)) = expression.as_object().and_then(|object| object.iter().next()) else {
            return Err("has something that is no expression".into());
        };
        if parts.verdict.is_some() {
            return Err("goes on after its verdict".into());
        }
        match kind.as_str() {
            "match" if parts.packets.is_none() => parts.matched(value, direction)?,
            "counter" => {
                let packets = value.get("packets").and_then(Value::as_u64);
                parts.packets = Some(packets.ok_or("has an empty counter")?);
            }
            "drop" => parts.verdict = Some(Verdict::Drop),
            "reject" => parts.verdict = Some(rejection(value)?),
            other => return Err(format!("has a `{}`", other.escape_debug())),
        }
    }
    let packets = parts.packets.ok_or("has no counter")?;
    parts.rule().map(|rule| Counted { rule, packets })
}

fn rejection(value: &Value) -> Result<Verdict, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (text("type"), text("expr")) {
        (Some("tcp reset"), None) => Ok(Verdict::TcpReset),
        // nft leaves out what is the default.
        (None, None) | (Some("icmpx"), Some("port-unreachable")) => Ok(Verdict::Unreachable),
        _ => Err("rejects in another way".into()),
    }
}

// === impl Parts ===

impl Parts {
    fn matched(&mut self, value: &Value, direction: Direction) -> Result<(), String> {
        let op = value.get("op").and_then(Value::as_str).unwrap_or_default();
        let null = Value::Null;
        let (left, right) = (value.get("left").unwrap_or(&null), value.get("right").unwrap_or(&null));
        let key = left
            .get("meta")
            .and_then(|meta| meta.get("key"))
            .and_then(Value::as_str);
        let payload = |part: &str| {
            left.get("payload")
                .and_then(|payload| payload.get(part))
                .and_then(Value::as_str)
        };
        let field = payload("protocol").zip(payload("field"));
        let other_end = match direction {
            Direction::Ingress => "saddr",
            Direction::Egress => "daddr",
        };
        let unknown = || format!("matches {left} {} {right}", op.escape_debug());
        let set = right.as_str();
        match (key, field, op) {
            (Some("protocol"), None, "==" | "in") => self.families(&each(right, family).ok_or_else(unknown)?),
            (Some("l4proto"), None, "==" | "in") => self.upper(&each(right, protocol).ok_or_else(unknown)?),
            (None, Some(("ip", "protocol")), "==" | "in") => {
                self.families(&[Family::V4])?;
                self.upper(&each(right, protocol).ok_or_else(unknown)?)
            }
            (None, Some(("ip6", "nexthdr")), "==" | "in") => {
                self.families(&[Family::V6])?;
                self.upper(&each(right, protocol).ok_or_else(unknown)?)
            }
            (None, Some(("ip", end)), "==" | "in") if end == other_end && set == Some("@peers4") => {
                self.peers = true;
                self.families(&[Family::V4])
            }
            (None, Some(("ip6", end)), "==" | "in") if end == other_end && set == Some("@peers6") => {
                self.peers = true;
                self.families(&[Family::V6])
            }
            (None, Some((header, "dport")), "==" | "in") if set == Some("@ports") => {
                self.ports = true;
                match header {
                    "th" => Ok(()),
                    "tcp" => self.upper(&[TCP]),
                    "udp" => self.upper(&[UDP]),
                    "sctp" => self.upper(&[SCTP]),
                    _ => Err(unknown()),
                }
            }
            (None, Some(("icmpv6", "type")), "!=") if is_nd(right) => {
                self.without_nd = true;
                self.upper(&[ICMP6])
            }
            _ => Err(unknown()),
        }
    }

    /// What is said twice must be the same.
    fn families(&mut self, said: &[Family]) -> Result<(), String> {
        let known = self.families.get_or_insert_with(|| said.to_vec());
        if *known == said {
            Ok(())
        } else {
            Err("matches two families at once".into())
        }
    }

    fn upper(&mut self, said: &[u8]) -> Result<(), String> {
        let known = self.upper.get_or_insert_with(|| said.to_vec());
        if *known == said {
            Ok(())
        } else {
            Err("matches two protocols at once".into())
        }
    }

    fn rule(self) -> Result<Rule, String> {
        let upper = match self.upper.as_deref() {
            None => Upper::Any,
            Some([ICMP]) => Upper::Icmp4,
            Some([ICMP6]) if self.without_nd => Upper::Icmp6,
            Some([ICMP6]) => return Err("matches neighbour discovery".into()),
            Some(numbers) => {
                let known = [(TCP, Protocol::Tcp), (UDP, Protocol::Udp), (SCTP, Protocol::Sctp)];
                let named = |number: &u8| known.iter().find(|(n, _)| n == number).map(|(_, protocol)| *protocol);
                Upper::Ported(
                    numbers
                        .iter()
                        .map(named)
                        .collect::<Option<_>>()
                        .ok_or("matches other protocols")?,
                )
            }
        };
        if self.ports && !matches!(upper, Upper::Ported(_)) {
            return Err("matches ports of anything".into());
        }
        let family = match (&upper, self.families.as_deref()) {
            // The protocol says it.
            (Upper::Icmp4, None | Some([Family::V4])) | (_, Some([Family::V4])) if upper != Upper::Icmp6 => {
                Some(Family::V4)
            }
            (Upper::Icmp6, None | Some([Family::V6])) | (_, Some([Family::V6])) if upper != Upper::Icmp4 => {
                Some(Family::V6)
            }
            (Upper::Any, Some([Family::V4, Family::V6]))
            | (Upper::Ported(_), None | Some([Family::V4, Family::V6])) => None,
            // Without a word about the family it would be every frame, ARP included.
            _ => return Err("matches other families".into()),
        };
        Ok(Rule {
            family,
            peers: self.peers,
            upper,
            ports: self.ports,
            verdict: self.verdict.ok_or("has no verdict")?,
        })
    }
}

/// One value or an anonymous set of them, in order.
fn each<T: Ord>(right: &Value, one: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    let mut values: Vec<T> = match right.get("set").and_then(Value::as_array) {
        Some(elements) => elements.iter().map(one).collect::<Option<_>>()?,
        None => vec![one(right)?],
    };
    values.sort_unstable();
    Some(values)
}

/// An Ethernet type, by name or number.
fn family(value: &Value) -> Option<Family> {
    match (value.as_str(), value.as_u64()) {
        (Some("ip"), _) | (_, Some(0x0800)) => Some(Family::V4),
        (Some("ip6"), _) | (_, Some(0x86dd)) => Some(Family::V6),
        _ => None,
    }
}

/// An upper protocol, by the names of `/etc/protocols` or by number.
fn protocol(value: &Value) -> Option<u8> {
    match value.as_str() {
        Some("icmp") => Some(ICMP),
        Some("tcp") => Some(TCP),
        Some("udp") => Some(UDP),
        Some("ipv6-icmp" | "icmpv6") => Some(ICMP6),
        Some("sctp") => Some(SCTP),
        Some(_) => None,
        None => value.as_u64().and_then(|number| u8::try_from(number).ok()),
    }
}

/// The range of neighbour discovery's types, by names or numbers.
fn is_nd(right: &Value) -> bool {
    let end = |index: usize, name: &str, number: u64| {
        let value = right.get("range").and_then(|range| range.get(index));
        value.is_some_and(|value| value.as_str() == Some(name) || value.as_u64() == Some(number))
    };
    end(0, "nd-router-solicit", 133) && end(1, "nd-redirect", 137)
}
