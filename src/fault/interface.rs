//! The devices of a VMI's interfaces, from its spec and status, by KubeVirt's naming rules; and which of them a
//! fault can reach.
//!
//! ```text
//! pod interface  eth0        pod16477688c0e   net1
//! tap            tap0        tap16477688c0e   tap1
//! bridge         k6t-eth0    k6t-16477688c0e  k6t-net1
//! renamed uplink eth0-nic    16477688c0e-nic  net1-nic
//! ```
//! Source: kubevirt/kubevirt `pkg/network/link/names.go`, `pkg/network/namescheme/networknamescheme.go` (v0.58 to
//! v1.9). The names are looked for again in the VM's network namespace before anything is changed.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::target::{Binding, Interface};

/// One entry of `spec.domain.devices.interfaces[]` with its network and what the status says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Name of the network in the VMI's spec.
    pub network: String,
    pub source: NetworkSource,
    pub wiring: Wiring,
    /// `status.interfaces[].podInterfaceName`, KubeVirt 1.4 and later.
    pub pod_interface: Option<String>,
    /// `state: absent`: it is being unplugged.
    pub absent: bool,
}

/// Where the network of an interface comes from (`spec.networks[]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkSource {
    /// The pod's own network, or a Multus network marked `default: true`.
    Primary,
    /// A Multus network beside it.
    Secondary,
    /// Something else (`resourceClaim` …), or no entry at all.
    Other,
}

/// The key of an interface that says how it is wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wiring {
    Masquerade,
    Bridge,
    Sriov,
    /// `passtBinding`, or the `passt` of old versions.
    Passt,
    Slirp,
    /// The core binding that KubeVirt 1.3 removed.
    Macvtap,
    /// `binding.name`: a network binding plugin.
    Plugin(String),
    /// None of the keys we know.
    Unknown,
}

/// What the KubeVirt CR says about binding plugins: name to `domainAttachmentType`; `None` when it could not be read.
pub type Plugins = Option<BTreeMap<String, Option<String>>>;

/// An interface no fault can be put on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Name of the network in the VMI's spec.
    pub network: String,
    /// How the interface is bound, as it is shown: `sriov`, `plugin macvtap`.
    pub binding: String,
    /// The reason, e.g. `an SR-IOV device bypasses the pod's network`.
    pub why: String,
}

/// The Multus annotation `k8s.v1.cni.cncf.io/network-status` of the launcher pod, as far as names go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodNetworks(Vec<PodNetwork>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct PodNetwork {
    #[serde(default)]
    interface: String,
    #[serde(default)]
    default: bool,
}

/// Annotation that [`PodNetworks`] is read from.
pub const NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

/// Hex digits of the network name's SHA-256 in a pod interface's name: as many as `pod` leaves of 14 characters.
const HASH_DIGITS: usize = 11;

// === impl PodNetworks ===

impl PodNetworks {
    /// Reads the annotation; what cannot be read is as good as absent, for the names can be computed.
    pub fn parse(annotation: &str) -> Self {
        serde_json::from_str(annotation).map(Self).unwrap_or_default()
    }

    /// The interface of the pod's default network, `ovn-udn1` for a primary user-defined network.
    fn primary(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|entry| entry.default)
            .map(|entry| entry.interface.as_str())
            .filter(|name| !name.is_empty())
    }

    /// Whether the pod was started by a KubeVirt before 1.0 (or migrated from such a one): `net1`, `net2` …
    fn is_ordinal(&self) -> bool {
        self.0.iter().any(|entry| {
            entry
                .interface
                .strip_prefix("net")
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }
}

/// `pod` and the first eleven hex digits of the network name's SHA-256.
pub fn hashed_pod_interface(network: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::from("pod");
    for byte in Sha256::digest(network.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.truncate("pod".len() + HASH_DIGITS);
    name
}

/// The interfaces a fault can be put on, in the order of the spec, and the others with the reason.
pub fn reach(nics: &[Nic], pod: &PodNetworks, plugins: &Plugins) -> (Vec<Interface>, Vec<Unreachable>) {
    let mut reachable = Vec::new();
    let mut rest = Vec::new();
    let mut ordinal = 0;
    for nic in nics {
        if nic.source == NetworkSource::Secondary {
            ordinal += 1;
        }
        let found = binding_of(nic, plugins).and_then(|binding| devices(nic, binding, pod, ordinal));
        match found {
            Ok(interface) => reachable.push(interface),
            Err(why) => rest.push(Unreachable {
                network: nic.network.clone(),
                binding: nic.wiring.to_string(),
                why,
            }),
        }
    }
    (reachable, rest)
}

/// The interfaces that a fault may be on, whoever put it there and whatever was known then: also one that is being unplugged, and
/// one of a plugin of which nothing is known here, or nothing any more. A device that is not there holds nothing.
pub fn may_hold(nics: &[Nic], pod: &PodNetworks, plugins: &Plugins) -> Vec<Interface> {
    let known = plugins
        .iter()
        .flatten()
        .map(|(name, kind)| (name.clone(), kind.clone()));
    let mut supposed: BTreeMap<String, Option<String>> = known.collect();
    let mut nics = nics.to_vec();
    for nic in &mut nics {
        nic.absent = false;
        if let Wiring::Plugin(name) = &nic.wiring {
            // A fault can have been put on no other kind.
            let managed = || Some("managedTap".to_owned());
            supposed.entry(name.clone()).or_insert_with(managed);
        }
    }
    reach(&nics, pod, &Some(supposed)).0
}

fn devices(nic: &Nic, binding: Binding, pod: &PodNetworks, ordinal: usize) -> Result<Interface, String> {
    let pod_interface = pod_interface(nic, pod, ordinal)?;
    let stem = pod_interface.strip_prefix("pod").unwrap_or(&pod_interface);
    let tap = match nic.source {
        NetworkSource::Primary => "tap0".to_owned(),
        // What follows the first three letters: `pod<hash>` and `net1` alike.
        _ => format!("tap{}", pod_interface.get(3..).unwrap_or_default()),
    };
    let uplink = match binding {
        Binding::Masquerade => pod_interface.clone(),
        Binding::Bridge | Binding::ManagedTap => format!("{stem}-nic"),
    };
    let interface = Interface {
        network: nic.network.clone(),
        tap,
        bridge: format!("k6t-{stem}"),
        uplink,
        binding,
    };
    for name in [&interface.tap, &interface.bridge, &interface.uplink] {
        if !is_device_name(name) {
            return Err(format!(
                "its device would be called `{}`, which is no device name",
                name.escape_default()
            ));
        }
    }
    Ok(interface)
}

fn pod_interface(nic: &Nic, pod: &PodNetworks, ordinal: usize) -> Result<String, String> {
    if let Some(name) = nic.pod_interface.as_ref().filter(|name| !name.is_empty()) {
        return Ok(name.clone());
    }
    match nic.source {
        NetworkSource::Primary => Ok(pod.primary().unwrap_or("eth0").to_owned()),
        NetworkSource::Secondary if pod.is_ordinal() => Ok(format!("net{ordinal}")),
        NetworkSource::Secondary => Ok(hashed_pod_interface(&nic.network)),
        NetworkSource::Other => Err("its network is neither the pod's nor a Multus network".to_owned()),
    }
}

/// How the interface is bound, or why no fault can be put on it.
fn binding_of(nic: &Nic, plugins: &Plugins) -> Result<Binding, String> {
    let refused = |why: &str| Err(why.to_owned());
    if nic.absent {
        return refused("it is being unplugged");
    }
    match &nic.wiring {
        Wiring::Masquerade => Ok(Binding::Masquerade),
        Wiring::Bridge => Ok(Binding::Bridge),
        Wiring::Sriov => refused("an SR-IOV device bypasses the pod's network"),
        Wiring::Passt => refused("passt has no tap: it opens sockets on the pod's network"),
        Wiring::Slirp => refused("slirp has no tap: QEMU opens the connections itself"),
        Wiring::Macvtap => refused("macvtap has no tap on a bridge: its directions are the other way round"),
        Wiring::Unknown => refused("its binding is none that is known"),
        Wiring::Plugin(name) => plugin_binding(name, plugins),
    }
}

fn plugin_binding(name: &str, plugins: &Plugins) -> Result<Binding, String> {
    let Some(known) = plugins else {
        // OVN-Kubernetes' documented plugin; the node checks that there is a tap on a bridge.
        return if name == "l2bridge" {
            Ok(Binding::ManagedTap)
        } else {
            Err("how this plugin is wired is not known: the KubeVirt object could not be read".to_owned())
        };
    };
    match known.get(name).map(Option::as_deref) {
        Some(Some("managedTap")) => Ok(Binding::ManagedTap),
        Some(Some("tap")) => Err(
            "a plugin of type `tap` (macvtap) has no tap on a bridge: its directions are the other way round".into(),
        ),
        Some(Some(_) | None) if name.contains("passt") => {
            Err("passt has no tap: it opens sockets on the pod's network".to_owned())
        }
        Some(Some(other)) => Err(format!(
            "plugins of type `{}` are not supported",
            other.escape_default()
        )),
        Some(None) => Err("this plugin wires the VM in its own way (no domainAttachmentType)".to_owned()),
        None => Err("this plugin is not registered in the KubeVirt object".to_owned()),
    }
}

/// Whether `name` can be a network device and is safe in a shell: these names go into the node's plan.
pub fn is_device_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name != "."
        && name != ".."
        // `-` first would be read as an option.
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

// === impl Wiring ===

impl std::fmt::Display for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Masquerade => f.write_str("masquerade"),
            Self::Bridge => f.write_str("bridge"),
            Self::Sriov => f.write_str("sriov"),
            Self::Passt => f.write_str("passt"),
            Self::Slirp => f.write_str("slirp"),
            Self::Macvtap => f.write_str("macvtap"),
            Self::Plugin(name) => write!(f, "plugin {}", name.escape_default()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
#[path = "interface_tests.rs"]
mod tests;
