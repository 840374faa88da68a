//! The VMIs in reach and what can be done to them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Item, since};
use crate::report::{InterfaceReport, Time};

/// A VMI and which faults it can take.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct VmiTargetItem {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// `status.phase` of the VMI, or what stands in its way, e.g. `Paused`.
    pub phase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    pub interfaces: Vec<InterfaceReport>,
    /// By the fault's name.
    pub faults: BTreeMap<String, FaultAbility>,
}

/// Whether a VMI can take a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultAbility {
    pub able: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Item for VmiTargetItem {
    const KIND: &'static str = "VMITargetList";

    fn headers(wide: bool) -> Vec<&'static str> {
        let mut headers = vec!["namespace", "name", "phase", "node", "ip", "age"];
        headers.extend(if wide {
            ["pod", "interfaces", "faults"].as_slice()
        } else {
            ["bindings", "faults"].as_slice()
        });
        headers.push("why-not");
        headers
    }

    fn cells(&self, wide: bool, now: Time) -> Vec<String> {
        let able = self
            .faults
            .iter()
            .filter(|(_, ability)| ability.able)
            .map(|(fault, _)| fault.as_str());
        let mut cells = vec![
            self.namespace.clone(),
            self.name.clone(),
            self.phase.clone(),
            self.node.clone().unwrap_or_default(),
            self.ip.clone().unwrap_or_default(),
            since(self.created_at, now),
        ];
        if wide {
            cells.push(self.pod.clone().unwrap_or_default());
            cells.push(self.interfaces.iter().map(interface).collect::<Vec<_>>().join(", "));
        } else {
            let bindings = self.interfaces.iter().map(|interface| interface.binding.as_str());
            cells.push(bindings.collect::<Vec<_>>().join(","));
        }
        cells.push(able.collect::<Vec<_>>().join(","));
        cells.push(self.why_not());
        cells
    }

    /// `TYPE/NAME/NAMESPACE`, which stays right when it is passed on without `-n`.
    fn name(&self) -> String {
        format!("virtualmachineinstance.kubevirt.io/{}/{}", self.name, self.namespace)
    }
}

/// e.g. `default=tap0 (masquerade)`; an interface that no fault reaches has no device.
fn interface(interface: &InterfaceReport) -> String {
    let InterfaceReport {
        network,
        device,
        binding,
    } = interface;
    if device.is_empty() {
        format!("{network} ({binding})")
    } else {
        format!("{network}={device} ({binding})")
    }
}

impl VmiTargetItem {
    /// e.g. `netem,filter: is paused; migrate: not live-migratable`: faults with the same reason together.
    fn why_not(&self) -> String {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for (fault, ability) in self.faults.iter().filter(|(_, ability)| !ability.able) {
            let reason = ability.reason.as_deref().unwrap_or("cannot");
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, faults)) => faults.push(fault),
                None => reasons.push((reason, vec![fault])),
            }
        }
        let told = reasons.iter().map(|(reason, faults)| {
            if faults.len() == self.faults.len() {
                (*reason).to_owned()
            } else {
                format!("{}: {reason}", faults.join(","))
            }
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

impl FaultAbility {
    pub fn able() -> Self {
        Self {
            able: true,
            reason: None,
        }
    }

    pub fn unable(reason: impl Into<String>) -> Self {
        Self {
            able: false,
            reason: Some(reason.into()),
        }
    }
}
