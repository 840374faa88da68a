//! What the installed KubeVirt can do, by its version: what changed since 1.0, as read in its sources.

use crate::{api::resources::KUBEVIRTS, cluster::Cluster, json as fields};

/// A major and a minor version.
type Release = (u32, u32);

/// From here on `RerunOnFailure` leaves a VMI away that was deleted, and a stop leaves that run strategy as it is.
const RERUNS_FAILURES_ONLY: Release = (1, 2);
/// The first that serves `virtualmachineinstances/reset`.
const RESETS: Release = (1, 5);
/// The first with `spec.addedNodeSelector` of a migration.
const SELECTS_NODES: Release = (1, 6);

/// Whether a VMI that was deleted is made again by `RerunOnFailure`, which a stop makes Halted.
pub(super) fn reruns_deleted(cluster: &Cluster) -> bool {
    is_before(cluster, RERUNS_FAILURES_ONLY)
}

/// Whether virt-api serves resets.
pub(super) fn resets(cluster: &Cluster) -> bool {
    !is_before(cluster, RESETS)
}

/// Whether a migration can be told where to go.
pub(super) fn selects_nodes(cluster: &Cluster) -> bool {
    !is_before(cluster, SELECTS_NODES)
}

/// A build of one's own is taken for new.
fn is_before(cluster: &Cluster, release: Release) -> bool {
    let kubevirt = cluster.list(&KUBEVIRTS, "").into_iter().next();
    let version = kubevirt
        .as_ref()
        .map_or("", |object| fields::text(object, "/status/observedKubeVirtVersion"));
    let mut parts = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok());
    let installed = parts.next().zip(parts.next());
    installed.is_some_and(|installed| installed < release)
}
