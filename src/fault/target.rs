//! What a fault is done to: a VMI, the launcher pod it runs in, and the devices of its interfaces.
//!
//! ```text
//! peer ── uplink (eth0 | <p>-nic) ── bridge (k6t-<p>) ── tap (tap0 | tap<hash>) ── guest
//!              root qdisc: out of the guest                 root qdisc: into the guest
//! ```
//! Pure: `cluster` fills these in from the API, `plan` compiles a fault onto them.

use std::fmt;

use crate::escape::escape;

/// A VMI that can take a fault, as found when the run was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub namespace: String,
    pub name: String,
    /// UID of the VMI; a restarted guest has another one.
    pub uid: String,
    pub node: String,
    pub launcher: Launcher,
    /// Interfaces the fault can reach, in the order of the VMI's spec; never empty.
    pub interfaces: Vec<Interface>,
    /// Liveness and readiness probes of the VMI that cross its network.
    pub probes: Vec<KubeletProbe>,
}

/// The virt-launcher pod the VMI runs in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    pub name: String,
    pub uid: String,
    /// 64 hex digits of the `compute` container's ID without its `containerd://`; `None` when the status does not say.
    pub container_id: Option<String>,
    /// The pod's address, IPv4 where it has one; `None` when the status does not say.
    pub address: Option<std::net::IpAddr>,
}

/// One network interface of a VMI that has a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name of the network in the VMI's spec.
    pub network: String,
    /// The tap device QEMU holds, e.g. `tap0` or `tap16477688c0e`.
    pub tap: String,
    /// The bridge the tap is a port of, e.g. `k6t-eth0`.
    pub bridge: String,
    /// The device the guest's frames leave the pod by: `eth0` (masquerade), `<p>-nic` (bridge, managed tap).
    pub uplink: String,
    pub binding: Binding,
}

/// How an interface is wired to the pod (`spec.domain.devices.interfaces[]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    Masquerade,
    Bridge,
    /// A network binding plugin with `domainAttachmentType: managedTap` (KubeVirt 1.4); wired like a bridge.
    ManagedTap,
}

/// A probe of the VMI that a fault may make fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeletProbe {
    pub kind: KubeletProbeKind,
    pub action: ProbeAction,
    pub period_seconds: u32,
    pub timeout_seconds: u32,
    pub failure_threshold: u32,
}

/// What a probe does; shown as `tcp 22` or `http 8080/healthz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAction {
    /// Opens a connection.
    Tcp { port: ProbePort },
    /// Opens a connection and makes a request; `path` is without its first slash.
    Http { port: ProbePort, path: String },
}

/// The guest's port that a probe is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbePort {
    Number(u16),
    /// The name of one, or a number that no port has; escaped.
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubeletProbeKind {
    Liveness,
    Readiness,
}

/// A VMI that was named or matched and cannot take the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub namespace: String,
    pub name: String,
    /// e.g. `is paused`, `has no interface with a tap (sriov: blue)`.
    pub reason: String,
    /// What would make it fit, where there is something.
    pub hint: Option<String>,
}

/// Annotation of a namespace, a VM or a VMI that keeps faults off.
pub const PROTECTED: &str = "vmchaos.dev/protected";

/// Whether this value of [`PROTECTED`] does: any but `false`.
pub fn protects(value: &str) -> bool {
    !value.trim().eq_ignore_ascii_case("false")
}

// === impl ===

impl Target {
    /// `namespace/name`, as it is shown everywhere.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl ProbeAction {
    pub fn port(&self) -> &ProbePort {
        match self {
            Self::Tcp { port } | Self::Http { port, .. } => port,
        }
    }
}

impl ProbePort {
    /// `None` for a name, whose number is not in the VMI's probe.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(_) => None,
        }
    }
}

impl From<&str> for ProbePort {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(escape(text)), Self::Number)
    }
}

impl fmt::Display for ProbePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ProbeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { port } => write!(f, "tcp {port}"),
            Self::Http { port, path } => write!(f, "http {port}/{path}"),
        }
    }
}

impl Interface {
    /// Whether the uplink is a port of the bridge; for masquerade it is routed instead.
    pub fn uplink_is_port(&self) -> bool {
        self.binding != Binding::Masquerade
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Masquerade => "masquerade",
            Self::Bridge => "bridge",
            Self::ManagedTap => "managedTap",
        })
    }
}

impl fmt::Display for KubeletProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
        })
    }
}
