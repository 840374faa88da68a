//! Named sets of ports, so that a game day does not begin with looking up numbers.

use crate::fault::Ports;
use crate::faults::packets::filter::{FilterSettings, Protocol, Protocols};

/// A named filter fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterPreset {
    /// Nothing that applications speak goes in or out.
    Isolate,
    /// No names are resolved.
    Dns,
    /// Nobody gets in to administer it: SSH, HTTPS, the Kubernetes API.
    Management,
    /// No web application answers.
    Web,
}

impl FilterPreset {
    #[cfg(test)]
    pub const ALL: [Self; 4] = [Self::Isolate, Self::Dns, Self::Management, Self::Web];

    pub fn name(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Dns => "dns",
            Self::Management => "management",
            Self::Web => "web",
        }
    }

    /// What the preset asks for; a flag beside it wins.
    pub fn settings(self) -> FilterSettings {
        let (ports, protocols): (&[u16], _) = match self {
            Self::Isolate => (&[], vec![Protocol::Tcp, Protocol::Udp]),
            Self::Dns => (&[53], vec![Protocol::Tcp, Protocol::Udp]),
            Self::Management => (&[22, 443, 6443], vec![Protocol::Tcp]),
            Self::Web => (&[80, 443, 8080, 8443], vec![Protocol::Tcp]),
        };
        FilterSettings {
            ports: (!ports.is_empty()).then(|| Ports::single(ports)),
            protocols: Some(Protocols::new(protocols)),
            ..FilterSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_fault() {
        let shown: Vec<_> = FilterPreset::ALL
            .into_iter()
            .map(|p| (p.name(), p.settings().resolve().unwrap().to_string()))
            .collect();
        let shown: Vec<_> = shown.iter().map(|(name, words)| (*name, words.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("isolate", "drop tcp,udp"),
                ("dns", "drop tcp,udp port 53"),
                ("management", "drop tcp port 22,443,6443"),
                ("web", "drop tcp port 80,443,8080,8443"),
            ]
        );
    }

    #[test]
    fn a_flag_beside_a_filter_preset_wins() {
        let flags = FilterSettings {
            ports: Ports::parse("5353").ok(),
            ..FilterSettings::default()
        };
        let merged = flags.over(FilterPreset::Dns.settings()).resolve().unwrap();
        assert_eq!(merged.to_string(), "drop tcp,udp port 5353");
    }
}
