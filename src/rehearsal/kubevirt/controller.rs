//! KubeVirt's controllers in one task: every change of a VM, a VMI, a migration or a launcher is looked at once, in
//! order; what takes time gets a task of its own.

use std::{convert::Infallible, sync::Arc};

use serde_json::Value;

use super::{migration, owners, run_strategy, vmi, vmi_end, vmi_life};
use crate::{
    api::resources::{PODS, REPLICA_SETS, VMIMS, VMIS, VMS},
    cluster::Cluster,
    json as fields,
    node::pod_status,
    store::{Change, What},
};

/// Follows all changes.
pub(crate) async fn run(cluster: Arc<Cluster>, mut seen: u64) -> Infallible {
    let mut news = cluster.store().subscribe();
    loop {
        news.mark_unchanged();
        let changes: Vec<Change> = {
            let store = cluster.store();
            let ours = |change: &&Change| {
                let kinds = [&PODS, &VMIS, &VMIMS, &VMS, &REPLICA_SETS];
                kinds.into_iter().any(|kind| change.is_of(kind))
            };
            let changes = store
                .since(seen)
                .map(|changes| changes.filter(ours).cloned().collect())
                .unwrap_or_default();
            seen = store.version();
            changes
        };
        if changes.is_empty() && news.changed().await.is_err() {
            return std::future::pending().await;
        }
        for change in &changes {
            react(&cluster, change);
        }
    }
}

fn react(cluster: &Arc<Cluster>, change: &Change) {
    let object = &change.object;
    let (namespace, name) = (
        fields::text(object, "/metadata/namespace"),
        fields::text(object, "/metadata/name"),
    );
    if change.is_of(&VMIS) {
        on_vmi(cluster, change);
        run_strategy::reconcile(cluster, namespace, name);
        owners::replicate_for(cluster, object);
        if change.what == What::Modified {
            vmi_end::let_go(cluster, object);
        }
    } else if change.is_of(&VMS) && change.what != What::Deleted {
        run_strategy::reconcile(cluster, namespace, name);
    } else if change.is_of(&REPLICA_SETS) && change.what != What::Deleted {
        owners::replicate(cluster, object);
    } else if change.is_of(&VMIMS) && change.what == What::Added {
        tokio::spawn(migration::run(Arc::clone(cluster), Arc::clone(object)));
    } else if change.is_of(&PODS) && fields::text(object, "/metadata/labels/kubevirt.io") == "virt-launcher" {
        vmi_end::launcher_changed(cluster, object, change.what);
    }
    if change.what == What::Deleted {
        owners::collect(cluster, fields::text(object, "/metadata/uid"));
    }
}

fn on_vmi(cluster: &Arc<Cluster>, change: &Change) {
    let object = &change.object;
    let deleted_now = |object: &Value| fields::present(object, "/metadata/deletionTimestamp");
    match change.what {
        What::Added if matches!(fields::text(object, "/status/phase"), "" | "Pending") => {
            drop(tokio::spawn(vmi_life::start(Arc::clone(cluster), Arc::clone(object))));
        }
        What::Modified if deleted_now(object) && !change.before.as_ref().is_some_and(|before| deleted_now(before)) => {
            drop(tokio::spawn(vmi_end::end(Arc::clone(cluster), Arc::clone(object))));
        }
        What::Modified => {
            readiness(cluster, change);
            vmi_end::is_ready(cluster, object);
        }
        _ => {}
    }
}

/// A paused VM's launcher is not ready: its readiness gate says so.
fn readiness(cluster: &Arc<Cluster>, change: &Change) {
    let paused = vmi::is(&change.object, "Paused");
    if change
        .before
        .as_ref()
        .is_none_or(|before| vmi::is(before, "Paused") == paused)
    {
        return;
    }
    for pod in super::launcher::of(cluster, &change.object)
        .iter()
        .filter(|pod| fields::text(pod, "/status/phase") == "Running")
    {
        cluster.edit(
            &PODS,
            fields::text(pod, "/metadata/namespace"),
            fields::text(pod, "/metadata/name"),
            |pod| pod_status::gate(pod, !paused),
        );
        cluster.edit(
            &PODS,
            fields::text(pod, "/metadata/namespace"),
            fields::text(pod, "/metadata/name"),
            pod_status::ready,
        );
    }
}
