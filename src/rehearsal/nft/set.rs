//! A named set of ports or addresses: intervals that nft sorts and merges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

/// What a set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Port,
    V4,
    V6,
}

impl Kind {
    fn bits(self) -> u32 {
        match self {
            Self::Port => 16,
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Port => "inet_service",
            Self::V4 => "ipv4_addr",
            Self::V6 => "ipv6_addr",
        }
    }
}

/// A set with `flags interval` and `auto-merge`.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) name: String,
    kind: Kind,
    /// First and last of each interval, in order, not touching each other.
    intervals: Vec<(u128, u128)>,
}

impl Set {
    /// The elements as they are written in a plan: `53,8000-8100`, `10.0.0.0/8,192.168.1.7`.
    pub(super) fn parse(name: &str, elements: &str) -> Option<Self> {
        let mut kind = None;
        let mut intervals = Vec::new();
        for element in elements.split(',').map(str::trim) {
            let (of, first, last) = interval(element)?;
            if *kind.get_or_insert(of) != of {
                return None;
            }
            intervals.push((first, last));
        }
        Some(Self {
            name: name.to_owned(),
            kind: kind?,
            intervals: merged(intervals),
        })
    }

    /// Whether a number is in one of its intervals.
    pub(super) fn holds(&self, number: u16) -> bool {
        let number = u128::from(number);
        self.intervals
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&number))
    }

    pub(super) fn json(&self, table: &str, handle: u32) -> Value {
        let elements: Vec<Value> = self
            .intervals
            .iter()
            .map(|(first, last)| self.element(*first, *last))
            .collect();
        json!({"set": {
            "family": "netdev", "name": self.name, "table": table, "type": self.kind.name(), "handle": handle,
            "flags": ["interval"], "elem": elements,
        }})
    }

    fn element(&self, first: u128, last: u128) -> Value {
        if first == last {
            return self.one(first);
        }
        if self.kind != Kind::Port
            && let Some(length) = prefix_length(first, last, self.kind.bits())
        {
            return json!({"prefix": {"addr": self.one(first), "len": length}});
        }
        json!({"range": [self.one(first), self.one(last)]})
    }

    fn one(&self, number: u128) -> Value {
        match self.kind {
            Kind::Port => u16::try_from(number).unwrap_or(u16::MAX).into(),
            Kind::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))
                .to_string()
                .into(),
            Kind::V6 => Ipv6Addr::from(number).to_string().into(),
        }
    }
}

/// `53`, `8000-8100`, `192.168.1.7`, `10.0.0.0/8`, `fd00::/8` as first and last.
fn interval(text: &str) -> Option<(Kind, u128, u128)> {
    if let Some((address, length)) = text.split_once('/') {
        let (kind, number) = address_number(address)?;
        let host = kind.bits().checked_sub(length.parse().ok()?)?;
        let mask = if host == 128 { u128::MAX } else { (1 << host) - 1 };
        return Some((kind, number & !mask, number | mask));
    }
    if let Some((kind, number)) = address_number(text) {
        return Some((kind, number, number));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then(|| (Kind::Port, first.into(), last.into()))
}

fn address_number(text: &str) -> Option<(Kind, u128)> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some((Kind::V4, u32::from(address).into())),
        IpAddr::V6(address) => Some((Kind::V6, address.into())),
    }
}

/// Overlapping and neighbouring intervals become one.
fn merged(mut intervals: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    intervals.sort_unstable();
    let mut out: Vec<(u128, u128)> = Vec::new();
    for (first, last) in intervals {
        match out.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

/// The length of the prefix that is exactly this interval, if there is one.
fn prefix_length(first: u128, last: u128, bits: u32) -> Option<u32> {
    let difference = first ^ last;
    let host = 128 - difference.leading_zeros();
    let whole = difference.count_ones() == host && first & difference == 0;
    whole.then(|| bits - host)
}
