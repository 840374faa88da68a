//! What a VMI's spec and status say about its network: interfaces, and the probes that cross it.

use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::vmi::{InterfaceSpec, Network, VirtualMachineInstance, VmiProbe};
use crate::escape::escape;
use crate::fault::interface::{NetworkSource, Nic, Wiring};
use crate::fault::{KubeletProbe, KubeletProbeKind, ProbeAction, ProbePort};

impl VirtualMachineInstance {
    /// The addresses reported for the interface on the pod's own network, which are its launcher pod's; none for a VMI that
    /// has no such interface, or none yet. During the first second after a migration they are the old pod's (KubeVirt 1.6).
    pub fn pod_addresses(&self) -> Vec<IpAddr> {
        let nics = self.nics();
        let primary = nics.iter().find(|nic| nic.source == NetworkSource::Primary);
        let reported = primary.and_then(|nic| self.status.interfaces.iter().find(|entry| entry.name == nic.network));
        let reported = reported
            .into_iter()
            .flat_map(|entry| entry.ip_address.iter().chain(&entry.ip_addresses));
        // With a prefix length in old versions.
        let plain = reported.map(|text| text.split_once('/').map_or(text.as_str(), |(address, _)| address));
        plain.filter_map(|text| text.parse().ok()).collect()
    }

    /// The interfaces of the spec with their networks and status.
    pub fn nics(&self) -> Vec<Nic> {
        self.spec
            .domain
            .devices
            .interfaces
            .iter()
            .map(|interface| self.nic(interface))
            .collect()
    }

    /// The binding of each interface, e.g. `masquerade`.
    pub fn bindings(&self) -> Vec<String> {
        let nics = self.nics();
        nics.iter().map(|nic| escape(&nic.wiring.to_string())).collect()
    }

    fn nic(&self, interface: &InterfaceSpec) -> Nic {
        let network = self.spec.networks.iter().find(|network| network.name == interface.name);
        let source = match network {
            Some(Network { pod: Some(_), .. }) => NetworkSource::Primary,
            Some(Network {
                multus: Some(multus), ..
            }) if multus.default => NetworkSource::Primary,
            Some(Network { multus: Some(_), .. }) => NetworkSource::Secondary,
            _ => NetworkSource::Other,
        };
        let status = self.status.interfaces.iter().find(|entry| entry.name == interface.name);
        Nic {
            network: interface.name.clone(),
            source,
            wiring: interface.wiring(),
            pod_interface: status.and_then(|entry| entry.pod_interface_name.clone()),
            absent: interface.state.as_deref() == Some("absent"),
        }
    }

    /// The probes a fault on the network may make fail; those by guest agent and exec do not cross it.
    pub fn probes(&self) -> Vec<KubeletProbe> {
        [
            (KubeletProbeKind::Liveness, &self.spec.liveness_probe),
            (KubeletProbeKind::Readiness, &self.spec.readiness_probe),
        ]
        .into_iter()
        .filter_map(|(kind, probe)| probe.as_ref()?.crossing(kind))
        .collect()
    }
}

impl InterfaceSpec {
    fn wiring(&self) -> Wiring {
        match self {
            Self {
                masquerade: Some(_), ..
            } => Wiring::Masquerade,
            Self { bridge: Some(_), .. } => Wiring::Bridge,
            Self { sriov: Some(_), .. } => Wiring::Sriov,
            Self {
                passt_binding: Some(_), ..
            }
            | Self { passt: Some(_), .. } => Wiring::Passt,
            Self { slirp: Some(_), .. } => Wiring::Slirp,
            Self { macvtap: Some(_), .. } => Wiring::Macvtap,
            Self {
                binding: Some(plugin), ..
            } => Wiring::Plugin(plugin.name.clone()),
            _ => Wiring::Unknown,
        }
    }
}

impl VmiProbe {
    /// Defaults are Kubernetes': every 10 s, 1 s each, three failures.
    fn crossing(&self, kind: KubeletProbeKind) -> Option<KubeletProbe> {
        let action = match (&self.tcp_socket, &self.http_get) {
            (Some(tcp), _) => ProbeAction::Tcp { port: port(&tcp.port) },
            (None, Some(http)) => ProbeAction::Http {
                port: port(&http.port),
                path: escape(http.path.as_deref().unwrap_or("/").trim_start_matches('/')),
            },
            (None, None) => return None,
        };
        Some(KubeletProbe {
            kind,
            action,
            period_seconds: self.period_seconds.filter(|seconds| *seconds > 0).unwrap_or(10),
            timeout_seconds: self.timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(1),
            failure_threshold: self.failure_threshold.filter(|times| *times > 0).unwrap_or(3),
        })
    }
}

fn port(port: &IntOrString) -> ProbePort {
    match port {
        IntOrString::Int(number) => ProbePort::from(number.to_string().as_str()),
        IntOrString::String(name) => ProbePort::from(name.as_str()),
    }
}
