//! Which VMIs can be migrated (`pkg/virt-handler`, `calculateLiveMigrationCondition`).

use serde_json::Value;

use super::devices;
use crate::json as fields;

/// Why its disks cannot be moved to another node: what is claimed is copied.
pub(super) fn not_storage(vmi: &Value) -> Option<(&'static str, String)> {
    let disks = |(reason, message): &(&str, String)| *reason == "DisksNotLiveMigratable" && !message.contains("PVC");
    not(vmi).filter(disks)
}

/// Why a VMI cannot be migrated, by KubeVirt's rules for networks and disks.
pub(super) fn not(vmi: &Value) -> Option<(&'static str, String)> {
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
        let on_pod = devices::network_of(vmi, interface).is_some_and(|network| network.get("pod").is_some());
        let allowed = fields::present(
            vmi,
            "/metadata/annotations/kubevirt.io~1allow-pod-bridge-network-live-migration",
        );
        if on_pod && interface.get("bridge").is_some() && !allowed {
            return Some(("InterfaceNotLiveMigratable", "cannot migrate VMI which does not use masquerade, bridge with kubevirt.io/allow-pod-bridge-network-live-migration VM annotation or a migratable plugin to connect to the pod network".to_owned()));
        }
    }
    // There are no claims here to be read: none is shared.
    let reason = "DisksNotLiveMigratable";
    fields::list(vmi, "/spec/volumes").iter().find_map(|volume| {
        let claim = fields::text(volume, "/persistentVolumeClaim/claimName");
        if volume.get("hostDisk").is_some() {
            let name = fields::text(volume, "/name");
            Some((reason, format!("cannot migrate VMI: Unable to determine if volume {name} is shared: it is a host disk")))
        } else if !claim.is_empty() {
            Some((reason, format!("cannot migrate VMI: PVC {claim} is not shared, live migration requires that all PVCs must be shared (using ReadWriteMany access mode)")))
        } else {
            None
        }
    })
}
