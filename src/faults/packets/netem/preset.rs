//! Named conditions, so that a game day does not begin with looking up numbers.

use crate::fault::{Percent, Rate, Time};
use crate::faults::packets::netem::NetemSettings;

/// A named netem fault. Its values are for each direction: a round trip takes twice the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetemPreset {
    /// A link that is as good as lost.
    Degraded,
    /// Answers come later than the five seconds a resolver waits.
    DnsTimeout,
    /// A link that somebody else uses up.
    Starved,
    /// A mobile phone on 3G: 300 ms of round trip, 1.6 Mbit/s.
    ThirdGeneration,
    /// A geostationary satellite: 600 ms of round trip.
    Satellite,
    /// A crowded wireless network: short bursts of delay and lost frames.
    LossyWifi,
}

impl NetemPreset {
    #[cfg(test)]
    pub const ALL: [Self; 6] = [
        Self::Degraded,
        Self::DnsTimeout,
        Self::Starved,
        Self::ThirdGeneration,
        Self::Satellite,
        Self::LossyWifi,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::DnsTimeout => "dns-timeout",
            Self::Starved => "starved",
            Self::ThirdGeneration => "3g",
            Self::Satellite => "satellite",
            Self::LossyWifi => "lossy-wifi",
        }
    }

    /// What the preset asks for; a flag beside it wins.
    pub fn settings(self) -> NetemSettings {
        let nothing = NetemSettings::default();
        let ms = |millis| Some(Time::from_millis(millis));
        match self {
            Self::Degraded => NetemSettings {
                latency: ms(2000),
                loss: Some(Percent::whole(50)),
                bandwidth: Some(Rate::mbit(1)),
                ..nothing
            },
            Self::DnsTimeout => NetemSettings {
                latency: ms(5000),
                ..nothing
            },
            Self::Starved => NetemSettings {
                bandwidth: Some(Rate::kbit(100)),
                ..nothing
            },
            Self::ThirdGeneration => NetemSettings {
                latency: ms(150),
                jitter: ms(30),
                loss: Some(Percent::from_millionths(5_000)),
                bandwidth: Some(Rate::kbit(1_600)),
                ..nothing
            },
            Self::Satellite => NetemSettings {
                latency: ms(300),
                jitter: ms(10),
                loss: Some(Percent::from_millionths(5_000)),
                bandwidth: Some(Rate::mbit(20)),
                ..nothing
            },
            Self::LossyWifi => NetemSettings {
                latency: ms(5),
                jitter: ms(5),
                loss: Some(Percent::whole(5)),
                bandwidth: Some(Rate::mbit(20)),
                ..nothing
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_fault() {
        let shown: Vec<_> = NetemPreset::ALL
            .into_iter()
            .map(|p| (p.name(), p.settings().resolve().unwrap().to_string()))
            .collect();
        let shown: Vec<_> = shown.iter().map(|(name, words)| (*name, words.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("degraded", "latency 2000ms, loss 50%, bandwidth 1mbit"),
                ("dns-timeout", "latency 5000ms"),
                ("starved", "bandwidth 100kbit"),
                ("3g", "latency 150ms ±30ms, loss 0.5%, bandwidth 1600kbit"),
                ("satellite", "latency 300ms ±10ms, loss 0.5%, bandwidth 20mbit"),
                ("lossy-wifi", "latency 5ms ±5ms, loss 5%, bandwidth 20mbit"),
            ]
        );
    }

    #[test]
    fn a_flag_beside_a_preset_wins_and_zero_takes_an_effect_out() {
        let flags = NetemSettings {
            latency: Some(Time::from_millis(50)),
            loss: Some(Percent::default()),
            ..NetemSettings::default()
        };
        let merged = flags.over(NetemPreset::Degraded.settings()).resolve().unwrap();
        assert_eq!(merged.to_string(), "latency 50ms, bandwidth 1mbit");
    }
}
