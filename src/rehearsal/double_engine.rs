//! Which engine the agent of a [`DoubleNode`](super::double::DoubleNode) cuts packets with, and what its kernel has for it.

use serde_json::Value;

use super::double::Kernel;
use super::double_agent::Double;
use super::double_plan::Refused;
use super::double_rules::Wish;
use super::host::{Feature, Presence};
use super::nft::Abilities;

/// What drops the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Nft,
    Tc,
}

impl Engine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Tc => "tc",
        }
    }
}

impl Double {
    /// What nftables of this kernel has.
    pub(super) fn abilities(&self) -> Abilities {
        Abilities {
            egress: self.kernel.has(Feature::NftEgress),
            reject: self.kernel.has(Feature::NftReject),
        }
    }

    /// Why no engine can do what is asked.
    pub(super) fn able(&self) -> Result<(), Refused> {
        if self.engine.is_some() {
            return Ok(());
        }
        let nft = self.kernel.has(Feature::NftEgress);
        let (reason, detail) = match self.rules.engine {
            Some(Wish::Nft) if !nft => ("no-engine", "the kernel or nft has no netdev hooks for both directions"),
            Some(Wish::Auto | Wish::Nft) if nft && self.rules.reject => {
                ("no-reject", "nft cannot reject in netdev chains of this kernel")
            }
            Some(Wish::Auto) if self.rules.reject => (
                "no-reject",
                "reject needs nft with netdev hooks for both directions, which this node does not have",
            ),
            Some(Wish::Tc) => (
                "no-engine",
                "tc has no flower filters or no drop action, and they could not be loaded",
            ),
            _ => (
                "no-engine",
                "neither nft with netdev hooks for both directions nor tc with flower filters",
            ),
        };
        Err((reason, detail.to_owned(), None))
    }

    /// Tries what the plan asks for: the engine that is used, and the fields of the greeting.
    /// Nothing is tried for a plan that is not sound.
    pub(super) fn try_engines(&mut self, sound: bool) -> [(&'static str, Value); 4] {
        let (wish, reject) = (self.rules.engine.filter(|_| sound), self.rules.reject);
        let nft = self.kernel.has(Feature::NftEgress);
        let rejects = nft && self.kernel.has(Feature::NftReject);
        let flower = self.kernel.has(Feature::Flower);
        let tries_nft = matches!(wish, Some(Wish::Auto | Wish::Nft | Wish::Any));
        let tries_reject = tries_nft && (reject || wish == Some(Wish::Any));
        let by_nft = tries_nft && nft && (rejects || !reject);
        let tries_flower = match wish {
            Some(Wish::Any | Wish::Tc) => true,
            Some(Wish::Auto) => !by_nft && !reject,
            _ => false,
        };
        self.engine = if by_nft {
            Some(Engine::Nft)
        } else if tries_flower && flower && !reject {
            Some(Engine::Tc)
        } else {
            None
        };
        let told = |tried: bool, has: bool| if tried { has.into() } else { Value::Null };
        [
            ("engine", self.engine.map_or(Value::Null, |engine| engine.name().into())),
            ("nft", told(tries_nft, nft)),
            ("reject", told(tries_reject, rejects)),
            ("flower", told(tries_flower, flower)),
        ]
    }
}

impl Kernel {
    /// Whether the kernel has something, or gets it by loading a module.
    pub(super) fn has(&self, feature: Feature) -> bool {
        self.presence(feature) != Presence::Absent
    }
}
