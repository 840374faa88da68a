//! The body of a rule, as nft prints it back in JSON.

use std::time::Instant;

use serde_json::{Value, json};

use crate::traffic::counted;

/// One statement of a rule.
#[derive(Debug, Clone, PartialEq)]
enum Statement {
    Match(Value),
    Counter,
    Drop,
    Reject(Value),
}

/// A rule of matches, a counter and a verdict.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    statements: Vec<Statement>,
    since: Instant,
    body: String,
}

impl Rule {
    /// Reads a body; none for what has no transcript.
    pub(crate) fn parse(body: &str, since: Instant) -> Option<Self> {
        let words: Vec<&str> = body.split(' ').filter(|word| !word.is_empty()).collect();
        let mut rest = words.as_slice();
        let mut statements = Vec::new();
        while !rest.is_empty() {
            let (statement, after) = statement(rest)?;
            statements.push(statement);
            rest = after;
        }
        Some(Self {
            statements,
            since,
            body: body.to_owned(),
        })
    }

    /// Named sets it looks into.
    pub(super) fn sets(&self) -> impl Iterator<Item = &str> {
        self.matches().filter_map(|right| right.as_str()?.strip_prefix('@'))
    }

    /// What it does to a packet of the node's to a VM, or of the VM's answer: whether it rejects, if it matches at all. `port`
    /// is where the packet goes to, if its protocol has ports; rules for some peers alone are not about the node.
    pub(super) fn verdict(
        &self,
        protocol: &str,
        port: Option<u16>,
        is_in_set: impl Fn(&str, u16) -> bool,
    ) -> Option<bool> {
        let matches = self.body.split("counter").next().unwrap_or_default();
        let words: Vec<&str> = matches.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let has = |word: &str| words.contains(&word);
        let of_others = has("saddr") || has("daddr") || has("icmpv6") || (has("ip6") && !has("ip"));
        let protocols = ["tcp", "udp", "sctp", "icmp"];
        let other_protocol = protocols.into_iter().any(has) && !has(protocol);
        let other_port = has("@ports") && !port.is_some_and(|port| is_in_set("ports", port));
        (!of_others && !other_protocol && !other_port).then(|| self.rejects())
    }

    /// How many sets without a name it has.
    pub(super) fn anonymous_sets(&self) -> u32 {
        let count = self.matches().filter(|right| right.get("set").is_some()).count();
        u32::try_from(count).unwrap_or(0)
    }

    pub(super) fn rejects(&self) -> bool {
        self.statements
            .iter()
            .any(|statement| matches!(statement, Statement::Reject(_)))
    }

    fn matches(&self) -> impl Iterator<Item = &Value> {
        self.statements.iter().filter_map(|statement| match statement {
            Statement::Match(value) => value.pointer("/match/right"),
            _ => None,
        })
    }

    /// Its expressions as nft prints them in JSON; `first` is whether it is the first of its chain.
    pub(super) fn json(&self, first: bool) -> Value {
        let (packets, bytes) = if first { counted(self.since) } else { (0, 0) };
        let expressions = self.statements.iter().map(|statement| match statement {
            Statement::Match(value) => value.clone(),
            Statement::Counter => json!({"counter": {"packets": packets, "bytes": bytes}}),
            Statement::Drop => json!({"drop": null}),
            Statement::Reject(how) => json!({"reject": how}),
        });
        expressions.collect()
    }
}

/// The first statement, and the words after it.
fn statement<'a>(words: &'a [&'a str]) -> Option<(Statement, &'a [&'a str])> {
    match words {
        ["counter", rest @ ..] => Some((Statement::Counter, rest)),
        ["drop", rest @ ..] => Some((Statement::Drop, rest)),
        ["reject", "with", "tcp", "reset", rest @ ..] => Some((Statement::Reject(json!({"type": "tcp reset"})), rest)),
        ["reject", "with", "icmpx", "port-unreachable", rest @ ..] => Some((
            Statement::Reject(json!({"type": "icmpx", "expr": "port-unreachable"})),
            rest,
        )),
        // One protocol and its port are one and the same to nft.
        [
            "meta",
            "l4proto",
            protocol @ ("tcp" | "udp" | "sctp"),
            "th",
            field,
            rest @ ..,
        ] => compare(&json!({"payload": {"protocol": protocol, "field": field}}), rest),
        ["meta", key @ ("l4proto" | "protocol"), rest @ ..] => compare(&json!({"meta": {"key": key}}), rest),
        [protocol @ ("ip" | "ip6"), field @ ("saddr" | "daddr"), rest @ ..]
        | [protocol @ ("tcp" | "udp" | "sctp" | "th"), field @ "dport", rest @ ..]
        | [protocol @ "icmpv6", field @ "type", rest @ ..] => {
            compare(&json!({"payload": {"protocol": protocol, "field": field}}), rest)
        }
        _ => None,
    }
}

/// `[!=] VALUE`, `[!=] { VALUE, … }`.
fn compare<'a>(left: &Value, words: &'a [&'a str]) -> Option<(Statement, &'a [&'a str])> {
    let (operator, words) = match words {
        ["!=", rest @ ..] => ("!=", rest),
        rest => ("==", rest),
    };
    let icmpv6 = left
        .pointer("/payload/protocol")
        .is_some_and(|protocol| protocol == "icmpv6");
    let (right, rest) = match words {
        ["{", rest @ ..] => {
            let end = rest.iter().position(|word| *word == "}")?;
            let values: Vec<Value> = rest[..end]
                .iter()
                .map(|word| value(word.trim_end_matches(','), icmpv6))
                .collect();
            (json!({ "set": values }), &rest[end + 1..])
        }
        [word, rest @ ..] => (value(word, icmpv6), rest),
        [] => return None,
    };
    let matched = json!({"match": {"op": operator, "left": left, "right": right}});
    Some((Statement::Match(matched), rest))
}

fn value(word: &str, icmpv6: bool) -> Value {
    if let Some((first, last)) = word.split_once('-')
        && let (Ok(_), Ok(_)) = (first.parse::<u16>(), last.parse::<u16>())
    {
        return json!({"range": [value(first, icmpv6), value(last, icmpv6)]});
    }
    match word.parse::<u32>() {
        Ok(number) => icmpv6_name(number)
            .filter(|_| icmpv6)
            .map_or(number.into(), Value::from),
        Err(_) => word.into(),
    }
}

/// nft prints the types of neighbour discovery by name.
fn icmpv6_name(number: u32) -> Option<&'static str> {
    match number {
        133 => Some("nd-router-solicit"),
        134 => Some("nd-router-advert"),
        135 => Some("nd-neighbor-solicit"),
        136 => Some("nd-neighbor-advert"),
        137 => Some("nd-redirect"),
        _ => None,
    }
}
