//! A ruleset as flower filters of `tc`: one for each family, tag, protocol, port range and peer, for flower takes one
//! value of each.

use super::ruleset::{Family, Rule, Ruleset, Upper};
use crate::fault::{Cidr, Direction};
use crate::plan::Handle;

/// What one flower filter matches, the sets of peers and ports left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowerMatch {
    pub family: Family,
    /// Behind one 802.1Q tag.
    pub tagged: bool,
    pub peers: bool,
    /// Name of what is above IP, as `tc` knows it; `None` is anything.
    pub upper: Option<&'static str>,
    /// ICMPv6 types, as value and mask.
    pub types: Option<(u8, u8)>,
    pub ports: bool,
}

/// One flower filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowerFilter {
    pub matches: FlowerMatch,
    pub peer: Option<Cidr>,
    pub ports: Option<(u16, u16)>,
}

/// More flower filters on one hook take the kernel too long for each packet, and us too long to read back.
pub(crate) const MOST_FILTERS: usize = 512;

/// The types of ICMPv6 that are not 133 to 137, as value and mask.
const NOT_ND: [(u8, u8); 8] = [
    (0, 128),
    (128, 252),
    (132, 255),
    (138, 254),
    (140, 252),
    (144, 240),
    (160, 224),
    (192, 192),
];

// === impl Ruleset ===

impl Ruleset {
    /// Whether flower can do what is asked for.
    pub fn fits_flower(&self) -> bool {
        !self.rejects() && self.count_flower_filters() <= MOST_FILTERS
    }

    /// How many filters there would be on one hook, which may be more than memory holds.
    pub fn count_flower_filters(&self) -> usize {
        let ports = self.ports.as_ref().map_or(1, |ports| ports.ranges().len());
        let of = |matches: FlowerMatch| {
            let peers = match (matches.peers, matches.family) {
                (false, _) => 1,
                (true, Family::V4) => self.peers4.len(),
                (true, Family::V6) => self.peers6.len(),
            };
            peers.saturating_mul(if matches.ports { ports } else { 1 })
        };
        self.rules
            .iter()
            .flat_map(Rule::flower)
            .map(of)
            .fold(0, usize::saturating_add)
    }

    /// The filters on one hook.
    pub fn flower_filters(&self) -> Vec<FlowerFilter> {
        let mut filters = Vec::new();
        for matches in self.rules.iter().flat_map(Rule::flower) {
            let peers = match (matches.peers, matches.family) {
                (false, _) => vec![None],
                (true, Family::V4) => self.peers4.iter().copied().map(Some).collect(),
                (true, Family::V6) => self.peers6.iter().copied().map(Some).collect(),
            };
            let ports: Vec<_> = match self.ports.as_ref().filter(|_| matches.ports) {
                None => vec![None],
                Some(ports) => ports.ranges().iter().copied().map(Some).collect(),
            };
            for peer in peers {
                filters.extend(ports.iter().map(|&ports| FlowerFilter {
                    matches: matches.clone(),
                    peer,
                    ports,
                }));
            }
        }
        filters
    }
}

// === impl Rule ===

impl Rule {
    /// The matches that do what the rule does, untagged first.
    pub fn flower(&self) -> Vec<FlowerMatch> {
        let families = self
            .family
            .map_or_else(|| vec![Family::V4, Family::V6], |family| vec![family]);
        let mut all = Vec::new();
        for tagged in [false, true] {
            for &family in &families {
                let one = |upper, types| FlowerMatch {
                    family,
                    tagged,
                    peers: self.peers,
                    upper,
                    types,
                    ports: self.ports,
                };
                match &self.upper {
                    Upper::Any => all.push(one(None, None)),
                    Upper::Icmp4 => all.push(one(Some("icmp"), None)),
                    Upper::Icmp6 => all.extend(NOT_ND.map(|types| one(Some("icmpv6"), Some(types)))),
                    Upper::Ported(protocols) => all.extend(protocols.iter().map(|p| one(Some(p.name()), None))),
                }
            }
        }
        all
    }
}

// === impl FlowerMatch ===

impl FlowerMatch {
    /// The protocol of the frames that `tc filter` is told, and shows.
    pub fn protocol(&self) -> &'static str {
        match (self.tagged, self.family) {
            (true, _) => "802.1Q",
            (false, Family::V4) => "ip",
            (false, Family::V6) => "ipv6",
        }
    }

    /// One preference cannot hold two protocols.
    pub fn preference(&self, mark: Handle) -> u32 {
        let step = match self.protocol() {
            "ip" => 0,
            "ipv6" => 0x1000,
            _ => 0x2000,
        };
        u32::from(mark.major()) + step
    }

    /// Frame protocol and match as the node's plan has them, with the names of the sets where their elements go.
    pub fn template(&self, direction: Direction) -> String {
        let peers = match self.family {
            Family::V4 => "@peers4",
            Family::V6 => "@peers6",
        };
        let words = self.words(direction, peers, "@ports");
        format!("{} {words}", self.protocol()).trim_end().to_owned()
    }

    fn words(&self, direction: Direction, peer: &str, ports: &str) -> String {
        let end = match direction {
            Direction::Ingress => "src_ip",
            Direction::Egress => "dst_ip",
        };
        let mut words = Vec::new();
        if self.tagged {
            let inner = match self.family {
                Family::V4 => "ip",
                Family::V6 => "ipv6",
            };
            words.push(format!("vlan_ethtype {inner}"));
        }
        if self.peers {
            words.push(format!("{end} {peer}"));
        }
        words.extend(self.upper.map(|upper| format!("ip_proto {upper}")));
        words.extend(self.types.map(|(value, mask)| format!("type {value}/{mask}")));
        if self.ports {
            words.push(format!("dst_port {ports}"));
        }
        words.join(" ")
    }
}

// === impl FlowerFilter ===

impl FlowerFilter {
    /// The match as `tc` is told it.
    pub fn words(&self, direction: Direction) -> String {
        let peer = self.peer.map(|peer| peer.to_string()).unwrap_or_default();
        self.matches.words(direction, &peer, &self.ports_in_words())
    }

    /// `53` or `8000-8100`; empty where ports are not matched.
    pub fn ports_in_words(&self) -> String {
        match self.ports {
            Some((first, last)) if first != last => format!("{first}-{last}"),
            Some((port, _)) => port.to_string(),
            None => String::new(),
        }
    }
}
