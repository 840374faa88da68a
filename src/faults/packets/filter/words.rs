//! What a filter fault cuts, and what it does not.

use crate::fault::{Direction, Directions, KubeletProbe};
use crate::faults::packets::filter::{Engine, Filter, FilterAction, Protocol};
use crate::faults::packets::words::kubelet_probes::Fails;

/// Ports of DHCP (RFC 2131) and DHCPv6 (RFC 8415): of the client, which the guest is, and of the server.
const DHCP: [(u16, u16); 2] = [(68, 67), (546, 547)];

pub(crate) fn effects(filter: &Filter, directions: Directions) -> Vec<String> {
    let mut effects: Vec<String> = directions.iter().map(|direction| cut(filter, direction)).collect();
    if filter.ports.is_some() {
        effects.push(
            "a port is the destination's both ways: replies are not matched, and what uses other ports works".into(),
        );
    }
    effects.push(round_trip(filter, directions));
    if filter.action == FilterAction::Reject {
        effects.push(
            "who sent it is told at once: TCP with a reset, everything else with ICMP \"port unreachable\"".into(),
        );
    }
    effects.push(format!("not cut: {}", not_cut(filter).join(", ")));
    effects.push(unseen(filter));
    effects.push("a Service is its cluster IP and port on the way out, and its target port on the way in".into());
    effects.push(match filter.engine {
        Engine::Tc => "by tc flower filters on the devices' clsact hooks".into(),
        Engine::Nft => by_nft(filter),
        Engine::Auto if filter.action == FilterAction::Reject => by_nft(filter),
        Engine::Auto => format!("{}; else by tc flower filters", by_nft(filter)),
    });
    effects
}

/// What the rules do not see (Linux 6.1): nft finds ports in the first fragment alone, flower in none; neither looks behind a
/// second VLAN tag.
fn unseen(filter: &Filter) -> String {
    let fragments = match (&filter.ports, filter.engine, filter.action) {
        (None, ..) => "",
        (_, Engine::Tc, _) => "; ports in fragmented packets, which pass",
        (_, Engine::Auto, FilterAction::Drop) => {
            "; ports in later fragments, which are of no use without the first (by tc, in any fragment: those packets pass)"
        }
        _ => "; ports in later fragments, which are of no use without the first",
    };
    format!("not seen: frames with two VLAN tags, which pass{fragments}")
}

fn by_nft(filter: &Filter) -> String {
    let hooks = match filter.action {
        FilterAction::Drop => "netdev ingress and egress hooks (Linux 5.16)",
        FilterAction::Reject => "netdev ingress hooks that reject (Linux 5.11)",
    };
    format!("by nft, where the node's kernel has {hooks}")
}

/// One direction in a sentence.
fn cut(filter: &Filter, direction: Direction) -> String {
    let what = what(filter);
    let does = match filter.action {
        FilterAction::Drop => "drops",
        FilterAction::Reject => "rejects",
    };
    let (whose, of) = match direction {
        Direction::Ingress => ("its ", "from"),
        Direction::Egress => ("", "to"),
    };
    let ports = filter.ports_in_words().map(|ports| {
        let one = ports.bytes().all(|byte| byte.is_ascii_digit());
        format!(" to {whose}{} {ports}", if one { "port" } else { "ports" })
    });
    let peers = filter.peers_in_words().map(|peers| format!(" {of} {peers}"));
    let (ports, peers) = (ports.unwrap_or_default(), peers.unwrap_or_default());
    format!("{}: {does} {what}{ports}{peers}", direction.in_words())
}

fn what(filter: &Filter) -> String {
    let names: Vec<_> = filter
        .protocols
        .iter()
        .map(|protocol| match protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
            Protocol::Icmp => "ICMP (ping and errors)",
            Protocol::All => "every IPv4 and IPv6 packet",
        })
        .collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

fn round_trip(filter: &Filter, directions: Directions) -> String {
    let tells = filter.action == FilterAction::Reject;
    let fails = if tells { "fail at once" } else { "time out" };
    if filter.ports.is_some() {
        return format!(
            "round trips to these ports {fails}; connections that are open already {}",
            stall(filter)
        );
    }
    let one_way = if directions.both() {
        ""
    } else {
        ", for its answers or its questions are missing"
    };
    format!(
        "round trips {fails}{one_way}; connections that are open already {}",
        stall(filter)
    )
}

fn stall(filter: &Filter) -> &'static str {
    match filter.action {
        FilterAction::Drop => "stall, and go on afterwards if neither end has given up",
        FilterAction::Reject => "are reset",
    }
}

fn not_cut(filter: &Filter) -> Vec<&'static str> {
    let has = |protocol| filter.protocols.contains(protocol) || filter.protocols.contains(Protocol::All);
    let mut passes = Vec::new();
    if !filter.has_ipv6() {
        passes.push("IPv6 (only IPv4 peers are named)");
    }
    if !filter.has_ipv4() {
        passes.push("IPv4 (only IPv6 peers are named)");
    }
    if !has(Protocol::Icmp) {
        passes.push("ICMP (ping still passes)");
    }
    for (protocol, name) in [(Protocol::Tcp, "TCP"), (Protocol::Udp, "UDP"), (Protocol::Sctp, "SCTP")] {
        if !has(protocol) {
            passes.push(name);
        }
    }
    passes.push("ARP");
    if !filter.protocols.contains(Protocol::All) && filter.has_ipv6() {
        passes.push("IPv6 neighbour discovery");
    }
    passes
}

pub(crate) fn warnings(filter: &Filter, directions: Directions) -> Vec<String> {
    let mut warnings = Vec::new();
    let leases = DHCP.iter().any(|(client, server)| {
        directions.ingress() && filter.hits(Protocol::Udp, *client)
            || directions.egress() && filter.hits(Protocol::Udp, *server)
    });
    if leases && filter.peers.is_empty() {
        let which = match (&filter.ports, filter.protocols.contains(Protocol::All)) {
            (Some(_), _) => "these ports include",
            (None, true) => "all includes",
            (None, false) => "UDP without --ports includes",
        };
        warnings.push(format!(
            "{which} DHCP: a lease that is due meanwhile is not renewed, and a guest that starts gets no address"
        ));
    }
    if filter.protocols.contains(Protocol::All) && filter.has_ipv6() {
        warnings.push(
            "all includes IPv6 neighbour discovery: IPv6 neighbours are forgotten, and found again afterwards".into(),
        );
    }
    warnings
}

/// What the launcher pod itself notices.
pub(crate) fn shared(filter: &Filter, directions: Directions) -> Option<&'static str> {
    let rejects = filter.action == FilterAction::Reject && directions.ingress();
    rejects.then_some(
        "with masquerade, what is rejected on its way in is so on the pod's own device: what the launcher pod itself receives \
         (sidecars) is hit too",
    )
}

/// Whether the probe's packets are cut. Kubernetes asks from the VM's node.
pub(crate) fn fails(filter: &Filter, directions: Directions, probe: &KubeletProbe) -> Option<Fails> {
    if !filter.protocols.contains(Protocol::Tcp) && !filter.protocols.contains(Protocol::All) {
        return None;
    }
    let port = probe.action.port().number();
    let asked = directions.ingress() && port.is_none_or(|port| filter.hits(Protocol::Tcp, port));
    // The answer goes to a port that nobody knows beforehand.
    let answered = directions.egress();
    match (asked, answered, &filter.ports) {
        _ if !filter.peers.is_empty() => (asked || answered && filter.ports.is_none()).then_some(Fails::Perhaps),
        (true, ..) if port.is_some() || filter.ports.is_none() => Some(Fails::Surely),
        (_, true, None) => Some(Fails::Surely),
        (true, ..) => Some(Fails::Perhaps),
        (false, true, Some(ports)) => ports
            .ranges()
            .iter()
            .any(|(_, last)| *last >= 32_768)
            .then_some(Fails::Perhaps),
        (false, false, _) => None,
    }
}
