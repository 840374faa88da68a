//! `kubectl vmchaos netem`.

use clap::Args;

use super::Request;
use super::fault_flags::{ExtentArgs, PodArgs};
use super::request::RequestArgs;
use super::selection::{DrawArgs, HowMany, MatchArgs};
use super::value_parser::{OneOf, count, jitter, latency, percent, rate, value};
use crate::fault::{Given, Percent, Rate, Time};
use crate::faults::packets::PacketFault;
use crate::faults::packets::netem::{Distribution, NetemPreset, NetemSettings};
use crate::faults::packets::spec::PacketEffect;
use crate::problem::Problem;

const EXAMPLES: &str = "\
Examples:
  # 100 ms each way, give or take 10 ms
  kubectl vmchaos netem web-1 --latency 100ms --jitter 10ms

  # A tenth of what goes into the guest is lost
  kubectl vmchaos netem web-1 --loss 10% --egress false

  # Three of the VMs with this label at once, on a bad link, for five minutes
  kubectl vmchaos netem -l app=web --count 3 --execution parallel --preset 3g --duration 5m

  # A preset with another latency
  kubectl vmchaos netem web-1 --preset degraded --latency 500ms

  # Every VM of the namespace at 1 Mbit/s, one after the other, without asking
  kubectl vmchaos netem --target '.*' --all --bandwidth 1mbit --yes";

const DISTRIBUTIONS: OneOf<Distribution> = OneOf(&[
    ("normal", Distribution::Normal, ""),
    ("pareto", Distribution::Pareto, ""),
    ("paretonormal", Distribution::ParetoNormal, ""),
]);

const PRESETS: OneOf<NetemPreset> = OneOf(&[
    (
        "degraded",
        NetemPreset::Degraded,
        "latency 2000ms, loss 50%, bandwidth 1mbit",
    ),
    ("dns-timeout", NetemPreset::DnsTimeout, "latency 5000ms"),
    ("starved", NetemPreset::Starved, "bandwidth 100kbit"),
    (
        "3g",
        NetemPreset::ThirdGeneration,
        "latency 150ms ±30ms, loss 0.5%, bandwidth 1600kbit",
    ),
    (
        "satellite",
        NetemPreset::Satellite,
        "latency 300ms ±10ms, loss 0.5%, bandwidth 20mbit",
    ),
    (
        "lossy-wifi",
        NetemPreset::LossyWifi,
        "latency 5ms ±5ms, loss 5%, bandwidth 20mbit",
    ),
]);

/// Degrade a VM's network: latency, jitter, loss, duplication, corruption, reordering, bandwidth
///
/// Values are for each direction, as the guest sees it: ingress is what goes into the guest, egress what comes out of it.
/// The fault is read back from the node's kernel before it counts as injected, and again before it is undone; it ends at
/// its deadline, when this command ends, or when the connection is lost.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", super::EXIT_CODES))]
pub(super) struct NetemArgs {
    #[command(flatten)]
    matching: MatchArgs,
    #[command(flatten)]
    draw: DrawArgs,
    #[command(flatten)]
    effects: EffectArgs,
    #[command(flatten)]
    extent: ExtentArgs,
    #[command(flatten)]
    pod: PodArgs,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Effects")]
struct EffectArgs {
    /// Delay every packet, e.g. 100ms
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = latency)]
    latency: Option<Given<Time>>,
    /// Vary the latency by so much, e.g. 10ms
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = jitter)]
    jitter: Option<Given<Time>>,
    /// How much a packet's latency depends on that of the one before
    #[arg(long, value_name = "PCT", allow_hyphen_values = true, value_parser = percent)]
    correlation: Option<Given<Percent>>,
    /// How latencies spread within the jitter [default: evenly]
    #[arg(long, value_name = "NAME", value_parser = DISTRIBUTIONS)]
    distribution: Option<Given<Distribution>>,
    /// Lose this share of packets, e.g. 10%
    #[arg(long, value_name = "PCT", allow_hyphen_values = true, value_parser = percent)]
    loss: Option<Given<Percent>>,
    /// Send this share of packets twice
    #[arg(long, value_name = "PCT", allow_hyphen_values = true, value_parser = percent)]
    duplicate: Option<Given<Percent>>,
    /// Flip a bit in this share of packets
    #[arg(long, value_name = "PCT", allow_hyphen_values = true, value_parser = percent)]
    corrupt: Option<Given<Percent>>,
    /// Let this share of packets overtake the others, by skipping the latency
    #[arg(long, value_name = "PCT", allow_hyphen_values = true, value_parser = percent)]
    reorder: Option<Given<Percent>>,
    /// Let only every n-th packet overtake
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = count)]
    gap: Option<Given<u32>>,
    /// Let no more than this through, e.g. 10mbit
    #[arg(long, value_name = "RATE", allow_hyphen_values = true, value_parser = rate)]
    bandwidth: Option<Given<Rate>>,
    /// Packets the queue holds [default: computed from bandwidth and latency]
    #[arg(long, value_name = "PACKETS", allow_hyphen_values = true, value_parser = count)]
    limit: Option<Given<u32>>,
    /// Begin with these values; a flag beside it wins, 0 takes an effect out
    #[arg(long, value_name = "NAME", value_parser = PRESETS)]
    preset: Option<Given<NetemPreset>>,
}

impl NetemArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<Request<PacketFault>, Problem> {
        let preset = value(self.effects.preset);
        let beneath = preset.map(NetemPreset::settings).unwrap_or_default();
        let selection = self.matching.selection(namespace)?;
        let netem = self.effects.settings().over(beneath).resolve()?;
        let fault = PacketFault {
            spec: self
                .extent
                .spec(PacketEffect::Netem(netem), preset.map(NetemPreset::name))?,
            pod: self.pod.request(),
        };
        let wanted = self.draw.wanted(selection, HowMany::AtMost(1))?;
        self.request.request(fault, wanted, self.pod.ignored())
    }
}

impl EffectArgs {
    fn settings(&self) -> NetemSettings {
        NetemSettings {
            latency: value(self.latency),
            jitter: value(self.jitter),
            correlation: value(self.correlation),
            distribution: value(self.distribution),
            loss: value(self.loss),
            duplicate: value(self.duplicate),
            corrupt: value(self.corrupt),
            reorder: value(self.reorder),
            gap: value(self.gap),
            bandwidth: value(self.bandwidth),
            limit: value(self.limit),
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
        let real: Vec<_> = NetemPreset::ALL
            .into_iter()
            .map(|preset| (preset.name(), preset, preset.settings().resolve().unwrap().to_string()))
            .collect();
        assert_eq!(offered, real);
    }

    #[test]
    fn every_distribution_is_offered() {
        let offered: Vec<_> = DISTRIBUTIONS
            .0
            .iter()
            .map(|(name, distribution, _)| (*name, *distribution))
            .collect();
        assert_eq!(offered, Distribution::ALL.map(|d| (d.name(), d)));
    }
}
