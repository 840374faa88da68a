//! How a fault is run: in what order, what happens when a VM moves, and what the debug pod tolerates.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::ValueError;

/// Whether VMs get the fault one after the other or all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Execution {
    #[default]
    Serial,
    Parallel,
}

impl Execution {
    /// How many times a VM's turn so many VMs take.
    pub(crate) fn turns(self, vms: usize) -> u32 {
        match self {
            Self::Serial => u32::try_from(vms).unwrap_or(u32::MAX),
            Self::Parallel => 1,
        }
    }
}

/// What becomes of the fault of a VM that moves to another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMigration {
    /// It goes along.
    #[default]
    Follow,
    /// It ends, and the run with it.
    Stop,
}

/// A taint that the debug pod tolerates: `KEY[=VALUE]:EFFECT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toleration {
    pub key: String,
    /// Any value of the taint when absent.
    pub value: Option<String>,
    pub effect: Effect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

impl Effect {
    pub const ALL: [Self; 3] = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];

    /// As Kubernetes spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

impl FromStr for Toleration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const EXAMPLE: &str = "node-role.kubernetes.io/control-plane:NoSchedule";
        let Some((taint, effect)) = text.rsplit_once(':') else {
            return Err(ValueError::new(
                "has no `:EFFECT`",
                format!("{}:NoSchedule", sound(text).unwrap_or("dedicated=vms")),
            ));
        };
        let (key, value) = taint
            .split_once('=')
            .map_or((taint, None), |(key, value)| (key, Some(value)));
        let Some(effect) = Effect::ALL.into_iter().find(|e| e.name() == effect) else {
            let known = Effect::ALL.map(Effect::name).join(", ");
            return Err(ValueError::new(
                format!("the effect is not one of {known}"),
                format!("{}:NoSchedule", sound(taint).unwrap_or("dedicated=vms")),
            ));
        };
        if sound(key).is_none() || value.is_some_and(|v| !v.is_empty() && sound(v).is_none()) {
            return Err(ValueError::new("not a taint Kubernetes would take", EXAMPLE));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            effect,
        })
    }
}

/// The text when it holds nothing but what keys and values of taints do.
fn sound(text: &str) -> Option<&str> {
    let sound = !text.is_empty()
        && text.len() <= 317
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=".contains(&b));
    sound.then_some(text)
}

impl fmt::Display for Toleration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, "={value}")?;
        }
        write!(f, ":{}", self.effect.name())
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "serial",
            Self::Parallel => "parallel",
        })
    }
}

impl fmt::Display for OnMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Follow => "follow",
            Self::Stop => "stop",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_with_and_without_a_value() {
        for text in [
            "dedicated=vms:NoSchedule",
            "node-role.kubernetes.io/infra:NoExecute",
            "k=:PreferNoSchedule",
        ] {
            assert_eq!(text.parse::<Toleration>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_taint_is_refused_with_one_that_is() {
        for (bad, instead) in [
            ("dedicated=vms", "dedicated=vms:NoSchedule"),
            ("dedicated:noschedule", "dedicated:NoSchedule"),
            (":NoSchedule", "node-role.kubernetes.io/control-plane:NoSchedule"),
            ("a b:NoSchedule", "node-role.kubernetes.io/control-plane:NoSchedule"),
            ("", "dedicated=vms:NoSchedule"),
        ] {
            assert_eq!(bad.parse::<Toleration>().unwrap_err().instead, instead, "{bad}");
        }
    }
}
