//! KubeVirt's side of the practice cluster: what its webhooks refuse and its controllers do.

pub(crate) mod admission;
mod controller;
pub(crate) mod devices;
pub(crate) mod launcher;
mod migration;
mod migration_end;
pub(crate) mod migration_limits;
pub(crate) mod migration_play;
mod migration_waits;
pub(crate) mod owners;
mod run_strategy;
pub(crate) mod subresources;
pub(crate) mod vmi;
mod vmi_life;

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
        let (is_paused, ready, reason) = if paused {
            ("True", "False", "PausedByUser")
        } else {
            ("", "True", "")
        };
        vmi::condition(
            vmi,
            "Paused",
            is_paused,
            reason,
            if paused { "VMI was paused by user" } else { "" },
        );
        vmi::condition(vmi, "Ready", ready, reason, "");
    });
}
