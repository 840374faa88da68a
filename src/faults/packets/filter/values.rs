//! The filter fault: which of a VM's packets are dropped or rejected.

use std::fmt;

use serde::Serialize;

use super::{Protocol, Protocols};
use crate::fault::value::cidr::merged;
use crate::fault::{Cidr, Ports};
use crate::problem::Problem;

/// What is asked for, flag by flag; `None` and an empty list say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterSettings {
    pub ports: Option<Ports>,
    pub protocols: Option<Protocols>,
    pub peers: Vec<Cidr>,
    pub action: Option<FilterAction>,
    pub engine: Option<Engine>,
}

/// A filter fault that makes sense. Stateless: connections that are open stall too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Filter {
    /// Destination ports, in both directions; `None` is every port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
    pub protocols: Protocols,
    /// The other end: the source of what goes into the guest, the destination of what comes out. Empty is everybody;
    /// otherwise a family that is not named is left alone. Sorted, none within another.
    #[serde(rename = "peer", skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Cidr>,
    pub action: FilterAction,
    pub engine: Engine,
}

/// What becomes of a packet that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FilterAction {
    #[default]
    Drop,
    /// TCP is answered with a reset, everything else with "port unreachable".
    Reject,
}

/// What filters on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// nft where the kernel has netdev ingress and egress hooks (egress: Linux 5.16), else tc.
    #[default]
    Auto,
    Nft,
    /// `tc` with `cls_flower`; cannot reject.
    Tc,
}

// === impl FilterSettings ===

impl FilterSettings {
    /// These settings, and `beneath` where they say nothing.
    #[must_use]
    pub fn over(self, beneath: Self) -> Self {
        Self {
            ports: self.ports.or(beneath.ports),
            protocols: self.protocols.or(beneath.protocols),
            peers: if self.peers.is_empty() {
                beneath.peers
            } else {
                self.peers
            },
            action: self.action.or(beneath.action),
            engine: self.engine.or(beneath.engine),
        }
    }

    /// The fault these settings make, or why they make none.
    pub fn resolve(self) -> Result<Filter, Problem> {
        let filter = Filter {
            ports: self.ports,
            protocols: self.protocols.unwrap_or_default(),
            peers: merged(&self.peers),
            action: self.action.unwrap_or_default(),
            engine: self.engine.unwrap_or_default(),
        };
        filter.check()?;
        Ok(filter)
    }
}

// === impl Filter ===

impl Filter {
    fn check(&self) -> Result<(), Problem> {
        let portless = self.protocols.iter().find(|protocol| !protocol.has_ports());
        if let (Some(protocol), Some(ports)) = (portless, &self.ports) {
            let why = match protocol {
                Protocol::Icmp => "ICMP has no ports",
                _ => "not everything has ports",
            };
            return Err(Problem::usage(
                format!(
                    "--ports {} and --protocols {protocol} do not go together: {why}",
                    in_words(ports)
                ),
                "leave one of the two out",
            ));
        }
        if self.action == FilterAction::Reject && self.engine == Engine::Tc {
            return Err(Problem::usage(
                "--action reject and --engine tc do not go together: tc cannot answer a packet",
                "use --action drop, or leave --engine out",
            ));
        }
        Ok(())
    }

    /// The ports, the first of them where there are many.
    pub fn ports_in_words(&self) -> Option<String> {
        self.ports.as_ref().map(in_words)
    }

    /// The peers, the first of them where there are many.
    pub fn peers_in_words(&self) -> Option<String> {
        let peers: Vec<_> = self.peers.iter().map(ToString::to_string).collect();
        (!peers.is_empty()).then(|| short(&peers))
    }

    /// Whether IPv4 packets are touched.
    pub fn has_ipv4(&self) -> bool {
        self.peers.is_empty() || self.peers.iter().any(Cidr::is_ipv4)
    }

    /// Whether IPv6 packets are touched.
    pub fn has_ipv6(&self) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| !peer.is_ipv4())
    }

    /// Whether packets of this protocol to this port are touched, whoever the peer is.
    pub fn hits(&self, protocol: Protocol, port: u16) -> bool {
        self.protocols.iter().any(|p| p == protocol || p == Protocol::All)
            && self.ports.as_ref().is_none_or(|ports| ports.contains(port))
    }
}

/// A long list is cut for people; the document has all of it.
fn short(list: &[String]) -> String {
    const SHOWN: usize = 12;
    if list.len() <= SHOWN {
        return list.join(",");
    }
    format!("{} and {} more", list[..SHOWN].join(","), list.len() - SHOWN)
}

fn in_words(ports: &Ports) -> String {
    let ranges: Vec<_> = ports.to_string().split(',').map(str::to_owned).collect();
    short(&ranges)
}

/// `drop tcp,udp port 53 with peer 10.0.0.0/8`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.protocols)?;
        if let Some(ports) = self.ports_in_words() {
            write!(f, " port {ports}")?;
        }
        if let Some(peers) = self.peers_in_words() {
            write!(f, " with peer {peers}")?;
        }
        Ok(())
    }
}

// === impl FilterAction ===

impl fmt::Display for FilterAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
        })
    }
}

// === impl Engine ===

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Nft => "nft",
            Self::Tc => "tc",
        })
    }
}

#[cfg(test)]
mod tests;
