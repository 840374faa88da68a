//! The rules a filter fault becomes, as `nft` and `tc` are told them: the same for every VM of a run.

use crate::fault::{Cidr, Direction, Ports};
use crate::faults::packets::filter::{Engine, Filter, FilterAction, Protocol};
use crate::plan::Handle;

/// All that the devices of a run's VMs are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    pub engine: Engine,
    pub action: FilterAction,
    pub ports: Option<Ports>,
    /// The set of IPv4 peers; empty when there is none.
    pub peers4: Vec<Cidr>,
    pub peers6: Vec<Cidr>,
    pub rules: Vec<Rule>,
}

/// One nft rule; as flower filters, one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `None` is both.
    pub family: Option<Family>,
    /// Only packets whose other end is in the family's set of peers.
    pub peers: bool,
    pub upper: Upper,
    /// Only packets to a port of the set of ports.
    pub ports: bool,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    V4,
    V6,
}

/// What is above IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upper {
    Any,
    Icmp4,
    /// ICMPv6 without neighbour discovery, types 133 to 137.
    Icmp6,
    /// Of TCP, UDP and SCTP, in this order.
    Ported(Vec<Protocol>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Drop,
    TcpReset,
    Unreachable,
}

// === impl Ruleset ===

impl Ruleset {
    pub fn new(filter: &Filter) -> Self {
        let of = |ipv4: bool| -> Vec<Cidr> {
            let peers = filter.peers.iter().filter(|peer| peer.is_ipv4() == ipv4);
            // Every address of a family is no set, but the family.
            peers.filter(|peer| !peer.is_everything()).copied().collect()
        };
        let (peers4, peers6) = (of(true), of(false));
        let scopes = if filter.peers.is_empty() {
            vec![(None, false)]
        } else {
            let v4 = filter.has_ipv4().then_some((Some(Family::V4), !peers4.is_empty()));
            let v6 = filter.has_ipv6().then_some((Some(Family::V6), !peers6.is_empty()));
            v4.into_iter().chain(v6).collect()
        };
        let rules = scopes
            .into_iter()
            .flat_map(|(family, peers)| rules(filter, family, peers))
            .collect();
        Self {
            engine: filter.engine,
            action: filter.action,
            ports: filter.ports.clone(),
            peers4,
            peers6,
            rules,
        }
    }

    pub fn rejects(&self) -> bool {
        self.action == FilterAction::Reject
    }

    /// The sets the rules look into: name, type and elements, as nft is told them.
    pub fn sets(&self) -> Vec<(&'static str, &'static str, String)> {
        let listed = |peers: &[Cidr]| peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        [
            (
                "ports",
                "inet_service",
                self.ports.as_ref().map(ToString::to_string).unwrap_or_default(),
            ),
            ("peers4", "ipv4_addr", listed(&self.peers4)),
            ("peers6", "ipv6_addr", listed(&self.peers6)),
        ]
        .into_iter()
        .filter(|(.., elements)| !elements.is_empty())
        .collect()
    }

    /// What the agent must know once a node: it composes the commands from this for every VM.
    pub(crate) fn node_lines(&self, directions: crate::fault::Directions, mark: Handle) -> Vec<String> {
        // More filters than flower can bear leave only nft.
        let engine = match self.engine {
            Engine::Auto if !self.rejects() && !self.fits_flower() => Engine::Nft,
            engine => engine,
        };
        let reject = if self.rejects() { " reject" } else { "" };
        let mut lines = vec![format!("engine {engine}{reject}"), format!("mark {mark}")];
        lines.extend(
            self.sets()
                .into_iter()
                .map(|(name, _, elements)| format!("{name} {elements}")),
        );
        for direction in directions.iter() {
            let way = way(direction);
            if engine != Engine::Tc {
                lines.extend(
                    self.rules
                        .iter()
                        .map(|rule| format!("nft {way} {}", rule.nft(direction))),
                );
            }
            if engine != Engine::Nft && !self.rejects() {
                let flower = self.rules.iter().flat_map(Rule::flower);
                lines.extend(flower.map(|one| format!("tc {way} {}", one.template(direction))));
            }
        }
        lines
    }
}

/// `in`, `out`: the plan's words for ingress and egress, which the kernel's hooks have other meanings for.
pub(crate) fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "in",
        Direction::Egress => "out",
    }
}

fn rules(filter: &Filter, family: Option<Family>, peers: bool) -> Vec<Rule> {
    let rule = |family, upper, ports, verdict| Rule {
        family,
        peers,
        upper,
        ports,
        verdict,
    };
    let rejects = filter.action == FilterAction::Reject;
    let refusal = if rejects { Verdict::Unreachable } else { Verdict::Drop };
    let mut rules = Vec::new();
    let (tcp, all) = (vec![Protocol::Tcp], filter.protocols.contains(Protocol::All));
    let ports = filter.ports.is_some();
    let mut ported: Vec<_> = filter.protocols.iter().filter(|p| p.has_ports()).collect();
    if rejects && (all || filter.protocols.contains(Protocol::Tcp)) {
        ported.retain(|protocol| *protocol != Protocol::Tcp);
        rules.push(rule(family, Upper::Ported(tcp), ports, Verdict::TcpReset));
    }
    if !ported.is_empty() {
        rules.push(rule(family, Upper::Ported(ported), ports, refusal));
    }
    if filter.protocols.contains(Protocol::Icmp) {
        if family != Some(Family::V6) {
            rules.push(rule(Some(Family::V4), Upper::Icmp4, false, refusal));
        }
        if family != Some(Family::V4) {
            rules.push(rule(Some(Family::V6), Upper::Icmp6, false, refusal));
        }
    }
    if all {
        rules.push(rule(family, Upper::Any, false, refusal));
    }
    rules
}

// === impl Rule ===

impl Rule {
    /// The rule's body in the words that nft prints back.
    pub fn nft(&self, direction: Direction) -> String {
        let end = match direction {
            Direction::Ingress => "saddr",
            Direction::Egress => "daddr",
        };
        let mut words = Vec::new();
        match (self.family, self.peers) {
            (Some(Family::V4), true) => words.push(format!("ip {end} @peers4")),
            (Some(Family::V6), true) => words.push(format!("ip6 {end} @peers6")),
            (Some(Family::V4), false) if self.upper != Upper::Icmp4 => words.push("meta protocol ip".into()),
            (Some(Family::V6), false) if self.upper != Upper::Icmp6 => words.push("meta protocol ip6".into()),
            // nft drops packets of no other kind here, so that ARP stays.
            (None, _) if self.upper == Upper::Any => words.push("meta protocol { ip, ip6 }".into()),
            _ => {}
        }
        match &self.upper {
            Upper::Any => {}
            Upper::Icmp4 => words.push("meta l4proto icmp".into()),
            Upper::Icmp6 => words.push("icmpv6 type != 133-137".into()),
            Upper::Ported(protocols) => match protocols.as_slice() {
                [one] if self.ports => words.push(format!("{one} dport @ports")),
                [one] => words.push(format!("meta l4proto {one}")),
                several => {
                    let names: Vec<_> = several.iter().map(|p| p.name()).collect();
                    words.push(format!("meta l4proto {{ {} }}", names.join(", ")));
                    words.extend(self.ports.then(|| "th dport @ports".to_owned()));
                }
            },
        }
        words.push("counter".into());
        words.push(
            match self.verdict {
                Verdict::Drop => "drop",
                Verdict::TcpReset => "reject with tcp reset",
                Verdict::Unreachable => "reject with icmpx port-unreachable",
            }
            .into(),
        );
        words.join(" ")
    }
}
