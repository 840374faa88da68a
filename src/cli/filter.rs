//! `kubectl vmchaos filter`.

use clap::Args;

use super::Request;
use super::fault_flags::{ExtentArgs, PodArgs};
use super::request::RequestArgs;
use super::selection::{DrawArgs, HowMany, MatchArgs};
use super::value_parser::{OneOf, cidr, given, ports, protocols, value};
use crate::fault::{Cidr, Given, Ports};
use crate::faults::packets::PacketFault;
use crate::faults::packets::filter::{Engine, FilterAction, FilterPreset, FilterSettings, Protocols};
use crate::faults::packets::spec::PacketEffect;
use crate::problem::Problem;

const EXAMPLES: &str = "\
Examples:
  # No DNS for two minutes, neither asked nor answered
  kubectl vmchaos filter web-1 --ports 53

  # Nothing that applications speak goes in or out; ping still passes
  kubectl vmchaos filter web-1 --preset isolate

  # The guest cannot reach the database's network; what comes from there passes
  kubectl vmchaos filter web-1 --protocols tcp --peer 10.20.0.0/16 --ingress false

  # Web ports of two of the VMs with this label answer with a reset
  kubectl vmchaos filter -l app=web --count 2 --execution parallel --preset web --egress false --action reject

  # Cut off altogether, ARP aside
  kubectl vmchaos filter web-1 --protocols all --duration 30s";

const PRESETS: OneOf<FilterPreset> = OneOf(&[
    ("isolate", FilterPreset::Isolate, "drop tcp,udp"),
    ("dns", FilterPreset::Dns, "drop tcp,udp port 53"),
    ("management", FilterPreset::Management, "drop tcp port 22,443,6443"),
    ("web", FilterPreset::Web, "drop tcp port 80,443,8080,8443"),
]);

const ACTIONS: OneOf<FilterAction> = OneOf(&[
    ("drop", FilterAction::Drop, "nobody is told"),
    (
        "reject",
        FilterAction::Reject,
        "TCP is answered with a reset, everything else with ICMP port unreachable; needs nft",
    ),
]);

const ENGINES: OneOf<Engine> = OneOf(&[
    ("auto", Engine::Auto, "nft where the node's kernel can, else tc"),
    (
        "nft",
        Engine::Nft,
        "netdev ingress and egress hooks (egress: Linux 5.16)",
    ),
    ("tc", Engine::Tc, "flower filters on clsact; drop only"),
]);

/// Drop or reject a VM's traffic by port, protocol, peer and direction
///
/// Directions are the guest's: ingress is what goes into it, egress what comes out. A port is the destination's both ways:
/// ingress cuts what comes to that port of the guest, egress what the guest sends to that port elsewhere; replies are not
/// matched. A Service is its cluster IP and port on egress, its target port on ingress. Packets are matched one by one, so
/// that open connections stall too. Of a packet in fragments, only the first fragment has ports; later ones pass, and are
/// of no use without it.
///
/// The rules are read back from the node's kernel before the fault counts as injected, and again before they are removed,
/// with the packets they hit; it ends at its deadline, when this command ends, or when the connection is lost.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", super::EXIT_CODES))]
pub(super) struct FilterArgs {
    #[command(flatten)]
    matching: MatchArgs,
    #[command(flatten)]
    draw: DrawArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    #[command(flatten)]
    extent: ExtentArgs,
    #[command(flatten)]
    pod: PodArgs,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traffic")]
struct TrafficArgs {
    /// Only to these ports and ranges, e.g. 53,8000-8100 [default: every port]
    #[arg(long, value_name = "PORT,…", allow_hyphen_values = true, value_parser = ports)]
    ports: Option<Given<Ports>>,
    /// Of tcp, udp, icmp (ICMPv6 too, without neighbour discovery), sctp; or all: every IPv4 and IPv6 packet [default: tcp,udp]
    #[arg(long, value_name = "NAME,…", value_parser = protocols)]
    protocols: Option<Given<Protocols>>,
    /// Only with this other end, e.g. 10.0.0.0/8; may be repeated [default: everybody]
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = cidr)]
    peer: Vec<Given<Cidr>>,
    /// What becomes of a packet that matches [default: drop]
    #[arg(long, value_name = "WHAT", value_parser = ACTIONS)]
    action: Option<Given<FilterAction>>,
    /// What filters on the node [default: auto]
    #[arg(long, value_name = "NAME", value_parser = ENGINES)]
    engine: Option<Given<Engine>>,
    /// Begin with these values; a flag beside it wins
    #[arg(long, value_name = "NAME", value_parser = PRESETS)]
    preset: Option<Given<FilterPreset>>,
}

impl FilterArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<Request<PacketFault>, Problem> {
        let preset = value(self.traffic.preset);
        let beneath = preset.map(FilterPreset::settings).unwrap_or_default();
        let filter = self.traffic.settings().over(beneath).resolve()?;
        let fault = PacketFault {
            spec: self
                .extent
                .spec(PacketEffect::Filter(filter), preset.map(FilterPreset::name))?,
            pod: self.pod.request(),
        };
        let wanted = self
            .draw
            .wanted(self.matching.selection(namespace)?, HowMany::AtMost(1))?;
        self.request.request(fault, wanted, self.pod.ignored())
    }
}

impl TrafficArgs {
    fn settings(&self) -> FilterSettings {
        FilterSettings {
            ports: self.ports.clone().and_then(|ports| ports.0),
            protocols: self.protocols.clone().and_then(|protocols| protocols.0),
            peers: given(&self.peer),
            action: value(self.action),
            engine: value(self.engine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_offered_with_the_values_it_has() {
        let offered: Vec<_> = PRESETS
            .0
            .iter()
            .map(|(name, preset, help)| (*name, *preset, (*help).to_owned()))
            .collect();
        let real: Vec<_> = FilterPreset::ALL
            .into_iter()
            .map(|preset| (preset.name(), preset, preset.settings().resolve().unwrap().to_string()))
            .collect();
        assert_eq!(offered, real);
    }
}
