//! What `outage` was asked for, and a VMI it can be done to.

use std::time::Duration;

use serde::Serialize;
use serde::ser::Serializer;

use super::recovery::reruns_deleted;
use crate::cluster::kubevirt::Release;
use crate::cluster::volume::Volatile;
use crate::fault::{Execution, Launcher, RunField, Time};

/// What is done to a VMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The VMI is deleted: its guest is told to shut down.
    Delete,
    /// The guest's QEMU process is killed on its node.
    Kill,
    /// The launcher pod is deleted.
    Pod,
    /// The guest is frozen.
    Pause,
    /// The VM is stopped.
    Stop,
    /// The guest's reset button.
    Reset,
}

/// An outage as asked for: the part of a run that its document shows as `fault`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageSpec {
    pub mode: Mode,
    /// The time the platform has once the guest is gone; for `pause` and `stop` how long it stays so. Unused by `reset`.
    pub duration: Time,
    /// From there to Ready.
    pub timeout: Time,
    /// Seconds the guest has to shut down (`stop`, `pod`); `None` is the usual: the VMI's own for `stop`, none for `pod`.
    pub grace_period: Option<u32>,
    pub execution: Execution,
    /// The run strategy is Manual for as long as it lasts.
    pub disable_auto_restart: bool,
    /// What the platform does not bring back stays away.
    pub no_recover: bool,
}

/// A VMI that can take an outage, as found when the run was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutageTarget {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub node: String,
    /// Where it runs; read for `pod` and `kill` alone.
    pub launcher: Option<Launcher>,
    pub owner: Owner,
    /// Whether its guest agent is connected, and therefore waited for.
    pub agent: bool,
    /// Time its guest has for a clean shutdown.
    pub shutdown: Duration,
    /// Volumes whose data, or whose place in the guest, ends with it.
    pub volatile: Vec<Volatile>,
}

/// What keeps a VMI running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nothing: a VMI that somebody made by itself.
    Nobody,
    Vm(RunField),
    ReplicaSet {
        name: String,
        uid: String,
    },
    Other {
        kind: String,
        name: String,
    },
}

// === impl Mode ===

impl Mode {
    pub const ALL: [Self; 6] = [
        Self::Delete,
        Self::Kill,
        Self::Pod,
        Self::Pause,
        Self::Stop,
        Self::Reset,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Kill => "kill",
            Self::Pod => "pod",
            Self::Pause => "pause",
            Self::Stop => "stop",
            Self::Reset => "reset",
        }
    }

    /// Whether the guest ends, so that what comes back is another one.
    pub const fn ends_guest(self) -> bool {
        matches!(self, Self::Delete | Self::Kill | Self::Pod | Self::Stop)
    }

    /// Whether the guest boots again in the same VMI, as soon as it is asked to.
    pub const fn boots_in_place(self) -> bool {
        matches!(self, Self::Reset)
    }
}

// === impl OutageSpec ===

impl OutageSpec {
    pub fn duration(&self) -> Duration {
        self.duration.as_duration()
    }

    pub fn timeout(&self) -> Duration {
        self.timeout.as_duration()
    }

    /// How long a VM's turn takes at least: what the platform ends is over as soon as it has.
    pub(crate) fn least(&self) -> Duration {
        if self.is_held() {
            self.duration()
        } else {
            Duration::ZERO
        }
    }

    /// How long a VM's turn takes at most.
    pub(crate) fn most(&self) -> Duration {
        let lasts = if self.mode == Mode::Reset {
            Duration::ZERO
        } else {
            self.duration()
        };
        lasts + self.timeout()
    }

    /// Whether it lasts until it is undone: no timer of the cluster ends it.
    pub fn is_held(&self) -> bool {
        matches!(self.mode, Mode::Pause | Mode::Stop) || self.disable_auto_restart
    }

    /// The field that says whether a VM runs, as it is meanwhile; `None` where it is nobody's business. KubeVirt's own stop makes
    /// Halted of Always and Once, in the field the VM has, up to 1.1 also of `RerunOnFailure`, and leaves the other run
    /// strategies as they are (virt-api, 1.0 to 1.9).
    pub(crate) fn field_during(&self, before: &RunField, release: Option<Release>) -> Option<RunField> {
        let halts = |strategy: &str| match strategy {
            "Always" | "Once" => true,
            "RerunOnFailure" => reruns_deleted(release),
            _ => false,
        };
        match self.mode {
            Mode::Stop => Some(match before {
                RunField::Running(_) => RunField::Running(false),
                RunField::RunStrategy(strategy) if halts(strategy) => RunField::RunStrategy("Halted".to_owned()),
                other => other.clone(),
            }),
            _ if self.disable_auto_restart => Some(RunField::RunStrategy("Manual".to_owned())),
            _ => None,
        }
    }
}

/// One flat object: what was asked for.
impl Serialize for OutageSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Flat {
            mode: Mode,
            #[serde(skip_serializing_if = "Option::is_none")]
            duration: Option<String>,
            timeout: Time,
            #[serde(skip_serializing_if = "Option::is_none")]
            grace_period: Option<u32>,
            execution: Execution,
            disable_auto_restart: bool,
            no_recover: bool,
        }
        Flat {
            mode: self.mode,
            duration: (!self.mode.boots_in_place()).then(|| self.duration.in_seconds()),
            timeout: self.timeout,
            grace_period: self.grace_period,
            execution: self.execution,
            disable_auto_restart: self.disable_auto_restart,
            no_recover: self.no_recover,
        }
        .serialize(serializer)
    }
}

// === impl OutageTarget ===

impl OutageTarget {
    /// `namespace/name`
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The field that says whether its VM runs, where there is a VM.
    pub(crate) fn run_field(&self) -> Option<&RunField> {
        match &self.owner {
            Owner::Vm(field) => Some(field),
            _ => None,
        }
    }
}

#[cfg(test)]
impl OutageSpec {
    /// With nothing asked for but the mode.
    pub(crate) fn plain(mode: Mode) -> Self {
        Self {
            mode,
            duration: Time::from_millis(60_000),
            timeout: Time::from_millis(300_000),
            grace_period: None,
            execution: Execution::Serial,
            disable_auto_restart: false,
            no_recover: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_has_no_duration() {
        let expected = serde_json::json!({
            "mode": "delete", "duration": "60s", "timeout": "300s", "execution": "serial",
            "disableAutoRestart": false, "noRecover": false,
        });
        assert_eq!(serde_json::to_value(OutageSpec::plain(Mode::Delete)).unwrap(), expected);
        let reset = serde_json::to_value(OutageSpec::plain(Mode::Reset)).unwrap();
        assert_eq!(reset.get("duration"), None);
    }
}
