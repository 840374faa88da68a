//! What is above IP.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::fault::ValueError;

/// A protocol, or several, as `--protocols` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    /// ICMPv4, and ICMPv6 without neighbour discovery (types 133 to 137, RFC 4861).
    Icmp,
    Sctp,
    /// Every IPv4 and IPv6 packet; ARP is neither.
    All,
}

/// One or more protocols, in order; `all` stands alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Protocols(Vec<Protocol>);

// === impl Protocol ===

impl Protocol {
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Sctp, Self::All];

    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Sctp => "sctp",
            Self::All => "all",
        }
    }

    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp | Self::Sctp)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Protocols ===

impl Protocols {
    /// These, in order and each once; `all` swallows the others, an empty list is the usual.
    pub fn new(mut protocols: Vec<Protocol>) -> Self {
        protocols.sort_unstable();
        protocols.dedup();
        if protocols.is_empty() {
            return Self::default();
        }
        if protocols.contains(&Protocol::All) {
            protocols = vec![Protocol::All];
        }
        Self(protocols)
    }

    pub fn iter(&self) -> impl Iterator<Item = Protocol> {
        self.0.iter().copied()
    }

    pub fn contains(&self, protocol: Protocol) -> bool {
        self.0.contains(&protocol)
    }
}

/// What applications speak.
impl Default for Protocols {
    fn default() -> Self {
        Self(vec![Protocol::Tcp, Protocol::Udp])
    }
}

/// `tcp,udp`.
impl FromStr for Protocols {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut protocols = Vec::new();
        for piece in text.split(',').map(|piece| piece.trim().to_ascii_lowercase()) {
            if piece.is_empty() {
                return Err(ValueError::new("a comma without a protocol beside it", "tcp,udp"));
            }
            let Some(protocol) = Protocol::ALL.into_iter().find(|known| known.name() == piece) else {
                let instead = match piece.as_str() {
                    "icmpv6" | "icmp6" | "ping" | "ipv6-icmp" => "icmp",
                    "any" | "ip" | "ipv4" | "ipv6" => "all",
                    _ => "tcp,udp",
                };
                let known = Protocol::ALL.map(Protocol::name).join(", ");
                return Err(ValueError::new(
                    format!("`{}` is not one of {known}", piece.escape_debug()),
                    instead,
                ));
            };
            protocols.push(protocol);
        }
        Ok(Self::new(protocols))
    }
}

impl fmt::Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Protocol::name).collect();
        f.write_str(&names.join(","))
    }
}
