//! The virt-launcher pod of a VMI: which one the guest runs in, and what is needed to find it on its node.
//!
//! Whoever may create pods next to a VM can make one that looks like its launcher, and virt-controller adopts it where it names
//! the VMI as its controller (KubeVirt 1.6): `status.activePods`, `status.launcherContainerImageVersion` and labels then say
//! nothing. What such a pod cannot have is the address that virt-handler reports of the guest.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::launcher_images::LauncherImages;
use super::vmi::VirtualMachineInstance;
use crate::command_line::CommandLine;
use crate::fault::Launcher;

/// Container of the launcher pod that QEMU runs in.
const COMPUTE: &str = "compute";

/// Why no pod is taken for the launcher of a VMI, in words that follow the VMI's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoLauncher {
    /// None is Running on the VMI's node.
    Missing(String),
    /// It has just been migrated, and its status does not show that in full yet: for about a second (KubeVirt 1.6).
    Migrated(String),
    /// Some call themselves so, and it is not certain which one is.
    Doubtful(String),
}

/// The pod the guest runs in now: Running on the VMI's node, KubeVirt's in all that can be known of it, and the only such one.
///
/// `pods` carry the VMI's UID in their label; without `images` what a pod runs cannot speak against it.
pub(crate) fn active_pod<'a>(
    vmi: &VirtualMachineInstance,
    pods: &[&'a Pod],
    images: Option<&LauncherImages>,
) -> Result<&'a Pod, NoLauncher> {
    let here = pods.iter().copied().filter(|pod| runs_on(pod, &vmi.status.node_name));
    let judged: Vec<(&Pod, Vec<String>)> = here.map(|pod| (pod, oddities(vmi, pod, images))).collect();
    let sound: Vec<&Pod> = judged
        .iter()
        .filter_map(|(pod, odd)| odd.is_empty().then_some(*pod))
        .collect();
    if let [only] = sound.as_slice() {
        return Ok(only);
    }
    if judged.is_empty() {
        let node = &vmi.status.node_name;
        return Err(NoLauncher::Missing(format!(
            "has no running virt-launcher pod on node {node}"
        )));
    }
    if let [(pod, odd)] = judged.as_slice()
        && odd.len() == 1
        && shows_the_source(vmi, pod, pods)
    {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        return Err(NoLauncher::Migrated(format!(
            "has just been migrated to pod {name}, and its status still has the address of the pod it came from"
        )));
    }
    let each = judged.iter().map(|(pod, odd)| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        match odd.as_slice() {
            [] => format!("pod {name} ({})", in_brief(pod)),
            odd => format!("pod {name} {}", odd.join(", and ")),
        }
    });
    let each = each.collect::<Vec<_>>().join("; ");
    Err(NoLauncher::Doubtful(match sound.len() {
        0 => format!("has no launcher pod that is KubeVirt's: {each}"),
        many => format!("has {many} pods that could be its launcher, and runs in one: {each}"),
    }))
}

/// What is kept of the pod.
pub(crate) fn launcher(pod: &Pod) -> Launcher {
    let status = pod.status.as_ref().and_then(|status| {
        status
            .container_statuses
            .iter()
            .flatten()
            .find(|container| container.name == COMPUTE)
    });
    let all = addresses(pod);
    Launcher {
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        container_id: status.and_then(container_id),
        // What a client on the node would take.
        address: all.iter().find(|ip| ip.is_ipv4()).or(all.first()).copied(),
    }
}

fn runs_on(pod: &Pod, node: &str) -> bool {
    let its_node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    its_node == Some(node) && phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// What KubeVirt would not have made of a launcher pod, in words that follow the pod's name.
fn oddities(vmi: &VirtualMachineInstance, pod: &Pod, images: Option<&LauncherImages>) -> Vec<String> {
    let mut odd = Vec::new();
    let owned = pod.metadata.owner_references.iter().flatten().any(|owner| {
        owner.controller == Some(true)
            && owner.kind == "VirtualMachineInstance"
            && owner.api_version.starts_with("kubevirt.io/")
            && owner.uid == vmi.uid()
            && owner.name == vmi.name()
    });
    if !owned {
        odd.push("is not controlled by the VMI (ownerReferences)".to_owned());
    }
    match (compute_image(pod), images) {
        (None, _) => odd.push(format!("has no container {COMPUTE}")),
        (Some(image), Some(images)) if !images.is_a_launchers(image) => {
            odd.push(format!("runs image {image}, not {}", images.repositories()));
        }
        _ => {}
    }
    let reported = vmi.pod_addresses();
    let own = addresses(pod);
    if !reported.is_empty() && !own.iter().any(|address| reported.contains(address)) {
        let has = if own.is_empty() {
            "has no address".to_owned()
        } else {
            format!("has address {}", listed(&own))
        };
        odd.push(format!("{has}, not the VMI's {}", listed(&reported)));
    }
    odd
}

/// Whether a VMI that was migrated to this pod still reports the address of the pod it was migrated from.
fn shows_the_source(vmi: &VirtualMachineInstance, target: &Pod, pods: &[&Pod]) -> bool {
    let Some(state) = (vmi.status.migration_state.as_ref()).filter(|state| state.completed && !state.failed) else {
        return false;
    };
    let source = (pods.iter()).find(|pod| pod.metadata.name.is_some() && pod.metadata.name == state.source_pod);
    let source = source.map(|pod| addresses(pod)).unwrap_or_default();
    state.target_pod.is_some()
        && state.target_pod == target.metadata.name
        && vmi.pod_addresses().iter().any(|reported| source.contains(reported))
}

fn in_brief(pod: &Pod) -> String {
    let image = compute_image(pod).unwrap_or("none");
    match addresses(pod).as_slice() {
        [] => format!("image {image}, no address"),
        all => format!("image {image}, address {}", listed(all)),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    let mut texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    texts.dedup();
    texts.join(", ")
}

fn compute_image(pod: &Pod) -> Option<&str> {
    let containers = &pod.spec.as_ref()?.containers;
    let compute = containers.iter().find(|container| container.name == COMPUTE)?;
    compute.image.as_deref()
}

fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let listed = status.pod_ips.iter().flatten().map(|ip| &ip.ip);
    let mut all: Vec<IpAddr> = listed
        .chain(&status.pod_ip)
        .filter_map(|text| text.parse().ok())
        .collect();
    all.dedup();
    all
}

/// The 64 hex digits behind `containerd://` or `cri-o://`; they become part of the node's plan.
fn container_id(status: &ContainerStatus) -> Option<String> {
    let (_, id) = status.container_id.as_ref()?.split_once("://")?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (id.len() == 64 && id.bytes().all(hex)).then(|| id.to_owned())
}

// === impl NoLauncher ===

impl NoLauncher {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Missing(reason) | Self::Migrated(reason) | Self::Doubtful(reason) => reason,
        }
    }

    /// The command that looks.
    pub(crate) fn look(&self, vmi: &VirtualMachineInstance) -> CommandLine {
        let look = CommandLine::new("kubectl get pods")
            .flag("-n", vmi.namespace())
            .flag("-l", format!("kubevirt.io/created-by={}", vmi.uid()));
        match self {
            Self::Missing(_) => look,
            Self::Migrated(_) => CommandLine::new("kubectl get vmi")
                .flag("-n", vmi.namespace())
                .arg(vmi.name())
                .own("-o wide")
                .to("KubeVirt writes the new one within seconds; repeat this once it is there: "),
            Self::Doubtful(_) => look
                .own("-o wide")
                .to("find out who made the pods that KubeVirt did not, and delete those, then repeat this: "),
        }
    }
}

#[cfg(test)]
#[path = "launcher_tests.rs"]
mod tests;
