//! KubeVirt's side of the practice cluster: what its webhooks refuse and its controllers do.

pub(crate) mod admission;
mod controller;
pub(crate) mod devices;
pub(crate) mod evacuation;
pub(crate) mod launcher;
mod launcher_parts;
mod migratable;
mod migration;
mod migration_end;
mod migration_handover;
pub(crate) mod migration_limits;
pub(crate) mod migration_play;
mod migration_waits;
pub(crate) mod owners;
mod release;
mod run_strategy;
pub(crate) mod subresources;
pub(crate) mod vmi;
pub(crate) mod vmi_defaults;
pub(crate) mod vmi_end;
pub(crate) mod vmi_life;
pub(crate) mod whole;

use std::sync::Arc;

pub(crate) use self::{controller::run, run_strategy::request};
use super::{
    api::resources::{VMIS, VMS},
    cluster::Cluster,
    json,
};

/// Brings the status of every VM of a new world up to what is there.
pub(crate) fn settle(cluster: &Arc<Cluster>) {
    for vm in cluster.list(&VMS, "") {
        run_strategy::reconcile(
            cluster,
            json::text(&vm, "/metadata/namespace"),
            json::text(&vm, "/metadata/name"),
        );
    }
}

/// Pauses a VMI, or lets it go on.
pub(crate) fn pause(cluster: &Cluster, namespace: &str, name: &str, paused: bool) {
    cluster.edit(&VMIS, namespace, name, |vmi| {
        if paused {
            vmi::condition(vmi, "Paused", "True", "PausedByUser", "VMI was paused by user");
        } else {
            vmi::condition(vmi, "Paused", "", "", "");
        }
    });
}
