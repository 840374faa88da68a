//! The virt-launcher pod of a VMI: which one the guest runs in, and what is needed to find and copy it on its node.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::vmi::VirtualMachineInstance;
use crate::fault::Launcher;

/// Container of the launcher pod that QEMU runs in.
const COMPUTE: &str = "compute";

/// The pod the guest runs in now: owned by the VMI, Running on the VMI's node, the newest of those.
///
/// `status.activePods` is not asked: it lists pods that have ended (kubevirt#12773).
pub fn active_pod<'a>(vmi: &VirtualMachineInstance, pods: &[&'a Pod]) -> Option<&'a Pod> {
    pods.iter()
        .copied()
        .filter(|pod| {
            let owned = pod
                .metadata
                .owner_references
                .iter()
                .flatten()
                .any(|owner| owner.uid == vmi.uid());
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            owned
                && node == Some(vmi.status.node_name.as_str())
                && phase == Some("Running")
                && pod.metadata.deletion_timestamp.is_none()
        })
        .max_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// What is kept of the pod; `None` when it has no `compute` container.
pub fn launcher(pod: &Pod) -> Option<Launcher> {
    let spec = pod.spec.as_ref()?;
    let image = spec
        .containers
        .iter()
        .find(|container| container.name == COMPUTE)?
        .image
        .clone()?;
    let status = pod.status.as_ref().and_then(|status| {
        status
            .container_statuses
            .iter()
            .flatten()
            .find(|container| container.name == COMPUTE)
    });
    Some(Launcher {
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        container_id: status.and_then(container_id),
        image: status
            .and_then(|status| by_digest(&image, &status.image_id))
            .unwrap_or(image),
        pull_secrets: spec
            .image_pull_secrets
            .iter()
            .flatten()
            .map(|secret| secret.name.clone())
            .filter(|name| !name.is_empty())
            .collect(),
        address: address(pod),
    })
}

/// The first IPv4 address, else the first: what a client on the node would take.
fn address(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let listed = status.pod_ips.iter().flatten().map(|ip| &ip.ip);
    let all: Vec<IpAddr> = listed
        .chain(&status.pod_ip)
        .filter_map(|text| text.parse().ok())
        .collect();
    all.iter().find(|ip| ip.is_ipv4()).or(all.first()).copied()
}

/// The 64 hex digits behind `containerd://` or `cri-o://`; they become part of the node's plan.
fn container_id(status: &ContainerStatus) -> Option<String> {
    let (_, id) = status.container_id.as_ref()?.split_once("://")?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (id.len() == 64 && id.bytes().all(hex)).then(|| id.to_owned())
}

/// The image by the digest it runs under; `None` where the status names another repository or none, as for an
/// image that was loaded and not pulled: that could not be found again under the digest.
fn by_digest(image: &str, image_id: &str) -> Option<String> {
    let id = image_id.split_once("://").map_or(image_id, |(_, id)| id);
    let (repository, digest) = id.split_once('@')?;
    let known = digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64);
    (known && repository == repository_of(image)).then(|| id.to_owned())
}

/// The image's name without tag and digest; a colon before the last slash is a registry's port.
fn repository_of(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}
